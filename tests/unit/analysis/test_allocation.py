"""Why the allocation failed: what the laboratory made fail, and each cause by itself."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oomforensics.analysis.allocation import Allocation, Cause, allocation
from oomforensics.analysis.model import Scope
from oomforensics.analysis.scene import HostFact, Neighbour
from oomforensics.parsers.facts import MemInfo, Zone
from tests.support.scenes import made, of_kernels, printed

MOVABLE = "0x140dca(GFP_HIGHUSER_MOVABLE|__GFP_ZERO|__GFP_COMP)"
KERNEL = "0xcc0(GFP_KERNEL)"


def causes_of(run_ends: str) -> set[Cause]:
    """Of each run of that scenario, on whatever kernel."""
    found = {run: scenes for run, scenes in of_kernels().items() if run.split("/")[1].startswith(run_ends)}
    assert found, run_ends
    return {allocation(scene).cause for scenes in found.values() for scene in scenes}


# -- real kernels ------------------------------------------------------------------------------------------------------


def test_a_cgroup_at_its_limit() -> None:
    assert causes_of("memcg-") == {Cause.MEMCG_LIMIT}


def test_a_kill_that_somebody_asked_for() -> None:
    assert causes_of("sysrq-f") == {Cause.SYSRQ}


@pytest.mark.parametrize("run", ["cpuset", "mempolicy"])
def test_nodes_that_are_exhausted_while_others_are_free(run: str) -> None:
    """The lab binds the hog to node 1 and leaves node 0 alone. At the second kill memory may be on its way back already."""
    scenarios = (run, f"{run}-random-40")
    firsts = [allocation(scenes[0]) for name, scenes in of_kernels().items() if name.split("/")[1] in scenarios]
    assert len(firsts) >= 5
    named = [one for one in firsts if one.cause is Cause.NODE_EXHAUSTED]
    assert len(named) >= len(firsts) - 1
    assert {one.nodes for one in firsts} == {"1"}
    assert all("other nodes had" in one.text for one in named)
    assert {one.cause for one in firsts} <= {Cause.NODE_EXHAUSTED, Cause.RECLAIM_GAVE_UP}


def test_free_cma_pages_that_the_kernel_may_not_use() -> None:
    """arm64: all that the request could have is CMA."""
    found = [allocation(scene) for scene in of_kernels()["6.12.107+deb13-arm64-16k/drawn-28"]]
    cma = [one for one in found if one.cause is Cause.WRONG_ZONE]
    assert cma
    assert all(one.migratetype in ("unmovable", "reclaimable") and Cause.CMA_RESERVE in one.also for one in cma)


def test_the_machine_without_swap_and_with_its_swap_full() -> None:
    without = allocation(of_kernels()["6.1.0-50-cloud-amd64/global-no-swap"][0])
    assert (without.cause, without.also) == (Cause.NOT_ENOUGH_MEMORY, (Cause.NO_SWAP,))
    full = allocation(of_kernels()["6.1.0-50-cloud-amd64/global-swap"][0])
    assert (full.cause, full.also) == (Cause.NOT_ENOUGH_MEMORY, (Cause.SWAP_FULL,))


def test_no_real_kernel_killed_with_much_above_its_high_watermark() -> None:
    """A check of the watermarks: had we asked for too little, most machines would seem to have had enough."""
    found = [allocation(scene) for scenes in of_kernels().values() for scene in scenes if scene.meminfo is not None]
    assert len(found) > 220
    late = [one for one in found if one.cause is Cause.RECLAIM_GAVE_UP]
    assert len(late) < len(found) * 0.08
    assert sum(one.cause is Cause.UNKNOWN for one in found) <= 1


def test_every_zone_that_was_checked_says_why() -> None:
    for scenes in of_kernels().values():
        for scene in scenes:
            for zone in allocation(scene).zones:
                assert zone.reason
                if zone.usable and zone.needed_kb is not None and zone.free_kb is not None:
                    assert (zone.free_kb < zone.needed_kb) == ("too little free" in zone.reason)


# -- one cause at a time -----------------------------------------------------------------------------------------------

TOTALS = """
0 total pagecache pages
Free swap  = 0kB
Total swap = 0kB
100000 pages RAM
0 pages HighMem/MovableOnly
1000 pages reserved
"""


def neighbour(**values: Any) -> Neighbour:
    """Of the same boot; the rest is not known."""
    nothing = dict.fromkeys(Neighbour._fields)
    return Neighbour(**{**nothing, "incident_id": "a", "same_boot": True, "source": "x.log", "line": 1, **values})


def zone(name: str, free: int, buddy: str, reserve: str = "0 0 0 0 0", node: int = 0, more: str = "") -> str:
    """`min` is 1000 kB, `high` 1400 kB."""
    return (
        f"Node {node} {name} free:{free}kB min:1000kB low:1200kB high:1400kB {more}present:200000kB managed:198000kB\n"
        f"lowmem_reserve[]: {reserve}\nNode {node} {name}: {buddy} = {free}kB\n"
    )


def machine(text: str, gfp: str | None = MOVABLE, order: int | None = 0, **values: Any) -> Allocation:
    return allocation(
        made(meminfo=printed(text + values.pop("totals", TOTALS)), gfp_mask=gfp, alloc_order=order, **values)
    )


SMALL = "225*4kB (UM) 0*8kB"


def test_below_every_watermark() -> None:
    found = machine(zone("DMA32", 900, SMALL))
    assert (found.cause, found.highest_zone, found.request_bytes) == (Cause.NOT_ENOUGH_MEMORY, "Movable", 4096)
    assert found.gfp_flags == ("GFP_HIGHUSER_MOVABLE", "__GFP_ZERO", "__GFP_COMP")
    assert found.zones[0].needed_kb == 1004


@pytest.mark.parametrize(
    ("blocks", "kept"),
    [
        (
            "4*32kB (CH)",
            "the largest free one has 32 KiB, on lists for movable pages only (CMA) and for atomic requests",
        ),
        ("2*32kB (H) 1*64kB (C)", "the largest free one has 64 KiB, on a list for movable pages only (CMA)"),
        ("0*32kB", "the largest free one has 8 KiB)"),
    ],
)
def test_blocks_that_are_free_and_kept_for_others(blocks: str, kept: str) -> None:
    found = machine(
        zone("Normal", 9000, f"1800*4kB (UM) 225*8kB (UM) 0*16kB {blocks}"), KERNEL, 3, kernel_release="5.10.1"
    )
    assert found.cause is Cause.FRAGMENTATION
    assert kept in found.text


def test_between_min_and_high_is_no_memory_to_a_kernel_that_is_about_to_kill() -> None:
    found = machine(zone("DMA32", 1100, SMALL))
    assert found.cause is Cause.NOT_ENOUGH_MEMORY
    assert "above the watermark" in found.text
    assert machine(zone("DMA32", 1404, SMALL)).cause is Cause.RECLAIM_GAVE_UP


def test_memory_in_pieces() -> None:
    found = machine(zone("Normal", 9000, "1800*4kB (UM) 225*8kB (UM) 0*16kB 0*32kB"), KERNEL, 3)
    assert found.cause is Cause.FRAGMENTATION
    assert "order 3" in found.text
    assert "8 KiB" in found.text
    assert (
        machine(zone("Normal", 9000, "1800*4kB (UM) 0*8kB 0*16kB 50*32kB (M)"), KERNEL, 3).cause
        is Cause.RECLAIM_GAVE_UP
    )
    only_cma = machine(zone("Normal", 9000, "1800*4kB (UM) 0*8kB 0*16kB 50*32kB (C)"), KERNEL, 3)
    assert only_cma.cause is Cause.FRAGMENTATION


def test_below_the_watermark_a_large_request_fails_for_want_of_memory() -> None:
    assert machine(zone("Normal", 900, SMALL), KERNEL, 3).cause is Cause.NOT_ENOUGH_MEMORY


def test_memory_in_highmem_is_none_to_the_kernel() -> None:
    text = zone("Normal", 900, SMALL) + zone("HighMem", 150_000, "37500*4kB (M)")
    found = machine(text, KERNEL)
    assert found.cause is Cause.WRONG_ZONE
    assert "HighMem" in found.text
    assert [one.usable for one in found.zones] == [True, False]
    assert machine(text, MOVABLE).cause is Cause.RECLAIM_GAVE_UP


def test_memory_in_zones_that_the_report_leaves_out() -> None:
    """Since 6.1 zones above the request's are not printed; that all nodes are is said by the constraint."""
    head = " free:60000 free_pcp:20 free_cma:0\n"
    totals = TOTALS.replace("0 pages HighMem", "50000 pages HighMem")
    found = machine(head + zone("Normal", 900, SMALL, "0 0 0 0"), KERNEL, totals=totals)
    assert found.cause is Cause.WRONG_ZONE
    assert "leaves out" in found.text
    bound = machine(head + zone("Normal", 900, SMALL, node=1), MOVABLE, scope="cpuset", mems_allowed="1")
    assert bound.cause is Cause.NODE_EXHAUSTED
    assert bound.nodes == "1"


