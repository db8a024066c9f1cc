"""Where the memory was: against /proc/meminfo and the cgroup files of real kernels, and in what hostile logs say."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oomforensics.analysis.balance import Balance, Node, balance
from oomforensics.analysis.scene import Scene
from oomforensics.analysis.task_table import Process
from oomforensics.parsers.facts import MemcgStats, MemInfo, Zone
from tests.support.samples import CORPUS, FIXTURES
from tests.support.scenes import made, of_corpus, of_kernels, printed

PERCENT = 0.01
OUTSIDE = ("fragmented", "pipe-hog")  # runs that fill pipes, whose pages no counter has
MIB = 1 << 20


def nodes_of(found: Balance | None) -> dict[str, Node]:
    assert found is not None
    return {node.node: node for node in found.nodes}


def disagreements(found: Balance) -> Iterator[str]:
    """What must hold of every balance whatsoever."""
    by_name = {node.node: node for node in found.nodes}
    if len(by_name) != len(found.nodes):
        yield "two nodes of one name"
    children = defaultdict(list)
    for node in found.nodes:
        if not 0 <= node.min_bytes <= node.bytes <= node.max_bytes:
            yield f"{node.node}: {node.bytes} is not within its bounds"
        if node.parent is not None:
            children[node.parent].append(node)
            if node.max_bytes > by_name[node.parent].max_bytes:
                yield f"{node.node} may be larger than {node.parent}"
    for name, parts in children.items():
        if sum(part.bytes for part in parts) != by_name[name].bytes:
            yield f"{name} is {by_name[name].bytes}, its parts {sum(part.bytes for part in parts)}"


# -- real kernels ------------------------------------------------------------------------------------------------------


@cache
def truth(run: str) -> dict[str, Any]:
    text = (FIXTURES / "kernels" / run / "truth.json").read_text(encoding="utf-8", errors="surrogateescape")
    return dict(json.loads(text))


def meminfo_kb(run: str) -> dict[str, int]:
    return {name: int(kb) for name, kb in re.findall(r"^([\w()]+):\s+(\d+)", truth(run)["meminfo"], re.M)}


def in_no_counter_kb(run: str) -> int:
    """What /proc/meminfo leaves over, seen from outside before the machine ran out."""
    kb = meminfo_kb(run)
    on_cpus = (
        sum(map(int, re.findall(r"\n\s+count:\s+(\d+)", truth(run)["zoneinfo"]))) * truth(run)["page_size"] // 1024
    )
    counted = (
        "MemFree",
        "Active",
        "Inactive",
        "Unevictable",
        "Slab",
        "KernelStack",
        "PageTables",
        "SecPageTables",
        "Hugetlb",
    )
    return int(kb["MemTotal"] - on_cpus - sum(kb.get(name, 0) for name in counted))


def first_of_each() -> list[tuple[str, Scene, Balance]]:
    """The first report of each run: at a later one, memory of the process killed before is on its way back."""
    found = [(run, scenes[0], balance(scenes[0])) for run, scenes in of_kernels().items()]
    return [(run, scene, one) for run, scene, one in found if one is not None]


def test_every_report_of_a_real_kernel_adds_up() -> None:
    found = [(scene.source, balance(scene)) for scenes in of_kernels().values() for scene in scenes]
    assert sum(one is not None for _, one in found) > 480
    assert [(source, said) for source, one in found if one for said in disagreements(one)] == []


def test_ram_is_what_proc_meminfo_had_of_it() -> None:
    machines = [(run, nodes_of(one)) for run, _, one in first_of_each() if one.nodes[0].node == "ram"]
    assert len(machines) > 160
    for run, by_name in machines:
        managed_kb = (by_name["ram"].bytes - by_name["reserved"].bytes) // 1024
        assert managed_kb == meminfo_kb(run)["MemTotal"], run
        huge = by_name.get("hugetlb")
        assert (huge.bytes // 1024 if huge else 0) == meminfo_kb(run).get("Hugetlb", 0), run


def test_what_no_counter_covers_is_what_proc_meminfo_left_over() -> None:
    """Within 1 % of RAM; where not every node is printed, it is within what the balance says it may be."""
    whole, partly = 0, 0
    for run, scene, one in first_of_each():
        by_name = nodes_of(one)
        if "ram" not in by_name:
            continue
        left, seen = by_name["unaccounted"], in_no_counter_kb(run) * 1024
        near = by_name["ram"].bytes * PERCENT
        if scene.scope in ("cpuset", "mempolicy"):
            partly += 1
            assert left.min_bytes - near <= seen <= left.max_bytes + near, run
        elif run.split("/")[1] in OUTSIDE:
            assert left.bytes > seen + near, run
        else:
            whole += 1
            assert abs(left.bytes - seen) < near, run
    assert whole > 140
    assert partly > 15


def test_the_limit_of_a_cgroup_is_accounted_for() -> None:
    """Within 1 % of it, or within what the CPUs charge in advance."""
    seen = 0
    for run, scene, one in first_of_each():
        by_name = nodes_of(one)
        whole = by_name.get("limit")
        if whole is None:
            continue
        seen += 1
        group = truth(run)["cgroup"]
        limits = {group["path"]: group["before"].get("memory.max") or group["before"]["memory.limit_in_bytes"]}
        if scene.oom_memcg in limits:
            assert whole.bytes == int(limits[scene.oom_memcg]), run
        left = by_name["unaccounted"]
        assert left.bytes <= whole.bytes * PERCENT or left.min_bytes <= whole.bytes * PERCENT, (run, left)
    assert seen > 110


@pytest.mark.parametrize(
    ("run", "biggest", "at_least_mib"),
    [
        ("7.2.13+deb14-cloud-amd64/tmpfs-hog", "shmem", 90),
        ("6.1.0-50-cloud-amd64/tmpfs-hog", "shmem", 90),
        ("7.2.13+deb14-cloud-amd64/global-no-swap", "anon", 100),
        ("6.12.107+deb13-cloud-amd64/memcg-v2-tmpfs", "shmem", 20),
        ("5.10.0-32-cloud-amd64/memcg-v2-shared", "shmem", 20),
        ("host-6.18.44-fc-v445-memcg-v1/memcg-hog", "anon", 20),
    ],
)
def test_who_had_it_is_who_the_lab_gave_it_to(run: str, biggest: str, at_least_mib: int) -> None:
    found = balance(of_kernels()[run][0])
    by_name = nodes_of(found)
    assert found is not None
    top = max((one for one in found.nodes if one.parent == found.nodes[0].node), key=lambda one: one.bytes)
    assert top.node == biggest
    assert by_name[biggest].bytes > at_least_mib * MIB


def test_locked_memory_huge_pages_and_page_tables_are_shown_as_such() -> None:
    locked = nodes_of(balance(of_kernels()["6.1.0-50-cloud-amd64/locked-hog"][0]))
    assert locked["unevictable"].bytes > 70 * MIB
    huge = nodes_of(balance(of_kernels()["7.2.13+deb14-cloud-amd64/huge-pages"][0]))
    assert huge["hugetlb_0_2048_used"].bytes == 64 * MIB
    tables = nodes_of(balance(of_kernels()["6.1.0-50-cloud-amd64/page-table-hog"][0]))
    assert tables["pagetables"].bytes > 50 * MIB


def test_after_a_first_kill_its_memory_is_on_its_way_back() -> None:
    """The second report of the run: the first victim's pages are unmapped, and still charged."""
    first, second = of_kernels()["7.2.13+deb14-cloud-amd64/memcg-v2-allocating-task"]
    assert "unmapped" not in nodes_of(balance(first))
    leaving = nodes_of(balance(second))["unmapped"]
    victim = next(kill for kill in first.kills)
    assert 0 < leaving.bytes <= (victim.anon_rss_kb or 0) * 1024


