"""`oomforensics watch`"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oomforensics.cli import terminal
from oomforensics.cli.options import Debug, Json
from oomforensics.errors import UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from oomforensics.live.choice import Choice, Model
    from oomforensics.live.look import Cgroup, Look
    from oomforensics.live.trend import Slope, Trends

NAME = "watch"
_SHOWN = 8  # processes, and control groups
_FIRST_LOOKS = 3  # that --once needs to know a slope


def command(
    interval: Annotated[float, typer.Option(min=0.1, metavar="SECONDS", help="Between two looks.")] = 1.0,
    cgroup: Annotated[
        str | None, typer.Option(metavar="PATH", help="Whom its own OOM would kill, instead of the machine's.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Three looks, then print what is known and end.")] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show live how much memory is left, how fast it goes, and who would be killed now.

    The choice is computed as the running kernel does it and held against the kernel's own oom_score.

    \b
    Example:
      oomforensics watch
      oomforensics watch --cgroup /system.slice/mysql.service
      oomforensics watch --once --json
    """
    from oomforensics.live.look import Machine
    from oomforensics.live.trend import Trends

    if as_json and not once:
        raise UsageError("--json needs --once")
    machine = Machine()
    model = _model(machine.release())
    view = _View(model, Trends(), cgroup, machine.release())
    if once or not sys.stdout.isatty():
        for _ in range(_FIRST_LOOKS - 1):
            view.see(machine.look(time.monotonic()))
            time.sleep(interval)
        view.see(machine.look(time.monotonic()))
        terminal.out(json.dumps(view.plain(), indent=2) + "\n" if as_json else view.text())
        return
    _live(machine.look, view, interval)


def _live(look: Any, view: _View, interval: float) -> None:
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(markup=False), auto_refresh=False, screen=True) as shown:
        try:
            while True:
                view.see(look(time.monotonic()))
                shown.update(view.rich(), refresh=True)
                time.sleep(interval)
        except KeyboardInterrupt:
            return


def _model(release: str) -> Model:
    from oomforensics.kernel.eras import Score
    from oomforensics.kernel.identify import identify
    from oomforensics.live.choice import Model

    found = identify(frozenset(), release)
    if found.era is None or found.era.score is Score.LEGACY:
        raise UsageError(
            f"how kernel {release} scores is not modelled{f': {found.unmodelled}' if found.unmodelled else ''}"
        )
    return Model(found.era, os.sysconf("SC_PAGE_SIZE"), os.cpu_count() or 1)