def test_nodes_that_a_policy_does_not_allow() -> None:
    text = zone("Normal", 900, SMALL, node=0) + zone("Normal", 150_000, "37500*4kB (M)", node=1)
    found = machine(text, scope="mempolicy", nodemask="0", mems_allowed="0-1")
    assert found.cause is Cause.NODE_EXHAUSTED
    assert [one.usable for one in found.zones] == [True, False]
    both = machine(text.replace("Normal free:150000kB", "Normal free:1200kB"), scope="mempolicy", nodemask="0")
    assert both.cause is Cause.NOT_ENOUGH_MEMORY


def test_what_a_lower_zone_keeps_from_requests_that_reach_higher() -> None:
    text = zone("DMA32", 60_000, "15000*4kB (UM)", "0 0 20000 20000 20000") + zone("Normal", 900, SMALL)
    found = machine(text)
    assert (found.cause, Cause.LOWMEM_RESERVE in found.also) == (Cause.NOT_ENOUGH_MEMORY, True)
    assert "lowmem_reserve" in found.zones[0].reason
    assert machine(text, "0xcc4(GFP_KERNEL|GFP_DMA32)").cause is Cause.RECLAIM_GAVE_UP


def test_what_is_kept_for_atomic_requests() -> None:
    text = zone("Normal", 20_000, "5000*4kB (UME)", more="reserved_highatomic:19500KB ")
    found = machine(text, kernel_release="6.6.0")
    assert (found.cause, found.also[0]) == (Cause.NOT_ENOUGH_MEMORY, Cause.HIGHATOMIC_RESERVE)
    assert machine(text, kernel_release="6.13.0").cause is Cause.RECLAIM_GAVE_UP


