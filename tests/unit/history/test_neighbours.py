"""Neighbours are those of the same boot, host or log within the hour before, the nearest first: by looking at every pair."""

from __future__ import annotations

import random

import pytest

from oomforensics.analysis.scene import MOST_NEIGHBOURS, NEIGHBOURS_S
from oomforensics.history import neighbours
from tests.unit.reports import report_samples as samples

HOUR_S = 3600


def hours(n: float) -> str:
    return f"2026-01-05 {10 + int(n):02d}:{int(n % 1 * 60):02d}:00+00"


def test_it_looks_an_hour_back() -> None:
    assert NEIGHBOURS_S == HOUR_S


@pytest.mark.parametrize("seed", range(5))
def test_those_of_a_boot_by_its_own_clock(seed: int) -> None:
    chance = random.Random(seed)
    con = samples.history()
    uptimes_s = {f"{n:02d}": float(chance.randrange(0, 4 * HOUR_S)) for n in range(25)}
    for name, uptime_s in uptimes_s.items():
        samples.add(
            con, {"incident_id": name, "boot_id": "b", "uptime_s": uptime_s, "line_start": int(name)}, sources=()
        )
    samples.add(con, {"incident_id": "other boot", "boot_id": "c", "uptime_s": 1.0}, sources=())
    found = neighbours.load(con, list(uptimes_s))
    for name, at_s in uptimes_s.items():
        wanted = sorted(
            (at_s - before_s, other)
            for other, before_s in uptimes_s.items()
            if (before_s, int(other)) < (at_s, int(name)) and at_s - before_s <= HOUR_S
        )
        assert [(one.earlier_s, one.incident_id) for one in found[name]] == wanted
        assert all(one.same_boot for one in found[name])


def test_those_of_a_host_by_the_clock_on_the_wall() -> None:
    con = samples.history()
    for name, host, at in (("a", "web1", 0), ("b", "web1.example.org", 0.5), ("c", "web1", 1.75), ("d", "web2", 0.75)):
        samples.add(con, {"incident_id": name, "host": host, "ts": hours(at)}, sources=())
    found = neighbours.load(con, ["a", "b", "c", "d"])
    near = {name: [(one.incident_id, one.earlier_s, one.same_boot) for one in them] for name, them in found.items()}
    assert near == {"a": [], "b": [("a", 1800.0, False)], "c": [], "d": []}


@pytest.mark.parametrize(("newest_first", "earlier"), [(False, "a"), (True, "b")])
def test_those_of_a_log_without_names_by_their_place(newest_first: bool, earlier: str) -> None:
    con = samples.history()
    for name, line in (("a", 10), ("b", 90)):
        what = {"incident_id": name, "line_start": line, "uptime_s": 5.0, "newest_first": newest_first}
        samples.add(con, what, sources=())
    found = neighbours.load(con, ["a", "b"])
    later = "b" if earlier == "a" else "a"
    assert [one.incident_id for one in found[later]] == [earlier]
    assert found[earlier] == []


def test_the_nearest_are_enough() -> None:
    con = samples.history()
    for n in range(50):
        samples.add(con, {"incident_id": f"{n:02d}", "boot_id": "b", "uptime_s": float(n)}, sources=())
    (found,) = neighbours.load(con, ["49"]).values()
    assert [one.incident_id for one in found] == [f"{n:02d}" for n in range(48, 48 - MOST_NEIGHBOURS, -1)]