class _View:
    """What was seen, and how it is told. Sizes are KiB."""

    def __init__(self, model: Model, trends: Trends, cgroup: str | None, release: str) -> None:
        self._model, self._trends, self._cgroup, self._release = model, trends, cgroup, release
        self._look: Look | None = None

    def see(self, look: Look) -> None:
        self._look = look
        values: dict[Any, float] = {"available": -float(look.available_kb)}
        values |= {("cgroup", it.path): -it.headroom / 1024 for it in look.cgroups}
        values |= {("process", it.pid, it.comm): float(it.rss_kb + it.swap_kb) for it in look.processes}
        self._trends.add(look.mono_s, values)

    def _scene(self) -> tuple[Look, Choice]:
        look = self._look
        assert look is not None
        if self._cgroup is None:
            return look, self._model.of_machine(look)
        group = next((it for it in look.cgroups if it.path == self._cgroup), None)
        chosen = None if group is None else self._model.of_cgroup(look, group)
        if chosen is None:
            raise UsageError(f"no control group {self._cgroup} with a memory limit")
        return look, chosen

    def plain(self) -> dict[str, Any]:
        look, chosen = self._scene()
        left = self._trends.slope("available")
        return {
            "kernel_release": self._release,
            "era": self._model.era.name,
            "mem_available_and_swap_free_kb": look.available_kb,
            "slope_kb_per_s": None if left is None else round(left.value, 1),
            "slope_error_kb_per_s": None if left is None else round(left.error, 1),
            "time_left_s": _until(left, look.available_kb)[0],
            "pressure_avg10_percent": look.pressure,
            "scope": chosen.scope,
            "totalpages": chosen.totalpages,
            "would_be_killed": [self._plain_process(place, one) for place, one in enumerate(chosen.ranked[:_SHOWN], 1)],
            "oom_score": dict(zip(("equal", "different", "unknown"), self._agreement(chosen), strict=True)),
            "cgroups": [self._plain_cgroup(look, it) for it in look.cgroups[:_SHOWN]],
        }

    def _plain_process(self, place: int, one: Any) -> dict[str, Any]:
        it = one.process
        slope = self._trends.slope(("process", it.pid, it.comm))
        return {
            "rank": place, "pid": it.pid, "comm": it.comm, "badness_pages": one.badness, "permille": one.permille,
            "rss_kb": it.rss_kb, "swap_kb": it.swap_kb, "oom_score_adj": it.oom_score_adj, "oom_score": it.oom_score,
            "computed_oom_score": one.oom_score, "agrees": one.agrees,
            "growth_kb_per_s": None if slope is None else round(slope.value, 1),
        }  # fmt: skip

    def _plain_cgroup(self, look: Look, group: Cgroup) -> dict[str, Any]:
        chosen = self._model.of_cgroup(look, group)
        first = chosen.first if chosen is not None else None
        slope = self._trends.slope(("cgroup", group.path))
        return {
            "cgroup": group.path, "usage_bytes": group.usage, "limit_bytes": group.limit, "headroom_bytes": group.headroom,
            "time_left_s": _until(slope, group.headroom / 1024)[0], "oom_kill_disable": group.oom_kill_disable,
            "would_be_killed": None if first is None else {"pid": first.process.pid, "comm": first.process.comm},
        }  # fmt: skip

    @staticmethod
    def _agreement(chosen: Choice) -> tuple[int, int, int]:
        said = [one.agrees for one in chosen.ranked]
        return said.count(True), said.count(False), said.count(None)

    def rich(self) -> Any:
        from rich.console import Group
        from rich.text import Text

        look, chosen = self._scene()
        return Group(
            *(Text(line, no_wrap=True, overflow="ellipsis") for line in self._head(look, chosen)),
            Text(""), self._processes(chosen), Text(""), self._groups(look),
        )  # fmt: skip

    def text(self) -> str:
        from rich.console import Console

        console = Console(
            markup=False, width=terminal.prose_width(), no_color=True, force_terminal=False, highlight=False
        )
        with console.capture() as captured:
            console.print(self.rich())
        return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"

    def _head(self, look: Look, chosen: Choice) -> list[str]:
        memory = look.meminfo_kb
        left = self._trends.slope("available")
        equal, different, unknown = self._agreement(chosen)
        scores = f"oom_score: {equal} as computed, {different} not{f', {unknown} not shown' if unknown else ''}"
        stalls = ", ".join(f"{kind} {share:.1f} %" for kind, share in look.pressure.items())
        return [
            f"kernel {terminal.safe(self._release)}, scored by the rules of {self._model.era.name}; {scores}",
            f"RAM {_size(memory.get('MemAvailable', memory.get('MemFree', 0)))} available of {_size(memory.get('MemTotal', 0))},"
            f" swap {_size(memory.get('SwapFree', 0))} free of {_size(memory.get('SwapTotal', 0))}"
            f"{f'; pressure over 10 s: {stalls}' if stalls else ''}",
            "what is left: " + (_left(left, look.available_kb) if left is not None else "?"),
        ]

    def _processes(self, chosen: Choice) -> Table:
        where = (
            "if the machine ran out" if chosen.scope == "global" else f"if {terminal.safe(chosen.scope)} hit its limit"
        )
        table = _table(
            f"Who would be killed now, {where}",
            "#",
            "pid",
            "name",
            "resident",
            "swap",
            "adj",
            "share",
            "oom_score",
            "growth",
        )
        for place, one in enumerate(chosen.ranked[:_SHOWN], 1):
            it = one.process
            agrees = {True: "=", False: f"≠ {one.oom_score}", None: "?"}[one.agrees]
            slope = self._trends.slope(("process", it.pid, it.comm))
            table.add_row(
                str(place), str(it.pid), terminal.safe(it.comm), _size(it.rss_kb), _size(it.swap_kb), str(it.oom_score_adj),
                f"{one.permille / 10:.1f} %", f"{it.oom_score} {agrees}", _rate(slope), style="bold" if place == 1 else "",
            )  # fmt: skip
        return table

    def _groups(self, look: Look) -> Table:
        table = _table(
            "Control groups nearest to their limits", "cgroup", "usage", "limit", "left", "until full", "would kill"
        )
        for group in look.cgroups[:_SHOWN]:
            chosen = self._model.of_cgroup(look, group)
            first = chosen.first if chosen is not None else None
            slope = self._trends.slope(("cgroup", group.path))
            victim = "nobody: its OOM killer is disabled" if group.oom_kill_disable else "nobody"
            if first is not None and not group.oom_kill_disable:
                victim = f"{terminal.safe(first.process.comm)} {first.process.pid}"
            table.add_row(
                terminal.safe(group.path), _size(group.usage // 1024), _size(group.limit // 1024),
                _size(group.headroom // 1024), _time_left(slope, group.headroom / 1024), victim,
            )  # fmt: skip
        return table


def _table(title: str, *columns: str) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title), title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(
            name, justify="left" if name in ("name", "cgroup", "would kill", "until full") else "right", no_wrap=True
        )
    return table


def _size(size_kb: int) -> str:
    from oomforensics.reports import units

    return units.size(size_kb * 1024)


def _rate(slope: Slope | None) -> str:
    if slope is None:
        return "?"
    sign = "-" if slope.value < 0 else "+"
    return f"{sign}{_size(round(abs(slope.value)))}/s"


def _left(slope: Slope, left_kb: float) -> str:
    change = "shrinks" if slope.value > 0 else "grows"
    return f"{change} by {_size(round(abs(slope.value)))}/s; end {_time_left(slope, left_kb)}"


def _until(slope: Slope | None, left: float) -> tuple[float | None, float | None]:
    return (None, None) if slope is None else slope.time_until(left)


def _time_left(slope: Slope | None, left_kb: float) -> str:
    if slope is None:
        return "?"
    soonest, latest = slope.time_until(left_kb)
    if soonest is None:
        return "not in sight"
    return f"in {_duration(soonest)}" + (f" (to {_duration(latest)})" if latest is not None else "")


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h"
