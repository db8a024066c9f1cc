"""Each finding on a real kernel's run that has it, and on one that nearly has."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from oomforensics.analysis.findings import CATALOGUE, Confidence, Severity
from oomforensics.cli.main import app
from oomforensics.history.store import open_read
from oomforensics.ingest import ingest
from tests.support.finding_fixtures import FIXTURES, RUNS, host, lay_out
from tests.support.printer import KERNELS, Report, Task, stamped

Found = dict[str, dict[str, list[tuple[str, ...]]]]  # run -> finding -> severity, confidence, text, advice, evidence


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    folder = tmp_path_factory.mktemp("findings")
    lay_out({run for pair in FIXTURES.values() for run in (pair.triggers, pair.nearly)}, folder / "bundles")
    ingest([str(folder / "bundles")], db=folder / "history.duckdb")
    made: Found = defaultdict(lambda: defaultdict(list))
    with open_read(folder / "history.duckdb", locked=True) as con:
        rows = con.execute(
            "SELECT regexp_extract(source, 'bundles/([^/]*)/', 1), finding, severity, confidence, text, advice, evidence "
            "FROM incidents LEFT JOIN findings USING (incident_id)"
        ).fetchall()
    for where, name, *finding in rows:
        made[where][name].append(tuple(finding))
    return made


def test_every_entry_has_its_fixtures() -> None:
    names = [one.name for one in CATALOGUE]
    assert len(names) == len(set(names))
    assert set(names) == FIXTURES.keys()


@pytest.mark.parametrize("name", FIXTURES)
def test_it_is_found_where_it_is(name: str, found: Found) -> None:
    here = found[host(FIXTURES[name].triggers)][name]
    assert here
    for severity, confidence, text, advice, evidence in here:
        assert severity in set(Severity) and confidence in set(Confidence)
        assert text.endswith(".") and advice.endswith(".")
        assert json.loads(evidence)
        for fact in json.loads(evidence):
            assert fact["what"] and fact["value"] is not None and host(FIXTURES[name].triggers) in fact["source"]


@pytest.mark.parametrize("name", FIXTURES)
def test_it_is_not_found_where_it_nearly_is(name: str, found: Found) -> None:
    near = found[host(FIXTURES[name].nearly)]
    assert near, "the run was looked at"
    assert not near[name]


def told(lines: Iterable[str], folder: Path) -> dict[str, str]:
    """The findings of one log: name -> text."""
    (folder / "log").write_text("\n".join(lines) + "\n")
    ingest([str(folder / "log")], db=folder / "history.duckdb")
    with open_read(folder / "history.duckdb", locked=True) as con:
        return dict(con.execute("SELECT finding, text FROM findings").fetchall())


@pytest.mark.parametrize("kernel", ["5.10.0-32-cloud-amd64", "6.1.0-50-cloud-amd64", "7.2.13+deb14-cloud-amd64"])
def test_who_dies_because_the_reaper_gave_up_on_another(kernel: str, tmp_path: Path) -> None:
    """The kernel passes over a victim that it could not reap: the second report says why it was needed."""
    log = RUNS / kernel / "memcg-v2-reaper-fails/dmesg.log"
    ingest([str(log)], db=tmp_path / "history.duckdb")
    with open_read(tmp_path / "history.duckdb", locked=True) as con:
        rows = con.execute(
            "SELECT victim_comm, finding, text, evidence FROM findings JOIN incidents USING (incident_id)"
        ).fetchall()
    told = {(victim, finding): text for victim, finding, text, _ in rows}
    shown = {(victim, finding): json.loads(evidence) for victim, finding, _, evidence in rows}
    assert "take the memory of waiting" in told["waiting", "reaper_failed"]
    assert "unable to reap" in log.read_text().splitlines()[shown["waiting", "reaper_failed"][-1]["line"] - 1]
    assert re.search(
        r"take the memory of waiting \(pid \d+\), killed 3\.\d+ s earlier: it still had 31\.\d MiB when second \(pid \d+\)",
        told["second", "reaper_failed"],
    )
    assert ("second", "killed_before_memory_came_back") not in told


@pytest.mark.parametrize(
    ("anon", "file", "shmem", "expected"), [(900, 0, 0, True), (0, 0, 900, False), (0, 900, 0, False)]
)
@pytest.mark.parametrize("kernel", ["5.10", "7.3"])
def test_what_a_dead_process_shares_does_not_come_back(
    kernel: str, anon: int, file: int, shmem: int, expected: bool, tmp_path: Path
) -> None:
    """The reaper and the exit give back anonymous memory; a page of tmpfs stays, and one of a file was never in the way."""
    first = Task(10, "first", rss_anon=5000, rss_file=file, rss_shmem=shmem)
    left = Task(10, "first", rss_anon=anon, rss_file=file, rss_shmem=shmem)
    second = Task(11, "second", rss_anon=4000)
    lines = stamped(Report(KERNELS[kernel], [first, second], first).lines())
    lines += stamped(Report(KERNELS[kernel], [left, second], second).lines(), start_s=100.5)
    assert ("killed_before_memory_came_back" in told(lines, tmp_path)) is expected


def dirty(kernel: str, dirty_kb: int) -> list[str]:
    """A cgroup's report with that much of its 64 MiB waiting to be written."""
    task = Task(10, "dd", rss_anon=50)
    lines = list(Report(KERNELS[kernel], [task], task, memcg="/box", swap_limit_kb=0).lines())
    after = lines.index("file 0") + 1
    return stamped([*lines[:after], f"file_dirty {dirty_kb * 1024}", "file_writeback 0", *lines[after:]])


