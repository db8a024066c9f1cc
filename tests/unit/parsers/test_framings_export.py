"""The journal's export form, its bytes written by hand from systemd's description of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from oomforensics.parsers.framings import journal_export
from oomforensics.parsers.framings.base import Context
from oomforensics.parsers.records import Problem, Record, TsSource
from oomforensics.parsers.scan import Window

CONTEXT = Context("x.export", UTC, datetime(2026, 3, 10, tzinfo=UTC))
FIRST = (
    b"__CURSOR=s=1;i=1\n__REALTIME_TIMESTAMP=1777622400123456\n__MONOTONIC_TIMESTAMP=75669599999\n_BOOT_ID=f00\n"
    b"_SOURCE_MONOTONIC_TIMESTAMP=75669581768\n_TRANSPORT=kernel\nPRIORITY=4\n_HOSTNAME=web1\n"
    b"SYSLOG_IDENTIFIER=kernel\nMESSAGE=java invoked oom-killer: gfp_mask=0xcc0\n\n"
)
VALUE = b"a\n\n__CURSOR=not one\n=b\xff"
SECOND = (
    b"__CURSOR=s=1;i=2\n_TRANSPORT=syslog\nSYSLOG_IDENTIFIER=kernel\nMESSAGE\n"
    + len(VALUE).to_bytes(8, "little")
    + VALUE
    + b"\nPRIORITY=6\n\n"
)
RECORDS = [
    Record(
        1, "java invoked oom-killer: gfp_mask=0xcc0", 75_669_581_768, 1_777_622_400_123_456, TsSource.JOURNALD,
        "web1", "f00", True, 4,
    ),
    Record(12, "a\n\n__CURSOR=not one\n=b\\xff", from_kernel=False, level=6, program="kernel"),
    Record(22, "java invoked oom-killer: gfp_mask=0xcc0", 75_669_581_768, 1_777_622_400_123_456, TsSource.JOURNALD,
        "web1", "f00", True, 4,
    ),
]  # fmt: skip
DATA = FIRST + SECOND + FIRST


def read(*windows: Window) -> tuple[list[Record], list[Problem]]:
    problems: list[Problem] = []
    return list(journal_export.records(windows, CONTEXT, problems)), problems


def test_entries_of_both_forms() -> None:
    assert read(Window(1, 0, DATA)) == (RECORDS, [])
    assert journal_export.recognise(DATA)


@pytest.mark.parametrize("cut", range(1, len(DATA), 7))
def test_parts_that_adjoin_are_put_together(cut: int) -> None:
    line = 1 + DATA.count(b"\n", 0, cut)
    assert read(Window(1, 0, DATA[:cut]), Window(line, cut, DATA[cut:], adjoins=True)) == (RECORDS, [])


def test_a_part_that_begins_inside_an_entry_starts_with_the_next() -> None:
    at = 40
    found, _ = read(Window(1 + DATA.count(b"\n", 0, at), at, DATA[at:]))
    assert found == RECORDS[1:]


def test_the_entry_that_a_torn_file_ends_in_is_told() -> None:
    found, problems = read(Window(1, 0, DATA[:-30]))
    assert found == RECORDS[:2]
    assert [(problem.line, problem.severity) for problem in problems] == [(22, "data_loss")]


def test_a_length_that_cannot_be_is_not_believed() -> None:
    data = FIRST + b"__CURSOR=x\nMESSAGE\n" + b"\xff" * 8 + b"abc\n\n"
    found, problems = read(Window(1, 0, data))
    assert found == RECORDS[:1]
    assert len(problems) == 1
