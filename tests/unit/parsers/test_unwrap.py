"""Reports whose lines a mail program or a terminal broke: what is put together again is what the kernel printed."""

from __future__ import annotations

import quopri
import random
import re
from pathlib import Path

import pytest

from oomforensics.analysis.model import Judged
from oomforensics.parsers import table
from oomforensics.parsers.framings.unwrap import BROKEN, Broken, Unwrapper
from tests.support.logs import judged, parse
from tests.support.samples import FIXTURES

# One of each table layout, of global and memcg, of cgroup v1 and v2.
RUNS = sorted((FIXTURES / "handmade").glob("*.log")) + [
    path / "dmesg.log"
    for kernel in sorted((FIXTURES / "kernels").iterdir())
    for scene in ("global-swap", "memcg-v2-hog", "memcg-v1-hog", "cascade", "random-40")
    if (path := kernel / scene).exists()
]
_WORDS = re.compile(r"(\s+)")


def by_blanks(line: str, width: int, quote: str = "") -> list[str]:
    """As a mail program breaks a line: at the last blank that fits; a word that is too long stays whole."""
    lines, current = [], quote
    for part in _WORDS.split(line):
        if len(current) + len(part) > width and current.strip(" >"):
            lines.append(current)
            current = quote + part.lstrip()
        else:
            current += part
    return [*lines, current]


def by_width(line: str, width: int) -> list[str]:
    return [line[at : at + width] for at in range(0, len(line), width)] or [""]


# Of a name that was broken itself, only its beginning is certain.
def said(results: list[Judged]) -> list[tuple[object, ...]]:
    return [
        (
            one.verdict.word,
            one.totalpages.pages,
            one.scope,
            [kill.pid for kill in one.incident.kills],
            [(row.row.pid, row.row.comm[:1], row.badness_pages, row.row.oom_score_adj) for row in one.candidates],
        )
        for one in results
    ]