@pytest.mark.parametrize(
    ("kernel", "dirty_kb", "expected"),
    [("6.6", 40_000, True), ("6.6", 20_000, False), ("7.3", 40_000, False), ("5.10", 40_000, False)],
)
def test_a_kernel_with_a_fault_whose_sign_is_there(kernel: str, dirty_kb: int, expected: bool, tmp_path: Path) -> None:
    found = told(dirty(kernel, dirty_kb), tmp_path)
    assert ("14aa8b2d5c2e" in found.get("known_kernel_bug", "")) is expected


@pytest.mark.parametrize(
    ("kernel", "free_kb", "gfp", "expected"),
    [
        ("5.10", 900_000, "0x0()", True),
        ("5.10", 44_672, "0x0()", False),
        ("5.10", 900_000, "0x140dca(GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_ZERO)", False),
        ("6.6", 900_000, "0x0()", False),
    ],
)
def test_a_page_fault_that_counts_for_the_whole_machine(
    kernel: str, free_kb: int, gfp: str, expected: bool, tmp_path: Path
) -> None:
    task = Task(10, "app")
    lines = list(Report(KERNELS[kernel], [task], task).lines())
    lines[0] = f"app invoked oom-killer: gfp_mask={gfp}, order=0, oom_score_adj=0"
    lines = [line.replace("Normal free:44672kB", f"Normal free:{free_kb}kB") for line in lines]
    assert ("60e2793d440a" in told(stamped(lines), tmp_path).get("known_kernel_bug", "")) is expected


@pytest.mark.parametrize(
    ("slab", "kmem_kb", "expected"), [(0, 60_000, True), (0, 20_000, False), (40 << 20, 60_000, False)]
)
def test_kernel_memory_that_fills_a_control_group(slab: int, kmem_kb: int, expected: bool, tmp_path: Path) -> None:
    """65536 kB of limit. Reclaimable slab is not counted: reclaim takes it."""
    task = Task(10, "app")
    lines = list(Report(KERNELS["5.10"], [task], task, memcg="/box", memsw_limit_kb=2**53).lines())
    at = next(place for place, line in enumerate(lines) if line.startswith("memory+swap"))
    lines[at + 1 : at + 1] = [f"kmem: usage {kmem_kb}kB, limit 9007199254740988kB, failcnt 0"]
    at = lines.index("file 0")
    lines[at - 1 : at + 1] = ["anon 0", "file 0", f"slab_reclaimable {slab}", "slab_unreclaimable 1048576"]
    text = told(stamped(lines), tmp_path).get("kernel_holds_most", "")
    assert text.startswith("The kernel itself holds 58.6 MiB, 92 % of the limit of /box") is expected


@pytest.mark.parametrize(
    ("each", "other", "severity"),
    [(14_000, 1_000, "critical"), (6_000, 1_000, "warning"), (14_000, 150_000, "warning")],
)
def test_a_pool_that_has_most_of_the_memory_is_graver_than_a_full_swap(
    each: int, other: int, severity: str, tmp_path: Path
) -> None:
    """Of 507904 pages that the kernel gives out twenty workers have 280000, or 120000."""
    pool = [Task(100 + n, "php-fpm", rss_anon=each, rss_file=0) for n in range(20)]
    tasks = [*pool, Task(90, "other", rss_anon=other)]
    lines = stamped(Report(KERNELS["3.16"], tasks, pool[0], total_swap_kb=2048).lines())
    (tmp_path / "log").write_text("\n".join(lines) + "\n")
    ingest([str(tmp_path / "log")], db=tmp_path / "history.duckdb")
    with open_read(tmp_path / "history.duckdb", locked=True) as con:
        rows = dict(con.execute("SELECT finding, severity FROM findings").fetchall())
    assert (rows["many_small_processes"], rows["swap_full"]) == (severity, "warning")


