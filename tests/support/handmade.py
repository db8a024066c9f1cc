"""Writes fixtures/handmade: one minimal report for every kernel whose format is documented, `python -m tests.support.handmade`.

They are made by hand, not by a kernel: they show what each format looks like and hold the parsers to it. Where a kernel
can be booted, fixtures/kernels holds the real thing.
"""

from __future__ import annotations

from pathlib import Path

from tests.support.printer import KERNELS, Report, Task, stamped

FOLDER = Path(__file__).resolve().parents[2] / "fixtures" / "handmade"
TASKS = (
    Task(312, "systemd-journal", uid=0, rss_anon=900, rss_file=400, oom_score_adj=-250),
    Task(402, "sshd", uid=0, rss_anon=180, rss_file=500, oom_score_adj=-1000),
    Task(871, "postgres", uid=113, rss_anon=31_000, rss_file=2_100, rss_shmem=9_000, nr_ptes=120),
    Task(1204, "ruby worker", uid=1001, rss_anon=52_000, rss_file=800, nr_ptes=140, nr_pmds=4),
    Task(1310, "cron", uid=0, rss_anon=60, rss_file=300),
)
VICTIM = TASKS[3]
TOTALPAGES = 524_288 - 16_384 + 262_144  # RAM - reserved + swap of 1 GiB in pages of 4 KiB
SCORE = (VICTIM.rss + VICTIM.nr_ptes) * 1000 // TOTALPAGES


def logs() -> dict[str, str]:
    """File name -> text."""
    made = {}
    for name, kernel in KERNELS.items():
        report = Report(kernel, TASKS, VICTIM, trigger=TASKS[4], total_swap_kb=1_048_576, score=SCORE)
        made[f"{name}-global.log"] = _text(report)
        if kernel.table not in ("C1",):
            cgroup = Report(kernel, TASKS, VICTIM, memcg="/app.slice/shop.service", memcg_limit_kb=262_144,
                            memsw_limit_kb=262_144, score=(VICTIM.rss + VICTIM.nr_ptes) * 1000 // 65_536)  # fmt: skip
            made[f"{name}-memcg.log"] = _text(cgroup)
    return made


def _text(report: Report) -> str:
    return "".join(f"{line}\n" for line in stamped(list(report.lines()), 4711.25))


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in logs().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