@pytest.mark.parametrize(
    ("totals", "facts", "also"),
    [
        ("Free swap  = 0kB\nTotal swap = 0kB", {}, Cause.NO_SWAP),
        ("Free swap  = 40kB\nTotal swap = 400000kB", {}, Cause.SWAP_FULL),
        ("Free swap  = 390000kB\nTotal swap = 400000kB", {"vm.swappiness": "0"}, Cause.SWAP_FORBIDDEN),
        ("Free swap  = 390000kB\nTotal swap = 400000kB", {"vm.swappiness": "60"}, None),
    ],
)
def test_what_became_of_swap(totals: str, facts: dict[str, str], also: Cause | None) -> None:
    known = {("sysctl", name): HostFact(value, "sysctl", 1) for name, value in facts.items()}
    text = TOTALS.replace("Free swap  = 0kB\nTotal swap = 0kB", totals)
    found = machine(zone("DMA32", 900, SMALL), totals=text, facts=known)
    assert found.cause is Cause.NOT_ENOUGH_MEMORY
    assert found.also == (() if also is None else (also,))


def cgroup(**values: Any) -> Allocation:
    known = {"scope": "memcg", "gfp_mask": KERNEL, "alloc_order": 0, "oom_memcg": "/a", "task_memcg": "/a/b/c"}
    return allocation(made(**(known | values)))