@pytest.mark.skipif(not CORPUS.is_dir(), reason="no corpus of real logs (OOMFORENSICS_CORPUS)")
def test_every_complete_field_report_adds_up() -> None:
    found = [(scene, balance(scene)) for scene in of_corpus()]
    assert [(scene.source, said) for scene, one in found if one for said in disagreements(one)] == []
    complete = [(scene, one) for scene, one in found if one is not None and scene.complete]
    assert len(complete) > 50
    for scene, one in complete:
        left = nodes_of(one).get("unaccounted")
        assert left is None or left.bytes <= one.nodes[0].bytes * PERCENT or size_is_said(one), scene.source


def size_is_said(one: Balance) -> bool:
    return any(said in one.text for said in ("is in no counter", "is in no statistic", "little is known"))


# -- one thing at a time -----------------------------------------------------------------------------------------------

HEAD = """
active_anon:1000 inactive_anon:2000 isolated_anon:0
 active_file:300 inactive_file:400 isolated_file:0
 unevictable:50 dirty:0 writeback:0
 slab_reclaimable:60 slab_unreclaimable:70
 mapped:10 shmem:500 pagetables:80 bounce:0
 free:900 free_pcp:20 free_cma:0
"""
TAIL = """
{cache} total pagecache pages
0 pages in swap cache
Free swap  = 0kB
Total swap = 0kB
10000 pages RAM
0 pages HighMem/MovableOnly
1000 pages reserved
"""
NODE = "Node 0 DMA32 free:3600kB min:100kB low:120kB high:140kB present:40000kB managed:36000kB mlocked:200kB\n"


