"""Mem-Info: the lists of free blocks and of single CPUs."""

from __future__ import annotations

from tests.support.scenes import printed


def test_the_letters_of_the_lists_that_hold_free_blocks() -> None:
    info = printed(
        "Node 0 Normal free:9000kB min:1000kB\n"
        "Node 0 Normal: 5*4kB (UME) 0*8kB 2*16kB (C) 1*32kB = 84kB\n"
        "Node 1 Normal: 1*4kB (U) = 4kB"
    )
    normal, other = info.zones
    assert normal.buddy == {4: 5, 8: 0, 16: 2, 32: 1}
    assert normal.buddy_types == {4: "UME", 16: "C"}
    assert (other.node, other.values, other.buddy_types) == (1, {}, {4: "U"})


def test_kernels_before_3_8_print_no_letters() -> None:
    info = printed("Node 0 DMA: 2*4kB 1*8kB 0*16kB = 16kB")
    assert (info.zones[0].buddy, info.zones[0].buddy_types) == ({4: 2, 8: 1, 16: 0}, None)


def test_free_pages_on_the_lists_of_single_cpus_up_to_4_0() -> None:
    info = printed(
        "Node 0 DMA per-cpu:\nCPU    0: hi:    0, btch:   1 usd:   0\nCPU    1: hi:    0, btch:   1 usd:   3\n"
        "Node 0 Normal per-cpu:\nCPU    0: hi:  186, btch:  31 usd: 172\nCPU   11: hi:  186, btch:  31 usd:  25"
    )
    assert (info.pcp_pages, info.cpus) == (200, 12)


def test_without_them_nothing_is_known_of_cpus() -> None:
    info = printed(" free:13191 free_pcp:370 free_cma:0")
    assert (info.pcp_pages, info.cpus, info.counters_pages["free_pcp"]) == (None, None, 370)
