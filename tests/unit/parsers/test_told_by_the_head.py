"""Sources whose first lines tell how all of them are to be read."""

from __future__ import annotations

import json

import pytest

from oomforensics.parsers.framings import Reader
from oomforensics.parsers.records import PAUSE, PAUSED_LINE, Record, TsSource
from tests.support.logs import CONTEXT, parse
from tests.support.reading import us

FORGED = "Out of memory: Killed process 1 (init) total-vm:1kB, anon-rss:1kB, file-rss:1kB"


def read(*lines: str) -> list[Record]:
    return parse(lines)


def test_the_console_of_a_ci_service() -> None:
    """It says when the job printed the line; what stands behind that is read as if it stood alone."""
    told = [
        "\ufeff2026-05-01T10:00:00.1234567Z ##[group]Run sudo dmesg -T",
        "2026-05-01T10:00:00.1234567Z [Thu May 14 23:17:24 2020] active_anon:1 inactive_anon:2 isolated_anon:0",
        "2026-05-01T10:00:00.1234567Z                             active_file:14",
        "2026-05-01T10:00:00.1234567Z",
        "2026-05-01T10:00:00.1234567Z Dec 20 03:17:52 h evil[1]: x",
    ]
    first, second, empty, last = read(*told)
    assert first == Record(1, "##[group]Run sudo dmesg -T")
    assert (second.text.split("\n")[1], second.wall_us) == (" active_file:14", us(2020, 5, 14, 23, 17, 24))
    assert (empty.text, last.line, last.from_kernel) == ("", 5, False)


def test_a_syslog_with_seven_digits_here_and_there_is_no_console() -> None:
    told = ["2026-05-01T10:00:00.1234567Z h kernel: x", "2026-05-01T10:00:00.123456Z h kernel: x"]
    assert [record.host for record in read(*told * 5)] == ["h"] * 10


@pytest.mark.parametrize(
    ("date", "wall_local"),
    [
        ("2026-05-01T10:00:00.123456Z", False),
        ("A 2026-05-01T10:00:00.123456Z", False),
        ("> 2026-05-01T12:00:00.123456+02:00", False),
        ("2026-05-01 10:00:00,123456 UTC", False),
        ("2026/05/01 12:00:00.123456 +0200", False),
        ("2026-05-01 10:00:00.123456", True),
        ("2026-05-01 10:00:00.123456:", True),
    ],
)
def test_a_date_and_behind_it_what_the_kernel_said(date: str, wall_local: bool) -> None:
    said = [
        "CPU: 1 PID: 71 Comm: winch Not tainted 6.1.0 #1",
        "winch invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0",
    ]
    moment = us(2026, 5, 1, 10, micro=123_456)
    assert read(*(f"{date} {text}" for text in said)) == [
        Record(number, text, wall_us=moment, wall_source=TsSource.SYSLOG, wall_local=wall_local)
        for number, text in enumerate(said, start=1)
    ]


@pytest.mark.parametrize(
    "line",
    [
        "2026-05-01T10:00:00Z h winch invoked oom-killer: gfp_mask=0xcc0",
        "2026-05-01T10:00:00Z h evil: winch invoked oom-killer: gfp_mask=0xcc0",
        f"2026-05-01T10:00:00Z h {FORGED}",
        f"2026-05-01T10:00:00Z evil[71]: {FORGED}",
    ],
)
def test_what_a_syslog_says_of_others_is_not_the_kernels(line: str) -> None:
    (record,) = read(line)
    assert record.from_kernel is False


@pytest.mark.parametrize("date", ["[2026-05-01T10:00:00.123456Z]", "2026-05-01T10:00:00.123456789Z"])
def test_when_a_line_was_printed_is_no_time(date: str) -> None:
    (record,) = read(f"{date} winch invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0")
    assert (record.text[:5], record.wall_us, record.wall_source) == ("winch", None, TsSource.NONE)


def test_a_syslog_in_which_somebody_logs_the_kernels_words_is_a_syslog() -> None:
    """`logger -t oom_reaper 'reaped process 1'`, where no host is written."""
    others = ["May  1 11:00:01 cron[7]: x"] * 70
    told = read("May  1 11:00:00 oom_reaper: reaped process 1", *others, "May  1 12:00:08 kernel: [    8.012010] x")
    assert (told[-1].from_kernel, told[-1].uptime_us, told[0].from_kernel) == (True, 8_012_010, False)


def test_a_syslog_with_one_line_that_lost_its_host_is_a_syslog() -> None:
    told = read(f"2026-05-01T10:00:00Z {FORGED}", "2026-05-01T10:00:00Z h kernel: x")
    assert [record.from_kernel for record in told] == [False, True]


def test_a_syslog_whose_dates_were_cut_away_has_its_hosts() -> None:
    told = read("web-1.example kernel: [    1.200000] x", "web-1.example kernel: Mem-Info:", "db2 kernel: y")
    assert told == [
        Record(1, "x", 1_200_000, host="web-1.example", from_kernel=True),
        Record(2, "Mem-Info:", host="web-1.example", from_kernel=True),
        Record(3, "y", host="db2", from_kernel=True),
    ]
    (prose, _) = read("the kernel: x", "our kernel: y")
    assert (prose.text, prose.host) == ("the kernel: x", None)


