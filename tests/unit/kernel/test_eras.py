"""The table of eras is whole, and the era of a report is told by its text first."""

from __future__ import annotations

import itertools

import pytest

from oomforensics.kernel.eras import ERAS, FINGERPRINT_WORDS, FINGERPRINTS, UPSTREAM, VENDOR, TieRule, prints
from oomforensics.kernel.identify import identify, neighbours, parse_release
from oomforensics.parsers.shapes import EVERY_SHAPE
from oomforensics.parsers.table import LAYOUTS


def test_upstream_eras_follow_each_other_without_gap_or_overlap() -> None:
    for earlier, later in itertools.pairwise(UPSTREAM):
        assert earlier.before == later.since, f"{earlier.name} -> {later.name}"
    assert UPSTREAM[-1].before is None


def test_names_are_unique() -> None:
    assert len({era.name for era in ERAS}) == len(ERAS)


def test_the_last_of_equals_wins_exactly_from_5_3() -> None:
    last = [era.name for era in UPSTREAM if era.tie is TieRule.LAST]
    assert last[0] == "5.3"
    assert last == [era.name for era in UPSTREAM[UPSTREAM.index(next(e for e in UPSTREAM if e.name == "5.3")) :]]


def test_every_fingerprint_can_be_said_to_people() -> None:
    assert set(FINGERPRINT_WORDS) == set(FINGERPRINTS)


def test_every_fingerprint_is_one_that_the_parsers_leave() -> None:
    made = {shape.feature for shape in EVERY_SHAPE if shape.feature} | {f"table:{layout.name}" for layout in LAYOUTS}
    made |= {
        "tasks-state", "cpuset-line", "summary", "memcg_stats:lines", "allocations", "allocations:state", "protection",
        "killed:2.6.33", "killed:2.6.36", "killed:4.5", "killed:5.1", "killed:5.4", "killed:rhel6.2", "killed:rhel7.7",
        "killed:rhel8.3",
    }  # fmt: skip
    assert set(FINGERPRINTS) <= made
    for era in VENDOR:
        assert era.prints <= made, era.name


MODERN = {"invoked:5.0", "killed:5.4", "summary", "tasks-state"}


@pytest.mark.parametrize(
    ("release", "features", "name", "certain"),
    [
        ("2.6.32-431.11.2.el6.x86_64", {"table:C2", "killed:rhel6.2", "invoked:2.6.36"}, "rhel6.5-6.10", True),
        ("2.6.32-279.el6.x86_64", {"table:C2", "killed:rhel6.2"}, "rhel6.2-6.4", True),
        ("2.6.32-131.el6.x86_64", {"killed:2.6.33"}, "rhel6.0-6.1", True),
        ("3.10.0-1160.el7.x86_64", {"table:C3", "killed:rhel7.7"}, "rhel7.3-7.9", True),
        ("3.10.0-327.el7.x86_64", {"table:C3", "killed:2.6.36"}, "rhel7.0-7.2", False),
        ("4.18.0-394.el8.x86_64", {"table:C6", *MODERN}, "rhel8.7", True),
        ("4.18.0-553.8.1.el8_10.x86_64", {"table:C6", *MODERN}, "rhel8.7", False),
        ("5.14.0-427.13.1.el9_4.x86_64", {"table:C6", *MODERN}, "5.9-6.1", False),
        ("4.18.0-240.el8.x86_64", {"table:C5", "killed:rhel8.3", "summary"}, "rhel8.3", True),
        ("5.10.0-10-amd64", {"table:C6", *MODERN}, "5.9-6.1", True),
        ("6.8.0-45-generic", {"table:C7", *MODERN}, "6.8-6.19", True),
        ("7.3.4+deb14-amd64", {"table:C7", *MODERN}, "7.0-", True),
        # A vendor's 6.6 with the table of 6.8: the text decides, and says so.
        ("6.6.40-amd64-desktop-hwe", {"table:C7", *MODERN}, "6.8-6.19", False),
        # A 5.2 pre-release with the statistics of 5.3.
        ("5.2.0-rc2-mm1", {"table:C6", "killed:5.1", "memcg_stats:lines", "summary"}, "5.3", False),
        ("5.15.0", set(), "5.9-6.1", False),
    ],
)
def test_identify(release: str, features: set[str], name: str, certain: bool) -> None:
    found = identify(frozenset(features), release)
    assert found.era is not None
    assert (found.era.name, found.certain) == (name, certain)
    assert release in found.evidence[0]


@pytest.mark.parametrize(
    ("release", "said", "tried"),
    [
        ("3.10.0-327.el7.x86_64", "the root bonus is not known", set()),
        ("4.18.0-348.el8.x86_64", "expected to be like build 394", {"rhel8.1", "rhel8.3"}),
        ("5.14.0-427.13.1.el9_4.x86_64", "RHEL 9", {"6.2-6.7"}),
        ("6.12.0-55.9.1.el10_0.x86_64", "RHEL 10", set()),
        ("6.4.0-150600.23.7-default", "SUSE Linux Enterprise", set()),
        ("6.1.61-85.141.amzn2023.x86_64", "Amazon Linux", set()),
        ("5.15.153.1-microsoft-standard-WSL2", "WSL2", set()),
        ("5.10.134-16.al8.x86_64", "Alibaba", set()),
        ("5.4.119-19-0009.1.tl2.x86_64", "use_priority_oom", set()),
        ("5.15.133+", "Container-Optimized OS", set()),
    ],
)
def test_a_kernel_whose_source_was_not_read_is_said_to_be_one(release: str, said: str, tried: set[str]) -> None:
    found = identify(frozenset(), release)
    assert found.unverified is not None
    assert said in found.unverified
    assert {era.name for era in found.alternatives} == tried


@pytest.mark.parametrize("release", ["4.18.0-147.5.1.el8_1.x86_64", "6.1.0-50-cloud-amd64", "3.10.0-1160.el7.x86_64"])
def test_a_kernel_whose_source_was_read_is_not(release: str) -> None:
    assert identify(frozenset(), release).unverified is None


def test_text_alone_leaves_every_era_that_prints_so() -> None:
    found = identify(frozenset({"killed:rhel7.7"}), None)
    assert found.era is not None
    assert (found.era.name, found.certain) == ("rhel7.3-7.9", True)
    found = identify(frozenset({"killed:5.4"}), None)
    assert not found.certain
    assert {era.name for era in found.alternatives} >= {"5.4-5.8", "5.9-6.1", "6.2-6.7", "6.8-6.19", "rhel8.7"}


def test_nothing_known_is_said() -> None:
    found = identify(frozenset(), None)
    assert found.era is None
    assert not found.certain


def test_virtuozzo_is_not_modelled() -> None:
    found = identify(frozenset({"table:C2"}), "2.6.32-042stab145.3")
    assert found.era is None
    assert found.unmodelled


@pytest.mark.parametrize("era", ERAS, ids=lambda era: era.name)
def test_an_era_fits_its_own_text(era) -> None:  # type: ignore[no-untyped-def]
    if era.vendor is None:
        release = ".".join(map(str, era.since))
        assert identify(frozenset(), release).era is era
    assert prints(era)
    assert era not in neighbours(era)


@pytest.mark.parametrize(
    ("release", "version"),
    [("6.1.0-18-amd64", (6, 1, 0)), ("7.3", (7, 3, 0)), ("5.2.0-rc7", (5, 2, 0)), ("next-2019", None)],
)
def test_parse_release(release: str, version: tuple[int, int, int] | None) -> None:
    assert parse_release(release) == version
