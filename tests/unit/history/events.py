"""One invented event as different sources show it."""

from __future__ import annotations

from dataclasses import replace

from oomforensics.analysis.judge import judge
from oomforensics.analysis.model import Judged
from oomforensics.parsers.facts import Incident
from oomforensics.parsers.records import TsSource
from tests.support.logs import incidents
from tests.support.printer import KERNELS, Report, Task, stamped

DAY_US = 86_400_000_000
NOON_US = 1_780_000_000_000_000


def report(pid: int = 700, *, start_s: float = 100.0, kernel: str = "6.12") -> Incident:
    """A whole report, as dmesg shows it: no host, no wall-clock time."""
    victim = Task(pid, "leaker", rss_anon=90_000)
    tasks = [Task(1, "systemd", rss_anon=900), victim, Task(650, "cron", rss_anon=1_000)]
    (one,) = incidents(stamped(Report(KERNELS[kernel], tasks, victim).lines(), start_s))
    return one


def seen(
    incident: Incident,
    source: str,
    *,
    host: str | None = None,
    boot_id: str | None = None,
    wall_us: int | None = None,
    ts_source: TsSource = TsSource.SYSLOG_YEAR_INFERRED,
    uptime: bool = True,
    line: int | None = None,
) -> Incident:
    """The same incident as another source shows it."""
    moved = 0 if line is None else line - incident.line_start
    kills = [
        replace(kill, line=kill.line + moved, wall_us=wall_us, uptime_us=kill.uptime_us if uptime else None)
        for kill in incident.kills
    ]
    return replace(
        incident,
        source=source,
        host=host,
        boot_id=boot_id,
        wall_us=wall_us,
        wall_source=ts_source if wall_us is not None else TsSource.NONE,
        line_start=incident.line_start + moved,
        line_end=incident.line_end + moved,
        kills=kills,
        uptime_us=incident.uptime_us if uptime else None,
    )


def bare(incident: Incident) -> Incident:
    """Only its kill lines are left."""
    lines = [line for line in incident.lines if line.kind == "killed"]
    first = lines[0].line
    return replace(
        incident, line_start=first, invoked=None, stack=None, table=None, meminfo=None, summary=None, lines=lines,
        missing=["report"],
    )  # fmt: skip


def judged(*shown: Incident) -> list[Judged]:
    return judge(shown)
