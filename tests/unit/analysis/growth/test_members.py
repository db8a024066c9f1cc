"""Samples of processes as series: who was born, who ended, who has what in common, in whatever order they come."""

from __future__ import annotations

import random
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oomforensics.analysis.growth.members import Member, Members
from oomforensics.analysis.growth.series import Kind

LOOKS = (-30.0, -20.0, -10.0, 0.0)


def process(pid: int, comm: str | None = "p", older: bool = True, starttime: int = 1, **known: Any) -> dict[str, Any]:
    return {
        "pid": pid,
        "starttime": starttime,
        "comm": comm,
        "uid": 0,
        "cgroup": "/",
        "unit": None,
        "older": older,
        **known,
    }


def members(used: dict[int, dict[int, int]], *who: dict[str, Any], shuffled: int | None = None) -> Members:
    """`used`: pid -> look -> bytes."""
    start = {one["pid"]: one["starttime"] for one in who}
    rows = [(look, pid, start[pid], value) for pid, values in used.items() for look, value in values.items()]
    people = list(who)
    if shuffled is not None:
        random.Random(shuffled).shuffle(rows)
        random.Random(shuffled).shuffle(people)
    samples = pd.DataFrame(rows, columns=["look", "pid", "starttime", "used_bytes"])
    return Members(LOOKS, samples, pd.DataFrame(people))


def found(made: Members, kind: Kind, who: str) -> Member:
    (one,) = [one for one in made.notable(1) if (one.kind, one.who) == (kind, who)]
    return one


def test_who_was_born_had_nothing_before() -> None:
    one = found(members({7: {2: 30, 3: 40}}, process(7, older=False)), Kind.PROCESS, "p (pid 7)")
    assert (one.series.at_s, one.series.used_bytes, one.ended) == ((-20.0, -10.0, 0.0), (0, 30, 40), False)


def test_who_came_into_sight_had_before_what_it_had_then() -> None:
    """As one that is moved into the control group, or was left out of a look."""
    made = members({7: {2: 30, 3: 40}}, process(7))
    one = found(made, Kind.PROCESS, "p (pid 7)")
    assert (one.series.at_s, one.series.used_bytes) == (LOOKS, (30, 30, 30, 40))
    assert made.gained_bytes == 10


def test_who_ended_gave_it_back() -> None:
    made = members({7: {0: 10, 1: 90}, 8: {0: 5, 1: 5, 2: 5, 3: 6}}, process(7, "a"), process(8, "b"))
    one = found(made, Kind.PROCESS, "a (pid 7)")
    assert one.ended and one.series.used_bytes == (10, 90)
    assert made.gained_bytes == 1
    assert [member.who for member in made.notable(2)] == ["a (pid 7)", "b (pid 8)"], (
        "the largest is told of all the same"
    )


def test_a_pid_that_comes_again_is_another_process() -> None:
    samples = pd.DataFrame(
        [(0, 7, 1, 50), (1, 7, 1, 60), (2, 7, 9, 5), (3, 7, 9, 8)], columns=["look", "pid", "starttime", "used_bytes"]
    )
    who = pd.DataFrame([process(7, "old"), process(7, "new", older=False, starttime=9)])
    made = Members(LOOKS, samples, who)
    assert found(made, Kind.PROCESS, "old (pid 7)").ended
    assert found(made, Kind.PROCESS, "new (pid 7)").series.used_bytes == (0, 5, 8)


def test_a_look_that_left_somebody_out() -> None:
    one = found(members({7: {0: 10, 1: 20, 3: 40}}, process(7)), Kind.PROCESS, "p (pid 7)")
    assert one.series.used_bytes == (10, 20, 20, 40)


def test_a_fork_storm_is_its_command() -> None:
    """Forty workers of 5 bytes, ten more at each look: none of them matters alone."""
    used = {pid: dict.fromkeys(range(pid % 4, 4), 5) for pid in range(100, 140)}
    made = members(used, *(process(pid, "worker", older=pid % 4 == 0) for pid in used))
    storm = found(made, Kind.COMMAND, "worker")
    assert (storm.series.used_bytes, storm.processes) == ((50, 100, 150, 200), 40)
    assert made.gained_bytes == 150


def test_groups_by_what_processes_have_in_common() -> None:
    used = {pid: {look: pid * look for look in range(4)} for pid in (1, 2, 3)}
    made = members(
        used,
        process(1, "a", uid=1000, cgroup="/x", unit="x.service"),
        process(2, "b", uid=1000, cgroup="/x", unit="x.service"),
        process(3, None, uid=None, cgroup=None),
    )
    for kind, who in ((Kind.USER, "uid 1000"), (Kind.CGROUP, "/x"), (Kind.UNIT, "x.service")):
        one = found(made, kind, who)
        assert one.series.used_bytes == (0, 3, 6, 9) and one.processes == 2 and not one.everybody
    assert found(made, Kind.PROCESS, "(no name) (pid 3)").series.used_bytes[-1] == 9


def test_a_group_of_all_says_so() -> None:
    used = {pid: {look: pid * look for look in range(4)} for pid in (1, 2)}
    made = members(used, process(1), process(2))
    assert found(made, Kind.CGROUP, "/").everybody


@settings(max_examples=40)
@given(
    st.dictionaries(
        st.integers(1, 30),
        st.dictionaries(st.integers(0, 3), st.integers(0, 1 << 40), min_size=1),
        min_size=1,
        max_size=12,
    ),
    st.integers(0, 99),
)
def test_the_order_of_samples_does_not_matter(used: dict[int, dict[int, int]], seed: int) -> None:
    who = [process(pid, f"c{pid % 3}", older=pid % 2 == 0, uid=pid % 4) for pid in used]
    one, other = members(used, *who), members(used, *who, shuffled=seed)
    assert one.gained_bytes == other.gained_bytes
    assert sorted(one.notable(1), key=repr) == sorted(other.notable(1), key=repr)


@settings(max_examples=40)
@given(
    st.dictionaries(
        st.integers(1, 9),
        st.dictionaries(st.integers(0, 3), st.integers(0, 1 << 40), min_size=4, max_size=4),
        min_size=1,
    )
)
def test_processes_make_up_their_groups(used: dict[int, dict[int, int]]) -> None:
    made = members(used, *(process(pid, "same") for pid in used))
    whole = [sum(values[look] for values in used.values()) for look in range(4)]
    for one in made.notable(1):
        if one.kind != Kind.PROCESS:
            assert list(one.series.used_bytes) == pytest.approx(whole)
            assert one.processes == len(used)
