"""The choice now against what real kernels said of themselves, and of machines that no kernel shows on demand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from oomforensics.kernel.eras import RssPrecision
from oomforensics.kernel.identify import identify
from oomforensics.live.choice import Model
from oomforensics.live.look import Cgroup, Look, Machine, Process
from tests.support.proc_tree import ProcTree
from tests.support.samples import FIXTURES

RUNS = sorted(path.parent for path in (FIXTURES / "kernels").rglob("truth.json"))
MODERN = "6.12.43"


def model(release: str = MODERN, page_size: int = 4096, cpus: int = 2) -> Model:
    era = identify(frozenset(), release).era
    assert era is not None
    return Model(era, page_size, cpus)


def process(
    pid: int, rss_kb: int = 4000, *, adj: int | None = 0, score: int | None = None, cgroup: str = "/"
) -> Process:
    return Process(pid, f"p{pid}", rss_kb, 0, 0, adj, score, 1, False, cgroup)


def look(*processes: Process, cgroups: tuple[Cgroup, ...] = ()) -> Look:
    return Look(0.0, {"MemTotal": 4_000_000, "SwapTotal": 0, "MemAvailable": 1_000_000}, {}, processes, cgroups)


def surveyed() -> list[Path]:
    return [
        run for run in RUNS if json.loads((run / "truth.json").read_text(errors="surrogateescape")).get("page_size")
    ]


@pytest.mark.parametrize("run", surveyed(), ids=lambda run: str(run.relative_to(FIXTURES)))
def test_oom_score_is_what_the_kernel_showed(run: Path) -> None:
    told = json.loads((run / "truth.json").read_text(encoding="utf-8", errors="surrogateescape"))
    rules = model(told["kernel_release"], told["page_size"], told.get("cpus") or 2)
    meminfo = {line.split(":")[0]: int(line.split()[1]) for line in told["meminfo"].splitlines() if ":" in line}
    processes = [
        Process(
            it["pid"], it["comm"], sum(it[name] for name in ("rss_anon_kb", "rss_file_kb", "rss_shmem_kb")),
            it["vm_swap_kb"], it["vm_pte_kb"], it["oom_score_adj"], it["oom_score"], it["threads"], True, None,
        )
        for it in told["processes"]
        if it["rss_anon_kb"] is not None and not it["vfork"]
    ]  # fmt: skip
    chosen = rules.of_machine(Look(0.0, meminfo, {}, tuple(processes), ()))
    assert [one.process.comm for one in chosen.ranked if one.agrees is False] == []


def test_who_may_not_be_killed_is_not_ranked() -> None:
    chosen = model().of_machine(
        look(process(1, 900_000), process(2, 800_000, adj=-1000), process(3), process(4, adj=None))
    )
    assert [one.process.pid for one in chosen.ranked] == [3]
    assert model().of_machine(look(process(1))).first is None


def test_oom_score_adj_decides() -> None:
    chosen = model().of_machine(look(process(2, 900_000), process(3, 4000, adj=500)))
    assert [one.process.pid for one in chosen.ranked] == [3, 2]


def test_a_wrong_oom_score_is_said() -> None:
    rules = model()
    right = rules.of_machine(look(process(2, 400_000))).ranked[0].oom_score
    assert right is not None
    found = {}
    for score in (right, right + 40, None):
        (only,) = rules.of_machine(look(process(2, 400_000, score=score))).ranked
        found[score] = only.agrees
    assert found == {right: True, right + 40: False, None: None}


def test_a_control_group_is_asked_for_its_own() -> None:
    group = Cgroup("/a", 90 << 20, 100 << 20, 0, None, None)
    seen = look(
        process(2, 50_000, cgroup="/a"),
        process(3, 900_000, cgroup="/ab"),
        process(4, 60_000, cgroup="/a/b"),
        cgroups=(group,),
    )
    chosen = model().of_cgroup(seen, group)
    assert chosen is not None
    assert [one.process.pid for one in chosen.ranked] == [4, 2]
    assert chosen.totalpages == 100 << 20 >> 12


def test_every_modelled_kernel_counts_its_error() -> None:
    for release in ("3.10.0-1160.el7.x86_64", "5.10.0", "6.1.0", MODERN):
        rules = model(release)
        (only,) = rules.of_machine(look(process(2, 400_000))).ranked
        assert only.agrees is None
        again = rules.of_machine(look(replace(process(2, 400_000), oom_score=only.oom_score))).ranked[0]
        assert again.agrees is True
        assert isinstance(rules.era.rss, RssPrecision)


def test_a_machine_is_read_from_its_files(tmp_path: Path) -> None:
    tree = ProcTree(tmp_path / "proc")
    tree.process(10, "worker", anon=4000, file=400, shmem=40, swap=8, pte=52, adj=-5, score=660)
    tree.process(11, "evil\x1b[31m", anon=1)
    tree.kernel_thread(12)
    found = Machine(str(tmp_path / "proc")).look(1.0)
    first, second = found.processes
    assert (first.pid, first.comm, first.rss_kb, first.swap_kb, first.pgtables_kb) == (10, "worker", 4440, 8, 52)
    assert (first.oom_score_adj, first.oom_score, first.threads, first.has_root) == (-5, 660, 1, False)
    assert second.comm == "evil\x1b[31m"  # made harmless where it is shown
    assert found.available_kb == 4_000_000 and found.cgroups == ()
    tree.end(10)
    assert [it.pid for it in Machine(str(tmp_path / "proc")).look(2.0).processes] == [11]
