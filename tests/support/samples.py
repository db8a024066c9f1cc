"""The real reports that tests run over: the project's own fixtures, and the shared corpus where it is at hand."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from tests.support.printer import KERNELS, Report, Task, stamped

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "fixtures"
CORPUS = Path(os.environ.get("OOMFORENSICS_CORPUS") or ROOT.parent / "shared" / "corpus" / "dev")


def corpus_logs() -> list[Path]:
    """Field reports that stand beside the project on some machines; never part of it."""
    return sorted(CORPUS.glob("*.log")) if CORPUS.is_dir() else []


def kernel_logs() -> list[Path]:
    """What real kernels printed, recorded by tests/kernels."""
    return sorted([*FIXTURES.glob("kernels/*/*/kmsg"), *FIXTURES.glob("kernels/*/*/dmesg.log")])


@cache
def printed_logs() -> dict[str, list[bytes]]:
    """One report for every kernel that the printer knows, with names that try to look like something else."""
    tasks = [
        Task(1, "init", uid=0, rss_anon=300),
        Task(100, "web server", rss_anon=9_000, oom_score_adj=200),
        Task(101, "a) (b", rss_anon=7_000, oom_score_adj=-500),
        Task(102, "invoked oom-k", rss_anon=40_000),
        Task(103, "[   42] 0", uid=0, rss_anon=900, oom_score_adj=-1000),
    ]
    logs = {}
    for name, kernel in KERNELS.items():
        for memcg in (None, "/kubepods/pod,task=x/c"):
            report = Report(kernel, tasks, tasks[3], trigger=tasks[1], memcg=memcg, memsw_limit_kb=131_072)
            logs[f"{name}{'-memcg' if memcg else ''}"] = [line.encode() for line in stamped(list(report.lines()))]
    return logs


@cache
def all_logs() -> dict[str, list[bytes]]:
    """Every log as lines without their newlines, by name."""
    logs = dict(printed_logs())
    for path in [*kernel_logs(), *corpus_logs()]:
        data = path.read_bytes()
        if len(data) < 200_000:
            logs[str(path.relative_to(path.parents[2]))] = data.split(b"\n")
    return logs
