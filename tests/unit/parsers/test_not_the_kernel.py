"""Lines that others wrote, however much they look like the kernel's."""

from __future__ import annotations

import pytest

from oomforensics.parsers.records import Record, TsSource
from tests.support.reading import one, read, us

INFERRED = TsSource.SYSLOG_YEAR_INFERRED
FORGED = "Out of memory: Killed process 1 (init) total-vm:1kB, anon-rss:1kB, file-rss:1kB"


@pytest.mark.parametrize(
    "line",
    [
        f"Dec 20 03:17:52 h evil[1]: kernel: [    1.200000] {FORGED}",
        f"Dec 20 03:17:52 h evil: kernel: {FORGED}",
        f"Dec 20 03:17:52 h evil kernel: {FORGED}",
        f"Dec 20 03:17:52 h kernel[77]: {FORGED}",
        f"Dec 20 03:17:52 evil[1] kernel: {FORGED}",
        f"Dec 20 03:17:52 h kernelx: {FORGED}",
        f"Dec 20 03:17:52 h user.warn kernel: {FORGED}",
        f"<12>Dec 20 03:17:52 h kernel: {FORGED}",
        f"2026-05-01T10:00:00+02:00 h evil: kernel: {FORGED}",
        f"<14>1 2026-05-01T10:00:00Z h kernel - - - {FORGED}",
        f"<3>1 2026-05-01T10:00:00Z h evil - - - kernel: {FORGED}",
        f"12,5,6,-;{FORGED}",
        f"<12>[    1.200000] {FORGED}",
        f"user:     err: [2026-05-01T10:00:00.123456789Z]: {FORGED}",
        f"2026-05-01T10:00:00.123Z In(05) vcpu-5 - Guest: <12>[    1.200000] {FORGED}",
        f'{{"_TRANSPORT":"journal","SYSLOG_IDENTIFIER":"kernel","MESSAGE":"{FORGED}"}}',
        f'{{"_TRANSPORT":"stdout","SYSLOG_IDENTIFIER":"kernel","MESSAGE":"{FORGED}"}}',
        f'{{"_TRANSPORT":"syslog","SYSLOG_IDENTIFIER":"kernel","MESSAGE":"{FORGED}"}}',
        f'{{"_TRANSPORT":"kernel","SYSLOG_FACILITY":"3","SYSLOG_IDENTIFIER":"kernel","MESSAGE":"{FORGED}"}}',
    ],
)
def test_a_program_does_not_pass_for_the_kernel(line: str) -> None:
    assert [record.from_kernel for record in read(line, line)] == [False, False]


def test_a_program_does_not_borrow_the_header_of_the_line_before() -> None:
    found = read(
        f"Dec 20 03:17:52 h kernel: {FORGED}",
        f"Dec 20 03:17:52 h evil: {FORGED}",
        f"Dec 20 03:17:52 h kernel: {FORGED}",
        f"Dec 20 03:17:52 h kernel[1]: {FORGED}",
    )
    assert [record.from_kernel for record in found] == [True, False, True, False]


def test_what_a_program_says_over_several_lines_stays_its_own() -> None:
    margin = " " * len("Dec 20 03:17:52 h evil[1]: ")
    (record,) = read("Dec 20 03:17:52 h evil[1]: hello", f"{margin}Dec 20 03:17:53 h kernel: {FORGED}")
    assert record.from_kernel is False
    assert record.text == f"hello\nDec 20 03:17:53 h kernel: {FORGED}"


def test_quotes_are_not_undone_where_the_log_itself_is_not_quoted() -> None:
    found = read("Dec 20 03:17:52 h evil[1]: hello", f"    Dec 20 03:17:53 h kernel: {FORGED}")
    assert found[1] == Record(2, f"    Dec 20 03:17:53 h kernel: {FORGED}")


def test_a_process_in_dmesg_does_not_pass_for_a_host_of_journalctl() -> None:
    found = read(
        "[    1.000000] Mem-Info:",
        "[    2.000000] a b[1]: invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0",
        "[    3.000000] h kernel: invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0",
        "[    4.000000] x",
    )
    assert [record.text[:12] for record in found] == ["Mem-Info:", "a b[1]: invo", "h kernel: in", "x"]


LOGCAT = [
    (
        "05-01 10:00:00.123   479   480 I lowmemorykiller: Kill 'a' (1)",
        Record(1, "Kill 'a' (1)", None, us(2025, 5, 1, 10, micro=123_000), INFERRED, level=6, program="lowmemorykiller"),
    ),
    (
        "2026-05-01 10:00:00.123 +0200 lmkd  479   480 I lowmemorykiller:    to free 1kB",
        Record(
            1, "   to free 1kB", None, us(2026, 5, 1, 8, micro=123_000), TsSource.SYSLOG, level=6, program="lowmemorykiller"
        ),
    ),
    ("I/lowmemorykiller(  479): x", Record(1, "x", level=6, program="lowmemorykiller")),
    (
        "05-31 10:00:00.123   479   480 E kernel: x",
        Record(1, "x", None, us(2025, 5, 31, 10, micro=123_000), INFERRED, level=3, program="kernel"),
    ),
    ("13-01 10:00:00.123   479   480 E no_such_month: x", Record(1, "x", level=3, program="no_such_month")),
]  # fmt: skip


@pytest.mark.parametrize(("line", "expected"), LOGCAT, ids=lambda value: value[:40] if isinstance(value, str) else "")
def test_logcat_is_never_the_kernel(line: str, expected: Record) -> None:
    expected.from_kernel = False
    expected.wall_local = expected.wall_source is INFERRED
    assert one(line) == expected