def machine(text: str, **values: Any) -> dict[str, Node]:
    info = printed(text)
    return nodes_of(balance(made(meminfo=info, ram_pages=info.ram_pages, **values)))


def test_a_page_is_counted_once_although_it_is_printed_twice() -> None:
    """Shared memory is on the anonymous lists and in the page cache."""
    by_name = machine(HEAD + NODE + TAIL.format(cache=1200))
    assert by_name["anon"].bytes == (3000 - 500) * 4096
    assert by_name["shmem"].bytes == 500 * 4096
    assert by_name["file"].bytes == 700 * 4096
    assert by_name["unaccounted"].bytes == (9000 - 3000 - 700 - 50 - 60 - 70 - 80 - 920) * 4096


def test_pages_on_the_lists_of_files_that_are_of_no_file() -> None:
    text = HEAD.replace("inactive_file:400", "inactive_file:4000") + NODE + TAIL.format(cache=800)
    by_name = machine(text)
    assert by_name["file_orphans"].bytes == (300 + 4000 - (800 - 500)) * 4096
    assert by_name["file"].bytes == 4300 * 4096


def test_files_that_are_locked_are_told_from_locked_anonymous_memory() -> None:
    by_name = machine(HEAD + NODE + TAIL.format(cache=500 + 700 + 30))
    assert (by_name["unevictable_file"].bytes, by_name["unevictable_anon"].bytes) == (30 * 4096, 20 * 4096)


def test_where_a_node_is_not_printed_nothing_is_certain_of_the_rest() -> None:
    half = NODE.replace("present:40000kB managed:36000kB", "present:20000kB managed:18000kB")
    left = machine(HEAD + half + TAIL.format(cache=1200))["unaccounted"]
    assert left.min_bytes == 0
    assert "not all nodes" in left.origin


def test_lost_counters_are_said_and_never_taken_for_nothing() -> None:
    left = machine(NODE + TAIL.format(cache=1200))["unaccounted"]
    assert left.min_bytes == 0
    assert left.bytes > 8000 * 4096
    assert "active_anon" in left.origin
    assert "slab_unreclaimable" in left.origin


def test_counters_that_overlap_never_make_a_part_larger_than_the_whole() -> None:
    text = HEAD.replace("active_anon:1000", "active_anon:90000") + NODE + TAIL.format(cache=1200)
    by_name = machine(text)
    assert by_name["anon"].bytes < by_name["ram"].bytes
    assert "overlap" in by_name["anon"].origin


def test_a_balloon_is_part_of_what_is_not_given_out() -> None:
    node = "Node 0 active_anon:4000kB inactive_anon:8000kB all_unreclaimable? no Balloon:1024kB\n"
    by_name = machine(HEAD + node + NODE + TAIL.format(cache=1200))
    assert by_name["balloon"].parent == "reserved"
    assert by_name["balloon"].bytes == MIB


def test_thp_of_kernels_that_print_it_under_another_name_are_left_out() -> None:
    node = "Node 0 active_anon:4000kB shmem_thp: 0kB shmem_pmdmapped: 2048kB anon_thp: 4096kB all_unreclaimable? no\n"
    text = HEAD + node + NODE + TAIL.format(cache=1200)
    assert "anon_thp" in machine(text, kernel_release="4.14.0")
    assert "anon_thp" not in machine(text, kernel_release="4.9.0")


