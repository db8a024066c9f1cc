"""Gaps in the kernel's sequence numbers, and logs that begin inside a report."""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomforensics.parsers.compressed import Peeked
from oomforensics.parsers.loss_signs import GAP, HEAD, MAX_GAPS, LossSigns
from oomforensics.parsers.opened import HEAD as PEEKED
from oomforensics.parsers.opened import Opened
from oomforensics.parsers.reading import read
from oomforensics.parsers.records import Record, SourceInfo
from oomforensics.parsers.witness import Event
from oomforensics.parsers.witness_observer import observe
from tests.support.logs import parse

ROW = "[    812]     0   812     2010      120    53248        0             0 cron"


def signs(records: Iterable[Record], jumps: Iterable[int] = ()) -> list[Event]:
    found = LossSigns("x.log", jumps)
    for record in records:
        found.see(record)
    return found.events()


def numbered(*seqs: int, first: int = 1) -> list[Record]:
    return [Record(line, "text", seq * 1000, seq=seq) for line, seq in enumerate(seqs, first)]


def test_a_gap_is_counted_and_placed() -> None:
    (gap,) = signs(numbered(7, 8, 12, 13))
    assert (gap.kind, gap.line, gap.detail) == (GAP, 3, {"count": 3, "after_seq": 8, "before_seq": 12})
    assert gap.text == "records 9 to 11 of the kernel's log are not here"
    assert signs(numbered(7, 9))[0].text == "record 8 of the kernel's log is not here"


def test_lines_that_were_not_read_are_not_lost() -> None:
    records = [*numbered(7, 8), *numbered(900, 902, first=500)]
    assert [(gap.line, gap.detail["count"]) for gap in signs(records, [500])] == [(501, 1)]


def test_a_reboot_and_a_log_read_twice_are_no_gap() -> None:
    assert signs(numbered(900, 901, 1, 2, 3)) == []
    assert signs(numbered(1, 2, 3, 2, 3, 4, 5)) == []
    assert [gap.detail["count"] for gap in signs(numbered(1, 3, 1, 3))] == [1, 1]


def test_where_two_machines_write_nothing_can_be_told() -> None:
    assert signs(numbered(100, 5000, 101, 5001, 102, 5005)) == []


@given(st.lists(st.integers(0, 400), unique=True, min_size=1).map(sorted))
def test_what_is_missing_is_all_that_is_between(seqs: list[int]) -> None:
    lost = sum(gap.detail["count"] for gap in signs(numbered(*seqs)))
    assert lost + len(seqs) == seqs[-1] - seqs[0] + 1


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 5)), max_size=60), st.sets(st.integers(1, 80)))
def test_any_order_is_survived(steps: list[tuple[int, int]], jumps: set[int]) -> None:
    line, records = 0, []
    for seq, more in steps:
        line += more
        records.append(Record(line, "text", seq=seq))
    for event in signs(records, sorted(jumps)):
        assert event.detail["count"] == event.detail["before_seq"] - event.detail["after_seq"] - 1 > 0


def test_a_storm_of_gaps_is_cut() -> None:
    found = LossSigns("x.log")
    for record in numbered(*range(0, 2 * MAX_GAPS + 20, 2)):
        found.see(record)
    assert len(found.events()) == MAX_GAPS and found.dropped == 9


@pytest.mark.parametrize(
    ("lines", "cut"),
    [
        ([f"[  512.100000] {ROW}"], True),
        (["[  512.100000] Mem-Info:"], True),
        (["$ dmesg", f"[  512.100000] {ROW}"], True),
        ([f"[    4.100000] {ROW}"], False),  # a console that was connected late
        (["[  512.100000] java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0", f"[  512.100001] {ROW}"], False),
        (["[  512.100000] Out of memory: Killed process 9 (java)"], False),  # it may be all that was printed
        (["[    0.000000] Linux version 6.12.0", f"[  512.100000] {ROW}"], False),
        ([f"May  1 10:00:00 web1 kernel: [  512.100000] {ROW}"], False),  # a file of a syslog begins anywhere
    ],
)  # fmt: skip
def test_a_log_that_begins_inside_a_report(lines: list[str], cut: bool) -> None:
    assert [event.kind for event in signs(parse(lines))] == ([HEAD] if cut else [])
    assert signs(parse(lines), [1]) == []  # not the beginning of the log


def test_the_reader_says_where_it_jumped() -> None:
    lines = [
        f"6,{seq},{seq}000000,-;usb 1-1: nothing of interest, and again nothing of interest" for seq in range(120_000)
    ]
    lines[30_000] = "4,30000,30000000000,-;a.out: page allocation failure: order:0, mode:0x20"
    lines[60_000] = "4,60000,60000000000,-;a.out: page allocation failure: order:0, mode:0x20"
    del lines[60_003:60_010]
    data = "\n".join(lines).encode()
    info = SourceInfo("kmsg")
    opened = Opened(info, datetime(2026, 1, 1, tzinfo=UTC), Peeked(io.BytesIO(data), PEEKED))
    assert len(list(observe(read(opened, timezone=UTC), "kmsg", info.events, jumps=info.jumps))) < 10_000
    assert [(event.kind, event.line, event.detail.get("count")) for event in info.events] == [
        ("page_allocation_failure", 30_001, None), ("page_allocation_failure", 60_001, None), (GAP, 60_004, 7),
    ]  # fmt: skip