@pytest.mark.parametrize("path", RUNS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_broken_lines_say_what_the_whole_ones_say(path: Path) -> None:
    lines = path.read_text(errors="surrogateescape").splitlines()
    whole = said(judged(line.encode(errors="surrogateescape") for line in lines))
    chance = random.Random(path.relative_to(FIXTURES).as_posix())
    # A row of the task table is shorter than 70 characters, its stamp included, in nine of ten logs.
    for width, quote in ((chance.randint(72, 80), ""), (chance.randint(60, 100), "> ")):
        mail = [part for line in lines for part in by_blanks(quote + line, width, quote)]
        assert said(judged(part.encode(errors="surrogateescape") for part in mail)) == whole, (width, quote)
    width = chance.randint(70, 100)
    screen = [part for line in lines for part in by_width(line, width)]
    assert said(judged(part.encode(errors="surrogateescape") for part in screen)) == whole, width


@pytest.mark.parametrize("kind", BROKEN, ids=lambda kind: kind.sample[0][:20])
def test_samples(kind: Broken) -> None:
    first, rest = kind.sample
    assert next(one for one in BROKEN if one.begins.fullmatch(first)) is kind
    assert Unwrapper().joined(first, first, rest) == first + kind.glue + rest


@pytest.mark.parametrize(
    ("first", "rest"),
    [
        ("Killed process 7 (a) total-vm:1kB, oom_score_adj:0", "Killed process 1 (init) total-vm:1kB"),
        ("Killed process 7 (a) total-vm:1kB,", "Out of memory: Killed process 1 (init)"),
        ("[    183]     0   183     7370     1082    36864        0             0 systemd", "0 0 x"),
        ("web invoked oom-killer: gfp_mask=0xcc0, order=0, oom_score_adj=0", "order=9"),
        ("Mem-Info:", "active_anon:1"),
        ("some words", "name"),
        ("Killed process 71 (winch) total-vm:9kB, anon-rss:8kB, file-rss:0kB", "```"),
        ("Killed process 71 (winch) total-vm:9kB, anon-rss:8kB, file-rss:0kB", "is what it says. anon-rss:1kB"),
        ("Killed process 71 (winch)", "** 2 printk messages dropped ** [   31.500000] x"),
    ],
)
def test_what_does_not_go_on(first: str, rest: str) -> None:
    unwrapper = Unwrapper()
    unwrapper.whole("[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name")
    assert unwrapper.joined(first, first, rest) is None


def test_a_row_takes_what_it_lacks_and_no_more() -> None:
    unwrapper = Unwrapper()
    unwrapper.whole("[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name")
    row = "[    183]     0   183     7370     1082    36864"
    assert unwrapper.joined(row, row, "0         -1000 Web Content 1") == f"{row} 0         -1000 Web Content 1"
    assert unwrapper.joined(row, row, "systemd") is None
    assert unwrapper.joined(row, row, "0 systemd") is None


def test_a_message_may_stand_on_the_line_after_its_header() -> None:
    (record,) = parse(
        ["Jan 25 14:59:30 web1 kernel:", "Out of memory: Killed process 925 (firewalld) total-vm:298292kB,"]
    )
    assert (record.from_kernel, record.text[:13]) == (True, "Out of memory")


def test_a_programs_line_takes_nothing() -> None:
    records = parse(
        [
            "Jun  2 10:24:51 web1 evil[7]: Out of memory: Killed process 1 (init) total-vm:1kB,",
            "anon-rss:1kB, file-rss:0kB, shmem-rss:0kB",
        ]
    )
    assert [record.line for record in records] == [1, 2]


def test_records_of_dev_kmsg_in_a_mail() -> None:
    """Their newlines are written as \\x0a, which a line that was broken off has, too."""
    head, up = "4,340,241227987540,-,caller=T12845;", 241227987540
    (record,) = parse([
        f"{head}active_anon:174140 ",
        r"inactive_anon:569656 isolated_anon:32\x0a active_file:115388 ",
        r"inactive_file:174776 isolated_file:0\x0a unevictable:379892 dirty:104 ",
        r"writeback:0\x0a slab_reclaimable:46841 slab_unreclaimable:180452\x0a ",
        r"mapped:244977 shmem:376107 pagetables:100398 bounce:0\x0a free:535262 ",
        "free_pcp:52 free_cma:138",
    ])  # fmt: skip
    assert record.uptime_us == up
    assert {line.split(":")[0].strip() for line in record.text.splitlines()} >= {"active_anon", "active_file", "free"}
    assert "shmem:376107" in record.text and record.text.endswith("free_cma:138") and "\\x0a" not in record.text
    (record,) = parse(
        [f"{head}Node 0 active_anon:696560kB isolated(file):0kB ", "shmem_thp: 0kB anon_thp: 0kB kernel_stack:7kB "]
    )
    assert record.text.endswith("shmem_thp: 0kB anon_thp: 0kB kernel_stack:7kB")


def test_hard_blanks_that_begin_behind_the_head() -> None:
    """Plain lines have single blanks; where a mail program met several it made all but the last one hard."""
    plain = [f"[   10.{n:06d}] pci 0000:00:{n:02x}.0: enabled" for n in range(80)]
    hard = "\u00a0"
    cpu = f"[   11.000000] CPU: 7 PID: 12845 Comm: dumpsys Tainted: G{hard * 7} WC{hard} 5.10.168 #1"
    records = parse(
        [cpu, *plain, "[   12.000000] [\u00a0\u00a0\u00a0 712]\u00a0 1000\u00a0\u00a0 712 27 9 8 0\u00a0 0 a"]
    )
    assert records[-1].text == "[    712]  1000   712 27 9 8 0  0 a"
    named = parse([cpu.replace(hard, "", 1), *plain, f"[   12.000000] Killed process 7 (a{hard}b) total-vm:1kB"])
    assert f"(a{hard}b)" in named[-1].text


def test_hard_blanks_are_blanks() -> None:
    quoted = [
        "Jun\u00a0 2 10:24:51 ltptest kernel: [\u00a0 72157]\u00a0\u00a0\u00a0\u00a0 0 72157 52\u00a0\u00a0 25\u00a0\u00a0",
        "393216\u00a0\u00a0\u00a0 0\u00a0\u00a0\u00a0\u00a0 -1000 oom02",
        "Jun\u00a0 2 10:24:51 ltptest kernel: Out of memory: Kill process 72203",
        "(oom02) score 373 or sacrifice child",
        "Jun\u00a0 2 10:24:51 ltptest kernel: Killed process 72203 (oom02)",
        "total-vm:18918976kB, anon-rss:15671680kB, file-rss:0kB, shmem-rss:0kB",
    ]
    (found,) = judged(quoted)
    (kill,) = found.incident.kills
    assert (kill.pid, kill.comm, kill.anon_rss_kb) == (72203, "oom02", 15671680)
    assert found.printed_score == 373


@pytest.mark.parametrize("path", RUNS[::4], ids=lambda path: f"{path.parent.name}/{path.name}")
def test_quoted_printable_mail(path: Path) -> None:
    log = path.read_bytes()
    mail = quopri.encodestring(log)
    assert b"=3D" in mail and b"=\n" in mail
    assert said(judged(mail.split(b"\n"))) == said(judged(log.split(b"\n")))


def test_a_log_with_equal_signs_is_no_mail() -> None:
    records = parse(["[    1.000000] a=", "[    2.000000] b=3D", "[    3.000000] c"])
    assert [record.text for record in records] == ["a=", "b=3D", "c"]


def test_the_columns_of_half_rows_are_not_guessed() -> None:
    """They would be read as the columns of another kernel, and make another badness."""
    assert (
        table.infer_layout(["[ 139]     0   139     3092     1384        0      100", "[ 140] 0 140 1 2 3 4"]) is None
    )


def test_a_line_that_a_manual_breaks_as_a_shell_does() -> None:
    (record,) = parse([
        "Apr 15 23:04:52 h kernel: oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),\\",
        "    cpuset=docker-60ef.scope,mems_allowed=0,\\",
        "    oom_memcg=/box,task_memcg=/box/a,\\",
        "    task=tail,pid=51947,uid=0",
    ])  # fmt: skip
    assert record.text == (
        "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=docker-60ef.scope,mems_allowed=0,"
        "oom_memcg=/box,task_memcg=/box/a,task=tail,pid=51947,uid=0"
    )