def stats(path: str, unit: str, **values: int) -> MemcgStats:
    return MemcgStats(7, path, values, unit)


def cgroup(*groups: MemcgStats, usage_kb: int = 1000, limit_kb: int = 1000, **values: Any) -> dict[str, Node]:
    scene = made(scope="memcg", memory_usage_kb=usage_kb, memory_limit_kb=limit_kb, memcg_stats=groups, **values)
    return nodes_of(balance(scene))


def test_the_groups_of_a_subtree_stand_under_what_they_have() -> None:
    """Up to 5.2 each group prints a line of its own."""
    by_name = cgroup(
        stats("/a", "kB", cache=100, rss=50, mapped_file=10),
        stats("/a/b", "kB", cache=0, rss=600, mapped_file=0),
        stats("/a/c", "kB", cache=0, rss=200, mapped_file=0),
        kernel_release="4.4.0",
    )
    assert by_name["anon"].bytes == 850 * 1024
    assert [by_name[f"anon_{place}"].memcg for place in (1, 2, 3)] == ["/a/b", "/a/c", "/a"]
    assert by_name["unaccounted"].bytes == 50 * 1024


def test_of_cache_alone_the_lists_tell_how_much_is_shared_memory() -> None:
    by_name = cgroup(
        stats("/a", "kB", cache=900, rss=50, active_file=100, inactive_file=200, unevictable=0), kernel_release="3.10.0"
    )
    assert by_name["shmem"].bytes == 600 * 1024
    assert by_name["file"].bytes == 300 * 1024


def test_v1_since_6_5_prints_the_subtree_as_total() -> None:
    by_name = cgroup(stats("/a", "bytes", cache=0, rss=4096, total_cache=40_960, total_rss=614_400, total_shmem=40_960))
    assert by_name["anon"].bytes == 614_400
    assert by_name["shmem"].bytes == 40_960


def test_sockets_are_beside_the_limit_on_v1() -> None:
    one = stats("/a", "bytes", anon=4096, file=0, sock=8192)
    assert "sock" in cgroup(one)
    assert "sock" not in cgroup(one, kmem_usage_kb=0, kmem_limit_kb=100)


def test_kernel_memory_that_was_charged_page_by_page_is_in_no_statistic() -> None:
    """Full pipes, vmalloc of v1, ring buffers: the sum is printed, and little of it has a line of its own."""
    one = stats("/a", "bytes", anon=0, file=0, slab_unreclaimable=100 * 1024, kernel_stack=50 * 1024)
    scene = made(scope="memcg", memory_usage_kb=1000, memory_limit_kb=1000, memcg_stats=(one,), kmem_usage_kb=950)
    told = balance(scene)
    by_name = nodes_of(told)
    assert by_name["kernel"].bytes == 950 * 1024
    assert (by_name["kernel_unlisted"].parent, by_name["kernel_unlisted"].bytes) == ("kernel", 800 * 1024)
    assert told is not None and "800 KiB of the kernel's (80 %) are in none of its statistics" in told.text
    listed = made(scope="memcg", memory_usage_kb=1000, memory_limit_kb=1000, memcg_stats=(one,), kmem_usage_kb=160)
    told = balance(listed)
    assert told is not None and "none of its statistics" not in told.text


def test_memory_above_the_limit_makes_the_usage_the_whole() -> None:
    by_name = cgroup(stats("/a", "bytes", anon=1_900_000, file=0), usage_kb=2000, limit_kb=1000)
    assert by_name["usage"].bytes == 2000 * 1024
    assert "limit" not in by_name


def row(rss_pages: int, *, victim: bool = False) -> Process:
    return Process(9, 0, "x", rss_pages, None, None, 8192, 0, 0, True, None, victim, 5)


def test_a_victim_above_its_limit_is_explained() -> None:
    scene = made(scope="memcg", memory_usage_kb=1000, memory_limit_kb=1000, processes=(row(278, victim=True),),
                 memcg_stats=(stats("/a", "bytes", anon=600_000, file=0, shmem=0),))  # fmt: skip
    found = balance(scene)
    assert found is not None
    assert "is above the limit" in found.text
    assert "charged to other control groups" in found.text
    assert "111 %" not in found.text