def test_which_limit_and_at_which_level() -> None:
    found = cgroup(memory_usage_kb=1000, memory_limit_kb=1000)
    assert (found.cause, found.limit_memcg) == (Cause.MEMCG_LIMIT, "/a")
    assert "2 levels above /a/b/c" in found.text
    assert "own control group" in cgroup(memory_usage_kb=1000, memory_limit_kb=1000, task_memcg="/a").text
    assert "above" not in cgroup(memory_usage_kb=1000, memory_limit_kb=1000, task_memcg="/ab/c").text


def test_the_other_limits_of_v1() -> None:
    memsw = cgroup(memory_usage_kb=500, memory_limit_kb=1000, memsw_usage_kb=1200, memsw_limit_kb=1200)
    assert memsw.cause is Cause.MEMSW_LIMIT
    kmem = cgroup(memory_usage_kb=500, memory_limit_kb=1000, kmem_usage_kb=98, kmem_limit_kb=100)
    assert kmem.cause is Cause.KMEM_LIMIT
    unlimited = cgroup(memory_usage_kb=500, memory_limit_kb=2**53, memsw_usage_kb=9, memsw_limit_kb=2**53)
    assert unlimited.cause is Cause.UNKNOWN


def test_what_kept_a_group_from_swapping() -> None:
    full = {"memory_usage_kb": 1000, "memory_limit_kb": 1000}
    assert cgroup(**full, swap_usage_kb=0, swap_limit_kb=0).also == (Cause.SWAP_FORBIDDEN,)
    assert cgroup(**full, swap_usage_kb=80, swap_limit_kb=80).also == (Cause.SWAP_FULL,)
    assert cgroup(**full, memsw_usage_kb=1000, memsw_limit_kb=1000).also == (Cause.SWAP_FORBIDDEN,)
    assert cgroup(**full, swap_usage_kb=8, swap_limit_kb=80).also == ()


def test_a_page_fault_that_kept_its_allocation_to_itself() -> None:
    found = machine(zone("DMA32", 900, SMALL), "0x0()")
    assert found.cause is Cause.UNKNOWN
    assert "page fault" in found.text


def test_a_page_fault_while_the_machine_had_plenty() -> None:
    """Its allocation was refused by something else than the machine: as a rule the limit of a control group."""
    short, plenty = (machine(zone("Normal", free, SMALL), "0x0()") for free in (1400, 90_000))
    assert "was not short" not in short.text
    assert plenty.cause is Cause.UNKNOWN
    assert "The machine was not short of memory: zone Normal of node 0 had 86.5 MiB more" in plenty.text
    reserved = machine(zone("DMA32", 90_000, SMALL, reserve="0 0 40000 40000 40000"), "0x0()")
    assert "was not short" not in reserved.text


def test_a_page_fault_of_one_who_was_just_killed_for_the_limit_of_a_group() -> None:
    def fault(pid: int, **of: Any) -> str:
        limit = neighbour(scope="memcg", victim_pid=7, oom_memcg="/box", earlier_s=0.02)._replace(**of)
        return machine(zone("Normal", 90_000, SMALL), "0x0()", trigger_pid=pid, neighbours=(limit,)).text

    assert "the same task had been killed 0.020 s before at the limit of /box" in fault(7)
    assert "/box" not in fault(8)
    assert "/box" not in fault(7, same_boot=False)
    assert "/box" not in fault(7, scope="global")


def test_a_node_that_has_nothing_but_movable_memory() -> None:
    """Bound to it, the kernel has no zone for what it cannot move, and kills at once, with all of the node free."""
    totals = "free:900000 free_pcp:0 free_cma:0\n"
    found = machine(zone("Movable", 190_000, SMALL), "0x500cc2(GFP_HIGHUSER|__GFP_ACCOUNT)", mems_allowed="0",
                    scope=Scope.CPUSET, totals=totals)  # fmt: skip
    assert found.cause is Cause.WRONG_ZONE
    assert "186 MiB were free in Movable, which it may not use" in found.text
    assert "of the allowed nodes (0) the report has no zone that it may use" in found.text
    full = machine(zone("Movable", 1100, SMALL), KERNEL, mems_allowed="0", scope=Scope.CPUSET, totals=totals)
    assert full.cause is Cause.UNKNOWN


