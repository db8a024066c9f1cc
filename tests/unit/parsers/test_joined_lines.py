"""Lines that are one record, and one line that is two."""

from __future__ import annotations

import pytest

from oomforensics.parsers.framings import Reader
from oomforensics.parsers.records import Record
from tests.support.reading import context, read


def test_lines_that_dmesg_and_journalctl_indent_are_one_record() -> None:
    stamp = "[   12.345678] "
    found = read(f"{stamp}active_anon:1", " " * len(stamp) + " active_file:14", f"{stamp}next", "           short")
    assert found == [
        Record(1, "active_anon:1\n active_file:14", 12_345_678),
        Record(3, "next", 12_345_678),
        Record(4, "           short"),
    ]


def test_lines_far_apart_are_not_joined() -> None:
    lines = [(1, b"[   12.345678] a"), (900, b" " * 15 + b"b")]
    assert [record.text for record in Reader(context(), []).records(lines)] == ["a", " " * 15 + "b"]


def test_a_record_of_endless_lines_is_bounded() -> None:
    stamp = "[   12.345678] "
    found = read(f"{stamp}a", *(" " * 15 + "b" * 10_000 for _ in range(50)))
    assert max(len(record.text) for record in found) < 80_000


@pytest.mark.parametrize("quote", ["    ", "\t", "> ", ">> ", " | ", "| ", "> > "])
def test_quoted_logs(quote: str) -> None:
    found = read(
        "as seen here:",
        f"{quote}[   12.345678] Mem-Info:",
        f"{quote}[   12.345678]  active_file:14",
        f"{quote}{' ' * 15}more",
        "yours",
    )
    assert found[1:] == [
        Record(2, "Mem-Info:", 12_345_678),
        Record(3, " active_file:14\nmore", 12_345_678),
        Record(5, "yours"),
    ]


def test_text_without_framing_loses_the_indent_that_all_lines_share() -> None:
    found = read("    Mem-Info:", "", "     active_file:14", "    [ 1234]     0")
    assert [record.text for record in found] == ["Mem-Info:", "", " active_file:14", "[ 1234]     0"]


def test_a_console_that_was_too_slow_says_so_on_the_line_of_the_next_message() -> None:
    """kernel/printk/printk.c of 3.14 to 4.9 ends this notice with a blank. It stays whole, for it is known by its text."""
    notice, kill = (
        "** 2 printk messages dropped **",
        "Killed process 71 (winch) total-vm:900kB, anon-rss:71kB, file-rss:0kB",
    )
    line = f"{notice} [   31.500000] {kill}"
    assert read(line, "[   31.600000] x") == [
        Record(1, line),
        Record(1, kill, 31_500_000),
        Record(2, "x", 31_600_000),
    ]
    assert [record.text for record in read(f"> {line}", "> [   31.600000] x")] == [line, kill, "x"]
    assert [record.text for record in read(notice, "[   31.600000] x")] == [notice, "x"]


@pytest.mark.parametrize("half", ["41066.536886] ", "66.536886] ", ".536886] ", ".536886]"])
def test_a_log_that_begins_within_a_stamp_has_its_first_line_and_no_time_of_it(half: str) -> None:
    _, *found = read("```", f"{half}a invoked oom-killer", "[41066.536889] a cpuset=/ mems_allowed=0", f"{half}b")
    assert [(record.text, record.uptime_us) for record in found] == [
        ("a invoked oom-killer", None), ("a cpuset=/ mems_allowed=0", 41_066_536_889), (f"{half}b", None),
    ]  # fmt: skip