def test_swap_has_a_tree_of_its_own() -> None:
    info = printed(HEAD + NODE + TAIL.format(cache=1200).replace("Total swap = 0kB", "Total swap = 4096kB"))
    process = row(10)._replace(swapents_pages=300)
    by_name = nodes_of(
        balance(
            made(meminfo=info, ram_pages=10_000, total_swap_kb=4096, free_swap_kb=1024, processes=(process, process))
        )
    )
    assert by_name["swap"].parent is None
    assert by_name["swap_free"].bytes == MIB
    assert by_name["swap_tasks"].bytes == 600 * 4096
    assert by_name["swap_other"].bytes == 3 * MIB - 600 * 4096


def test_nothing_is_said_of_a_report_without_memory() -> None:
    assert balance(made()) is None
    assert balance(made(scope="memcg", memory_limit_kb=1000)) is None
    assert balance(made(meminfo=MemInfo(line=1))) is None


# -- whatever a log says -----------------------------------------------------------------------------------------------

_COUNTERS = (
    "active_anon", "inactive_anon", "isolated_anon", "active_file", "inactive_file", "isolated_file", "unevictable", "free",
    "free_pcp", "free_cma", "slab_reclaimable", "slab_unreclaimable", "shmem", "pagetables", "sec_pagetables", "bounce",
)  # fmt: skip
_VALUES = ("present", "managed", "free", "mlocked", "kernel_stack", "Balloon", "anon_thp", "zspages", "isolated(anon)")
_STATS = (
    "anon", "file", "shmem", "kernel", "slab_reclaimable", "slab_unreclaimable", "pagetables", "percpu", "sock", "swapcached",
    "anon_thp", "inactive_anon", "active_anon", "inactive_file", "active_file", "unevictable", "rss", "cache", "total_rss",
)  # fmt: skip
AMOUNTS = st.integers(0, 1 << 70) | st.integers(0, 5000)
POOLS = st.fixed_dictionaries({"node": st.integers(0, 3), "total": AMOUNTS, "free": AMOUNTS, "size_kb": AMOUNTS})


def some(names: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(names), AMOUNTS)


@settings(max_examples=300)
@given(
    counters=some(_COUNTERS),
    zones=st.lists(some(_VALUES), max_size=3),
    node=some(_VALUES),
    totals=some(("ram_pages", "reserved_pages", "pagecache_pages", "swapcache_pages", "hwpoisoned_pages", "pcp_pages", "cpus")),
    swap=some(("total_swap_kb", "free_swap_kb")),
    huge=st.lists(POOLS, max_size=2),
    release=st.sampled_from([None, "2.6.32-431.el6", "3.10.0", "4.9.0", "6.1.0", "7.2.13"]),
)  # fmt: skip
def test_a_machine_adds_up_whatever_is_printed(
    counters: dict[str, int], zones: list[dict[str, Any]], node: dict[str, Any], totals: dict[str, Any], swap: dict[str, Any],
    huge: list[dict[str, int]], release: str | None,
) -> None:  # fmt: skip
    info = MemInfo(
        line=1, counters_pages=counters, zones=[Zone(2, 0, "DMA", values) for values in zones], **totals, **swap
    )
    info.nodes_kb, info.hugepages = {0: node}, huge
    found = balance(
        made(meminfo=info, ram_pages=info.ram_pages, kernel_release=release, trigger_cpu=3, processes=(row(5),), **swap)
    )
    assert found is None or list(disagreements(found)) == []


@settings(max_examples=300)
@given(
    groups=st.lists(some(_STATS), max_size=3),
    unit=st.sampled_from(["kB", "bytes"]),
    printed_kb=some(("memory_usage_kb", "memory_limit_kb", "kmem_usage_kb", "swap_usage_kb", "swap_limit_kb")),
    page_size=st.sampled_from([None, 4096, 65536]),
)
def test_a_cgroup_adds_up_whatever_is_printed(
    groups: list[dict[str, int]], unit: str, printed_kb: dict[str, int], page_size: int | None
) -> None:
    listed = tuple(MemcgStats(3, f"/{place}", values, unit) for place, values in enumerate(groups))
    scene = made(
        scope="memcg", memcg_stats=listed, page_size=page_size, processes=(row(77, victim=True),), **printed_kb
    )
    found = balance(scene)
    assert found is None or list(disagreements(found)) == []
