from __future__ import annotations

import pytest

from oomforensics.reports import units


@pytest.mark.parametrize(
    ("bytes_", "shown"),
    [
        (None, "?"),
        (0, "0 B"),
        (1023, "1023 B"),
        (4096, "4 KiB"),
        (422324 * 4096, "1.61 GiB"),
        (107099 * 4096, "418 MiB"),
        (4395008, "4.19 MiB"),
        (1023 * 1024 * 1024, "1 GiB"),
        (-4096, "-4 KiB"),
        (5 * 1024**5, "5120 TiB"),
    ],
)
def test_size(bytes_: int | None, shown: str) -> None:
    assert units.size(bytes_) == shown


def test_unknown_is_never_zero() -> None:
    for show in (units.size, units.kb, units.limit_kb, units.number, units.plain, units.share, units.utc):
        assert show(None) == "?"
    assert units.pages(None, 4096) == "?"
    assert units.pages(None, None) == "?"


def test_pages_without_page_size_stay_pages() -> None:
    assert units.pages(422324, None) == "422,324 pages"
    assert units.pages(3, 65536) == "192 KiB"


@pytest.mark.parametrize("no_limit_kb", [9007199254740988, 9007199254740991, 18014398509481983])
def test_no_limit_as_kernels_print_it(no_limit_kb: int) -> None:
    assert units.limit_kb(no_limit_kb) == "no limit"
    assert not units.is_limited(no_limit_kb)


def test_share_and_times() -> None:
    assert units.share(830) == "83.0 %"
    assert units.share(-893) == "-89.3 %"
    assert units.utc(1797736672_918112) == "2026-12-20 03:17:52 UTC"
    assert units.since_boot(75669.58) == "21:01:09"
    assert units.since_boot(93784.0) == "1 day 02:03:04"
