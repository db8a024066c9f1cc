"""The tree of control groups from histories whose figures are set by hand."""

from __future__ import annotations

import json
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomforensics.reports import cgrouptree
from oomforensics.reports.cgrouptree import Group
from oomforensics.reports.load import load
from tests.unit.reports import report_samples as samples
from tests.unit.reports.test_recorded import AT_S, BOOT, segment

MIB = 1 << 20


def incident(con: duckdb.DuckDBPyConnection, **values: Any) -> str:
    given = {
        "incident_id": "oom-000000000001", "scope": "memcg", "oom_memcg": "/pods/a", "task_memcg": "/pods/a/app", "boot_id": BOOT,
        "uptime_s": AT_S, "memory_usage_kb": 2048, "memory_limit_kb": 4096, **values,
    }  # fmt: skip
    return samples.add(con, given)


def cgroup(
    con: duckdb.DuckDBPyConnection, path: str, at_s: float, usage: int, limit: int | None = None, gone: bool = False
) -> None:
    samples.insert(
        con, "cgroup_samples", segment_id="a", mono_us=int((AT_S + at_s) * 1e6), cgroup=path, version=2, gone=gone,
        usage_bytes=usage, limit_bytes=limit,
    )  # fmt: skip


def lines(root: Group | None) -> list[str]:
    return [
        f"{'  ' * depth}{group.name} {cgrouptree.sentence(group)}".rstrip() for depth, group in cgrouptree.flat(root)
    ]


def test_the_report_alone_gives_the_path_to_its_group(con: duckdb.DuckDBPyConnection) -> None:
    stats = [{"path": "/pods/a", "unit": "kB", "values": {"rss": 900, "cache": 24, "shmem": 8}}]
    page = load(con, incident(con, memcg_stats=json.dumps(stats)))
    told = "a 2 MiB of 4 MiB, anonymous 900 KiB, file 24 KiB, of it shared 8 KiB"
    assert lines(page.cgroups) == ["/", "  pods", f"    {told}", "      app"]
    marks = [cgrouptree.marks(group) for _, group in cgrouptree.flat(page.cgroups)]
    assert marks == [[], [], ["limit hit"], ["victim's group"]]


@pytest.mark.parametrize(("kmem_usage_kb", "kernel"), [(2000, "kernel 1.95 MiB"), (0, "kernel 200 KiB")])
def test_kernel_memory_is_what_the_group_was_charged(
    con: duckdb.DuckDBPyConnection, kmem_usage_kb: int, kernel: str
) -> None:
    """Statistics of cgroup v1 list a part of it; on v2 that counter stays 0."""
    stats = [{"path": "/a", "unit": "bytes", "values": {"slab": 204_800, "anon": 0, "file": 0}}]
    page = load(con, incident(con, memcg_stats=json.dumps(stats), oom_memcg="/a", kmem_usage_kb=kmem_usage_kb))
    assert any(kernel in line for line in lines(page.cgroups))


def test_the_recorder_adds_the_neighbours_as_they_were_just_before(con: duckdb.DuckDBPyConnection) -> None:
    segment(con, "a", AT_S - 60, AT_S + 5)
    for at_s, usage in ((-9, 5), (-2.5, 7), (1, 99)):
        cgroup(con, "/pods/b", at_s, usage * MIB)
    cgroup(con, "/pods/gone", -9, 50 * MIB)
    cgroup(con, "/pods/gone", -3, 0, gone=True)
    cgroup(con, "/pods/a", -2.5, MIB, 3 * MIB)
    page = load(con, incident(con))
    assert lines(page.cgroups) == [
        "/",
        "  pods",
        "    b 7 MiB, no limit, as recorded 2.500 s before",
        "    a 2 MiB of 4 MiB",  # the kernel's own figures at that moment, not the recorder's
        "      app",
    ]


def test_counters_of_a_bundle_are_told_as_of_its_time(con: duckdb.DuckDBPyConnection) -> None:
    for name, value in (
        ("/pods/c memory.events oom_kill", "3"),
        ("/pods/c memory.events.local oom_kill", "1"),
        ("/pods/d memory.events oom_kill", "0"),
    ):
        samples.insert(
            con, "bundle_facts", kind="counter", name=name, value=value, boot_id=BOOT, bundle="b", source="s", line=1
        )
    page = load(con, incident(con))
    assert "    c 3 OOM kills counted when the bundle was collected" in lines(page.cgroups)
    assert not any(" d" in line for line in lines(page.cgroups))


def test_nothing_known_is_no_tree(con: duckdb.DuckDBPyConnection) -> None:
    assert load(con, incident(con, memory_usage_kb=None, memory_limit_kb=None)).cgroups is None
    assert (
        load(con, incident(con, incident_id="oom-2", oom_memcg=None, task_memcg="/init.scope", scope="global")).cgroups
        is None
    )


def test_many_small_groups_are_counted_and_the_victims_kept(con: duckdb.DuckDBPyConnection) -> None:
    segment(con, "a", AT_S - 60, AT_S + 5)
    for n in range(40):
        cgroup(con, f"/pods/n{n:02d}", -1, (100 - n) * MIB)
    page = load(con, incident(con, memory_usage_kb=1))
    pods = next(group for _, group in cgrouptree.flat(page.cgroups) if group.path == "/pods")
    assert [child.name for child in pods.children] == [*(f"n{n:02d}" for n in range(15)), "a"]
    assert pods.hidden == 25


@given(st.lists(st.text("ab/. é\x1b", min_size=1, max_size=90), max_size=12))
def test_any_paths_make_one_tree(paths: list[str]) -> None:
    groups = {f"/{path}": Group(f"/{path}", usage_bytes=1) for path in paths}
    wanted = {path for path in groups if path.count("/") <= 40}
    found = [group.path for _, group in cgrouptree.flat(cgrouptree._tree(groups))]
    assert len(found) == len(set(found)) and found[0] == "/"
    assert wanted <= set(found)


@pytest.mark.parametrize(
    ("usage", "limit", "filled"), [(1, 4, 0.25), (5, 4, 1.0), (None, 4, None), (1, None, None), (1, 0, None)]
)
def test_a_bar_never_runs_over(usage: int | None, limit: int | None, filled: float | None) -> None:
    assert Group("/a", usage_bytes=usage, limit_bytes=limit).filled == filled
