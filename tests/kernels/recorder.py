"""`make test-capture`: the recorder itself in guests that run out of memory, again and again.

Not among the tests that pytest collects by itself: it fetches kernels and boots them. `OOMFORENSICS_CAPTURE_KERNELS` names
other kernels than the oldest and the newest here. What was measured is written to build/kernels/recorder.md.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pytest

from oomforensics.capture.read import Losses
from oomforensics.capture.samples import Event, Header, Note, ProcessIdentity
from tests.kernels import debian, ext4, power, recordings, sitting, userland
from tests.kernels.boot import ATTEMPTS, Disk
from tests.kernels.debian import Kernel
from tests.kernels.outcome import IncompleteRun
from tests.kernels.power import Cut
from tests.kernels.recordings import Seen
from tests.kernels.sitting import Growth, Sat, Sitting

SPECS = tuple(os.environ.get("OOMFORENSICS_CAPTURE_KERNELS", "bookworm sid").split())
RESULTS = Path(__file__).parents[2] / "build" / "kernels"
_RATES = (0, 60, 0, 20, 100, 0, 40)
_GROWTHS = (*(Growth(True, rate) for rate in _RATES), *(Growth(False, rate) for rate in _RATES))
SITTINGS = {"no swap": Sitting(_GROWTHS), "swap": Sitting(_GROWTHS, swap_mib=96)}
_CUTS = 3  # of each kernel; `make power-off` makes as many as are asked for
_FORKED = b"init"  # until it has given itself a name; the last look at one that dies within a second may come before
_STEP_S = 0.25  # that one look may take: what the last but one saw is older by this
PLAYED = [(spec, name) for spec in SPECS for name in SITTINGS]


def missing(spec: str) -> str | None:
    """What there is not to boot such a guest."""
    machine = debian.machine(spec)
    programs = (machine.qemu[0], machine.compiler, "apt-get", "dpkg")
    lacking = [program for program in programs if shutil.which(program) is None]
    lacking += [program for program in ext4.PROGRAMS if ext4.tool(program) is None]
    return f"{', '.join(lacking)}: not installed" if lacking else None


@dataclass
class Laboratory:
    """One guest at a time: they are timed."""

    folder: Path
    python: Disk
    kernels: dict[str, Kernel] = field(default_factory=dict)
    sittings: dict[tuple[str, str], Sat | IncompleteRun] = field(default_factory=dict)
    cuts: list[Cut] = field(default_factory=list)

    def kernel(self, spec: str) -> Kernel:
        if spec not in self.kernels:
            self.kernels[spec] = debian.fetch(spec)
        return self.kernels[spec]

    def sat(self, spec: str, name: str) -> Sat:
        """Played when it is first asked for, and again where the guest ends early."""
        for attempt in range(1, ATTEMPTS + 1):
            if not isinstance(self.sittings.get((spec, name), IncompleteRun()), IncompleteRun):
                break
            scratch = self.folder / f"{spec}-{name}-{attempt}".replace(" ", "-").replace(":", "-")
            scratch.mkdir()
            try:
                self.sittings[spec, name] = sitting.sit(self.kernel(spec), SITTINGS[name], self.python, scratch)
            except IncompleteRun as failure:
                self.sittings[spec, name] = failure
        made = self.sittings[spec, name]
        if isinstance(made, IncompleteRun):
            pytest.fail(str(made))
        return made

    def cut(self, spec: str, seed: int) -> Cut:
        self.cuts.append(power.cut(self.kernel(spec), self.python, self.folder, seed))
        return self.cuts[-1]


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    lacking = next((told for spec in SPECS if (told := missing(spec))), None)
    if lacking is not None and not os.environ.get("CI"):
        pytest.skip(lacking)
    assert lacking is None, lacking
    folder = tmp_path_factory.mktemp("recorder")
    lab = Laboratory(folder, userland.disk(folder))
    yield lab
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "recorder.md").write_text("\n".join(_table(lab)) + "\n", encoding="utf-8")


@pytest.fixture(params=PLAYED, ids=[f"{spec}/{name}" for spec, name in PLAYED])
def sat(request: pytest.FixtureRequest, laboratory: Laboratory) -> Sat:
    return laboratory.sat(*request.param)


def test_every_process_that_grew_was_killed_and_the_recorder_never(sat: Sat) -> None:
    assert not sat.notes
    assert sorted(victim.pid for victim in sat.victims) == sorted(sat.killed)
    assert len(sat.killed) == sat.vmstat_oom_kill == len(_GROWTHS)
    assert sat.recorder_pid not in sat.killed
    assert sat.recorder_status == 0, sat.console


def test_no_frame_is_lost_or_torn(sat: Sat) -> None:
    found, losses = recordings.recorded(sat.spool)
    assert losses == Losses()
    lost = ("lost", "not recorded", "full", "could not be written")
    assert not [note.text for note in found if isinstance(note, Note) and any(word in note.text for word in lost)]
    assert isinstance(found[-1], Note) and found[-1].text == "stopped: SIGTERM"


def test_each_kill_is_told_by_each_source(sat: Sat) -> None:
    found, _ = recordings.recorded(sat.spool)
    for number, one in enumerate(recordings.seen(sat, found)):
        by_group = {"memory.events", "memory.events.local"} if _GROWTHS[number].in_group else set()
        assert {"kmsg", "vmstat", "oom:mark_victim"} | by_group == set(one.told_us), (number, one)
    killed_in = {
        one.folder for one in found if isinstance(one, Event) and one.what == "oom_kill" and one.folder is not None
    }
    groups = {f"/sys/fs/cgroup/box{number}" for number, growth in enumerate(_GROWTHS) if growth.in_group}
    assert killed_in & groups == groups
    header = next(sample for sample in found if isinstance(sample, Header))
    assert header.missing == ()
    throttled = f"/sys/fs/cgroup/{sitting.THROTTLED}"
    told = {(one.what, one.cause, one.folder) for one in found if isinstance(one, Event)}
    assert ("pressure", "pressure/memory", None) in told
    assert ("pressure", "memory.pressure", throttled) in told
    assert {("high", "memory.events", throttled), ("high", "memory.events.local", throttled)} & told


def test_the_victims_last_second_is_there(sat: Sat) -> None:
    found, _ = recordings.recorded(sat.spool)
    known = {one.pid: one.comm for one in found if isinstance(one, ProcessIdentity)}
    unnamed = 0
    for number, one in enumerate(recordings.seen(sat, found)):
        assert known[one.victim.pid] in (b"hog%d" % number, _FORKED)
        unnamed += known[one.victim.pid] == _FORKED
        allowed_us = max(sitting.INTERVAL_S * 1e6, one.planned_us) + _STEP_S * 1e6
        assert one.age_us is not None and one.age_us <= allowed_us, (number, one)
    assert unnamed <= 1


def test_the_products_own_reader_explains_each_kill(sat: Sat, tmp_path: Path) -> None:
    db = tmp_path / "history.duckdb"
    ingest = [sys.executable, "-m", "oomforensics", "ingest", str(sat.spool), "--db", str(db)]
    done = subprocess.run(ingest, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    with duckdb.connect(str(db), read_only=True) as con:
        explained = con.execute("SELECT pid, verdict FROM kills JOIN incidents USING (incident_id)").fetchall()
        placed = con.execute(
            "SELECT count(DISTINCT incident_id) FROM incident_recordings JOIN incidents USING (incident_id)"
        ).fetchone()
        claimed = con.execute("SELECT pid, incident_id FROM memory_events WHERE kind = 'mark_victim'").fetchall()
    assert sorted(pid for pid, _ in explained) == sorted(sat.killed)
    assert {verdict for _, verdict in explained} <= {"highest_badness", "tie"}, explained
    assert placed == (len(sat.killed),)
    assert sorted(pid for pid, _ in claimed) == sorted(sat.killed)
    assert all(incident is not None for _, incident in claimed)


@pytest.mark.parametrize("seed", range(1, _CUTS + 1))
@pytest.mark.parametrize("spec", SPECS)
def test_what_was_on_the_disk_survives_the_loss_of_power(laboratory: Laboratory, spec: str, seed: int) -> None:
    left = laboratory.cut(spec, seed)
    assert left.syncs and left.promised_bytes
    assert not left.wrong, left.told()


def _table(lab: Laboratory) -> Iterator[str]:
    heads = "guest, kills, recorder killed, frames lost, age of the last look, with warning, without, first event, by source"
    yield "| " + heads.replace(", ", " | ") + " |"
    yield "|---" * (heads.count(",") + 1) + "|"
    for (spec, name), made in lab.sittings.items():
        yield f"| {spec}, {name} | {made} |" if isinstance(made, IncompleteRun) else _row(name, made)
    yield ""
    yield "| guest | growth | age of the last look, ms | share of the peak RSS in it | warned | reason | told after, ms |"
    yield "|---" * 7 + "|"
    for (_, name), made in lab.sittings.items():
        if isinstance(made, Sat):
            yield from _kills(name, made)
    yield ""
    yield from _speeds(lab)
    yield ""
    yield from (one.told() for one in lab.cuts)


def _speeds(lab: Laboratory) -> Iterator[str]:
    """Times of a guest are as measured. What they would be elsewhere nobody knows; this is how slow the guest was."""
    yield "| guest | a loop of Python takes, ms: before, after, here | reading /proc | times as long as here, at most |"
    yield "|---" * 4 + "|"
    for (_, name), made in lab.sittings.items():
        known = [one for one in made.speeds if one is not None] if isinstance(made, Sat) else []
        if isinstance(made, Sat) and known and made.here is not None:
            loops, here = [one.loop_ms for one in known], made.here
            calls = [one.calls_ms for one in known]
            cells = (
                f"{made.release}, {name}",
                ", ".join(f"{one:.1f}" for one in (*loops, here.loop_ms)),
                ", ".join(f"{one:.1f}" for one in (*calls, here.calls_ms)),
                f"{max(loops) / here.loop_ms:.0f} and {max(calls) / here.calls_ms:.0f}",
            )
            yield "| " + " | ".join(cells) + " |"


def _row(name: str, sat: Sat) -> str:
    found, losses = recordings.recorded(sat.spool)
    all_of_them = recordings.seen(sat, found)
    sources = sorted({source for one in all_of_them for source in one.told_us})
    by_source = "; ".join(
        f"{source} {recordings.spread(one.told_us[source] for one in all_of_them if source in one.told_us)}"
        for source in sources
    )
    cells = (
        f"{sat.release}, {name}",
        str(len(sat.killed)),
        "yes" if sat.recorder_pid in sat.killed else "no",
        str(losses.missing_frames + losses.undecodable_frames + losses.torn_segments),
        recordings.spread(_ages(all_of_them)),
        recordings.spread(_ages([one for one in all_of_them if one.warned])),
        recordings.spread(_ages([one for one in all_of_them if not one.warned])),
        recordings.spread(one.recorded_us for one in all_of_them if one.recorded_us is not None),
        by_source,
    )
    return "| " + " | ".join(cells) + " |"


def _kills(name: str, sat: Sat) -> Iterator[str]:
    found, _ = recordings.recorded(sat.spool)
    for number, one in enumerate(recordings.seen(sat, found)):
        growth = _GROWTHS[number]
        cells = (
            f"{sat.release}, {name}",
            f"{'group' if growth.in_group else 'machine'}, {growth.mib_s or 'all'} MiB/s",
            "none" if one.age_us is None else f"{one.age_us / 1000:.0f}",
            "none" if one.share is None else f"{one.share:.2f}",
            "yes" if one.warned else "no",
            one.reason or "none",
            ", ".join(f"{source} {after_us / 1000:.0f}" for source, after_us in one.told_us.items()),
        )
        yield "| " + " | ".join(cells) + " |"


def _ages(kills: list[Seen]) -> Iterator[int]:
    return (one.age_us for one in kills if one.age_us is not None)