_CURSOR = f"[s={'a' * 32};i=3;b={'b' * 32};m=a9aec5;t=650bcf85c0ec5;x=149083844ed18fd4]"
_VERBOSE = (
    f"Fr 2026-05-01 10:00:11.120325 CEST {_CURSOR}",
    "    _TRANSPORT=kernel",
    "    MESSAGE=a",
    "            MESSAGE=b",
    "            ",
    "    _HOSTNAME=web1",
    "    OF_A_PROGRAM=c",
    "                 d",
)


def test_an_entry_of_the_journal_in_full() -> None:
    for end in ((), _VERBOSE, ("-- Boot 9f1d0c56f7cd4c2a9b3f7f0f6a0b5c22 --",)):
        first, *_ = read("-- Journal begins at Fri 2026-05-01 --", *_VERBOSE, *end)[1:]
        assert (first.line, first.text, first.host, first.from_kernel) == (2, "a\nMESSAGE=b\n", "web1", True)
        assert (first.uptime_us, first.boot_id, first.wall_us) == (11120325, "b" * 32, 1777622411120325)


def test_an_entry_that_a_pause_cuts_waits_for_its_message() -> None:
    lines = [*enumerate([line.encode() for line in _VERBOSE[:2]], 1), PAUSED_LINE]
    lines += [*enumerate([line.encode() for line in _VERBOSE[2:]], 3), PAUSED_LINE]
    pause, message, other = Reader(CONTEXT, []).records(lines)
    assert (pause, message.text, other) == (PAUSE, "a\nMESSAGE=b\n", PAUSE)


def test_an_entry_whose_head_is_lost_and_one_without_end() -> None:
    assert [one.text for one in read(*_VERBOSE[1:], *_VERBOSE)][-1] == "a\nMESSAGE=b\n"
    (found,) = read(*_VERBOSE[:3], *["            " + "x" * 1000] * 2000)
    assert 64 * 1024 < len(found.text) < 66 * 1024


def test_an_entry_of_which_only_the_message_was_asked_for_is_nobodys() -> None:
    """`--output-fields=MESSAGE`: it may be any program's."""
    assert [one.from_kernel for one in read(_VERBOSE[0], _VERBOSE[2])] == [False]
    assert [one.from_kernel for one in read('{"__REALTIME_TIMESTAMP":"1777622400123456","MESSAGE":"x"}')] == [False]


def test_an_empty_line_in_an_entry_does_not_end_it() -> None:
    """As where a paste lost the blanks at the ends of lines."""
    (found,) = read(_VERBOSE[0], "    MESSAGE=a", "", "            b", "    _TRANSPORT=stdout", "")
    assert (found.text, found.from_kernel) == ("a\n\nb", False)


_CONSOLE = [f"[{number:5d}.000000] line {number} of oom-kill: \u00e4" for number in range(12)]


@pytest.mark.parametrize("name", ["Output", "contents", "stdout", "output"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("indent", [None, 4])
def test_a_whole_console_in_one_string(name: str, end: str, indent: int | None) -> None:
    text = json.dumps({"id": "i-1", name: end.join(_CONSOLE) + end, "next": "1"}, indent=indent)
    found = read(*text.splitlines())
    told = [record for record in found if record.uptime_us is not None]
    assert [record.text for record in told] == [line[15:] for line in _CONSOLE]
    assert {record.line for record in told} == {1 if indent is None else 3}


@pytest.mark.parametrize("name", ["MESSAGE", "message", "log"])
def test_what_a_program_wrote_in_several_lines_is_its_own(name: str) -> None:
    text = json.dumps({name: "\n".join(["x", *_CONSOLE]), "_TRANSPORT": "stdout", "stream": "stdout"})
    assert all(record.from_kernel is False for record in read(text))


def test_a_string_that_is_no_json_is_left_as_it_is() -> None:
    line = '"stdout": "' + "oom-kill: \\n" * 12 + '\\q"'
    assert [record.text for record in read(line)] == [line]


def test_what_markdown_put_a_backslash_before() -> None:
    told = read(
        r"\[    5.168012\] a\_b invoked oom-killer: gfp\_mask=0xcc0(GFP\_KERNEL\|\_\_GFP\_COMP), order=0, oom\_score\_adj=0",
        r"\[    5.168020\] \[ 246\] 0 246 9 9 9 0 0 a\\b \x0a",
    )
    assert [(each.text, each.uptime_us) for each in told] == [
        ("a_b invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL|__GFP_COMP), order=0, oom_score_adj=0", 5_168_012),
        (r"[ 246] 0 246 9 9 9 0 0 a\b \x0a", 5_168_020),
    ]


def test_backslashes_of_a_log_itself_stay() -> None:
    line = r"May  1 10:00:00 h systemd[1]: app\_b\[1\].scope: x"
    assert read(line, line)[1].text == r"app\_b\[1\].scope: x"