def test_what_a_control_groups_report_lacks_is_not_mem_info(tmp_path: Path) -> None:
    task = Task(10, "app")
    lines = list(Report(KERNELS["6.12"], [task], task, memcg="/box").lines())
    cut = [line for line in lines if not line.startswith(("memory: usage", "Memory cgroup stats", "anon ", "file "))]
    assert "It lacks usage, limit and statistics of the control group." in told(stamped(cut), tmp_path)["evidence_lost"]


def test_advice_is_text_of_ours(found: Found) -> None:
    """Redaction keeps it as it is."""
    ours = {one.advice for one in CATALOGUE}
    for by_name in found.values():
        for name, rows in by_name.items():
            assert name is None or name == "known_kernel_bug" or {row[3] for row in rows} <= ours


def test_a_redacted_history_names_nobody_in_findings(tmp_path: Path) -> None:
    """Also those whose names are words that redaction knows, or that differ by a number alone."""
    runs = {"many-children": ["child", "single", "parent"], "adj-500-saves-biggest": ["saved", "taken", "pusher"]}
    lay_out([f"7.2.13+deb14-cloud-amd64/{run}" for run in runs], tmp_path / "bundles")
    lay_out(["recordings/grew-leak", "recordings/grew-pool"], tmp_path / "bundles")
    ingest([str(tmp_path / "bundles")], db=tmp_path / "history.duckdb")
    done = CliRunner().invoke(
        app, ["export", str(tmp_path / "out"), "--redact", "--db", str(tmp_path / "history.duckdb")]
    )
    assert done.exit_code == 0, done.output
    with duckdb.connect() as con:
        rows = con.execute(f"SELECT finding, text, evidence FROM '{tmp_path}/out/findings/**/*.parquet'").fetchall()
    assert {"many_small_processes", "culprit_shielded", "leak", "many_of_one_unit"} <= {name for name, _, _ in rows}
    for _, *texts in rows:
        for name in (*runs["many-children"], *runs["adj-500-saves-biggest"], "postgres", "indexer", "shop", "mail-job"):
            assert all(re.search(rf"\b{name}\b", text) is None for text in texts), texts


_FIGURE = re.compile(r"(?<=[:=])\d+(?=kB| |$)|\d+(?= pages (?:RAM|reserved))")
_DAMAGED = ("slab-hog", "fragmented", "memcg-v2-tmpfs", "global-swap", "mempolicy", "huge-pages", "memcg-v2-oom-group")


def test_damaged_reports_are_looked_at_like_others(tmp_path: Path) -> None:
    """Lines lost at regular places, and figures that no machine has: each incident is derived, and what is said has figures."""
    (tmp_path / "logs").mkdir()
    for run in _DAMAGED:
        lines = (RUNS / "6.1.0-50-cloud-amd64" / run / "dmesg.log").read_text().splitlines()
        for step in range(2, 9):
            kept = [line for number, line in enumerate(lines) if number % step]
            (tmp_path / "logs" / f"{run}-{step}.log").write_text("\n".join(kept) + "\n")
        for odd in ("0", "999999999999999"):
            figures = [_FIGURE.sub(odd, line) for line in lines]
            (tmp_path / "logs" / f"{run}-{odd}.log").write_text("\n".join(figures) + "\n")
    ingest([str(tmp_path / "logs")], db=tmp_path / "history.duckdb")
    with open_read(tmp_path / "history.duckdb", locked=True) as con:
        assert (
            con.execute("SELECT count(*) FROM incidents").fetchone()
            == con.execute("SELECT count(*) FROM allocations").fetchone()
        )
        assert all(json.loads(evidence) for (evidence,) in con.execute("SELECT evidence FROM findings").fetchall())


def test_tmpfs_where_the_count_of_mapped_pages_is_lost(tmp_path: Path) -> None:
    """What processes can have mapped is then bounded by their RSS, which is enough to tell that a kill frees little."""
    log = (RUNS / "6.1.0-50-cloud-amd64/tmpfs-hog/dmesg.log").read_text()
    lost = re.sub(r" mapped:\d+ shmem", " shmem", log).splitlines()
    assert lost != log.splitlines()
    assert "tmpfs_not_freed" in told(lost, tmp_path)
    assert "shared_memory" not in told(lost, tmp_path)
