"""Lines that no kernel prints and that somebody who wants a log to be lost would write into it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from oomforensics.parsers import summary, table
from tests.support.logs import judged
from tests.support.printer import KERNELS, Report, Task, stamped

ROOT = Path(__file__).resolve().parents[3]
_NUMBER = re.compile(r"\d+")
DIGITS = "9" * 5000  # int() refuses more than 4300


def reports() -> Iterator[list[str]]:
    tasks = [Task(100, "small"), Task(200, "big", rss_anon=9_000)]
    for kernel in KERNELS.values():
        yield list(Report(kernel, tasks, tasks[1], memcg_limit_kb=65_536, memcg="/a").lines())
        yield list(Report(kernel, tasks, tasks[1]).lines())


def lines_with_numbers() -> list[str]:
    """One of each form."""
    forms: dict[str, str] = {}
    for lines in reports():
        for line in lines:
            forms.setdefault(_NUMBER.sub("0", line), line)
    forms["user"] = (
        "oom-kill:constraint=CONSTRAINT_NONE,nodemask=0,cpuset=/,mems_allowed=0-1,global_oom,task_memcg=/,task=a,pid=1,uid=0"
    )
    forms["huge"] = "Node 0 hugepages_total=1 hugepages_free=2 hugepages_surp=3 hugepages_size=2048kB"
    forms["suppressed"] = "oom_kill_process: 23 callbacks suppressed"
    return [line for line in forms.values() if _NUMBER.search(line)]


@pytest.mark.parametrize("line", lines_with_numbers(), ids=lambda line: line[:50])
def test_numbers_that_cannot_be_converted_do_not_end_the_log(line: str) -> None:
    tasks = [Task(100, "small"), Task(200, "big", rss_anon=9_000)]
    whole = list(Report(KERNELS["6.12"], tasks, tasks[1]).lines())
    for found in _NUMBER.finditer(line):
        hostile = line[: found.start()] + DIGITS + line[found.end() :]
        log = [whole[0], whole[1], "Mem-Info:", hostile, *whole[2:-1], hostile, whole[-1]]
        results = judged(stamped(log))
        assert 200 in {kill.pid for result in results for kill in result.incident.kills}


@pytest.mark.parametrize(
    "line",
    [
        "Node 0 DMA: " + "1*4kB " * 2000,
        "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/" + ",mems_allowed=0,oom_memcg=/a" * 700
        + ",task_memcg=/a" * 700 + ",task=x" * 700 + ",pid=1,uid=0",
        "[  pid  ]   uid  tgid total_vm      rss " + "a " * 20_000 + "name",
        "Memory cgroup stats for /a: cache:0KB " + "a" * 60_000,
        "Node 0 DMA free:1kB " + "a" * 60_000,
        "CPU: 2 PID: 2674 Comm: a Tainted: G " + " " * 60_000 + "!",
        "oomd kill: 1.0 2.0 3.0 /a" + " " * 60_000 + "!",
        "oomd kill: 1.0 2.0 3.0 /a 1 ruleset:[a] detectorgroup:[b] killer:" + " " * 60_000 + "!",
    ],
    ids=lambda line: line.replace(" " * 10, "").replace("a" * 10, "")[-20:],
)  # fmt: skip
def test_a_line_of_64_kib_is_read_at_once(line: str) -> None:
    """Each of these once took minutes, or a gigabyte."""
    tasks = [Task(100, "small"), Task(200, "big", rss_anon=9_000)]
    lines = list(Report(KERNELS["6.12"], tasks, tasks[1]).lines())
    log = stamped([*lines[:2], "Mem-Info:", line, *lines[2:]])
    code = (
        "import resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_CPU, (10, 10))\n"
        "from oomforensics.parsers.assemble import assemble\n"
        "from oomforensics.parsers.witness_observer import observe\n"
        "from tests.support.logs import parse\n"
        "records = observe(parse(sys.stdin.read().split(chr(10))), 'x', [], [])\n"
        "print([kill.pid for incident in assemble(records, 'x') for kill in incident.kills])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], input="\n".join(log), capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout) == (0, "[200]\n"), done.stderr


def test_a_context_line_that_can_be_read_in_too_many_ways_is_read_in_part() -> None:
    line = (
        "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a"
        + ",task_memcg=/a" * 90
    )
    assert summary.parse(line + ",task=x,pid=1,uid=0", 1) is not None
    assert summary.parse(line + ",task=x" * 90 + ",pid=1,uid=0", 1) is None


def test_a_header_of_too_many_columns_opens_no_table() -> None:
    columns = "uid  tgid total_vm      rss " + "a " * 10
    assert table.open_table(f"[  pid  ]   {columns} name", 1) is not None
    assert table.open_table(f"[  pid  ]   {columns * 10} name", 1) is None