def test_a_lost_list_of_blocks_matters_only_to_large_requests() -> None:
    text = zone("Normal", 9000, SMALL).splitlines(keepends=True)
    without = "".join(line for line in text if "*4kB" not in line)
    assert machine(without, KERNEL, 3).cause is Cause.UNKNOWN
    assert machine(without, KERNEL, 0).cause is Cause.RECLAIM_GAVE_UP


def test_flags_that_are_lost_matter_only_where_they_would() -> None:
    """A page of a process is the commonest request; if there was enough for one, it was another or something else."""
    found = machine(zone("DMA32", 900, SMALL), None, None)
    assert found.cause is Cause.NOT_ENOUGH_MEMORY
    assert found.notes
    assert machine(zone("DMA32", 9000, SMALL), None, None).cause is Cause.UNKNOWN
    bare = machine(zone("DMA32", 9000, SMALL), "0x280da", 0, kernel_release=None, era=None)
    assert (bare.cause, bare.gfp_flags) == (Cause.UNKNOWN, None)


def test_nothing_is_known_without_zones() -> None:
    assert allocation(made(gfp_mask=MOVABLE, alloc_order=0)).cause is Cause.UNKNOWN


def test_an_order_that_no_kernel_has_is_not_computed_with() -> None:
    found = machine(zone("DMA32", 900, SMALL), MOVABLE, 2_000_000_000)
    assert found.request_bytes is None
    assert any("2000000000" in said for said in found.notes)


@settings(max_examples=300)
@given(
    zones=st.lists(
        st.builds(
            Zone,
            line=st.just(1),
            node=st.none() | st.integers(0, 3),
            name=st.sampled_from(["DMA", "DMA32", "Normal", "HighMem", "Movable", "Device"]),
            values=st.dictionaries(
                st.sampled_from(["free", "min", "low", "high", "managed", "present", "free_cma", "reserved_highatomic", "boost"]),
                st.integers(-5, 1 << 70),
            ),
            lowmem_reserve_pages=st.none() | st.lists(st.integers(-5, 1 << 70), max_size=6),
            buddy=st.none() | st.dictionaries(st.integers(0, 1 << 70), st.integers(0, 1 << 70), max_size=4),
            buddy_types=st.none() | st.dictionaries(st.integers(0, 1 << 70), st.sampled_from(["U", "MEC", "H"]), max_size=4),
        ),
        max_size=4,
    ),
    counters=st.dictionaries(st.sampled_from(["free", "free_cma"]), st.integers(0, 1 << 70)),
    ram=st.none() | st.integers(0, 1 << 70),
    gfp=st.none() | st.sampled_from([MOVABLE, KERNEL, "0x280da", "0x0()", "0x1(GFP_DMA)", "x"]),
    order=st.none() | st.integers(-5, 1 << 40),
    scope=st.sampled_from(["global", "memcg", "cpuset", "mempolicy", "sysrq", "unknown"]),
    nodes=st.none() | st.sampled_from(["0", "0-3", "(null)", "9-1", "0-99999999"]),
    release=st.sampled_from([None, "2.6.32", "4.4.0", "6.12.1", "7.2.13"]),
    page_size=st.sampled_from([None, 4096, 65536]),
)  # fmt: skip
def test_an_answer_whatever_is_printed(
    zones: list[Zone], counters: dict[str, int], ram: int | None, gfp: str | None, order: int | None, scope: str,
    nodes: str | None, release: str | None, page_size: int | None,
) -> None:  # fmt: skip
    info = MemInfo(line=1, zones=zones, counters_pages=counters, ram_pages=ram, total_swap_kb=0, reserved_pages=0)
    found = allocation(
        made(meminfo=info, gfp_mask=gfp, alloc_order=order, scope=scope, mems_allowed=nodes, kernel_release=release,
             page_size=page_size, memory_usage_kb=ram, memory_limit_kb=ram)
    )  # fmt: skip
    assert found.text.endswith(".")
    assert isinstance(found.cause, Cause)
    assert all(one.reason for one in found.zones)
