"""Whose growth it was, what was left, and what is said instead where it cannot be known."""

from __future__ import annotations

import re
from typing import Any

import pytest

from oomforensics.analysis.growth import wording
from oomforensics.analysis.growth.culprit import Grower, Unknown, Verdict, judge
from oomforensics.analysis.growth.room import CgroupCounters, Room, capacity_bytes, charged, of_cgroup, of_machine
from oomforensics.analysis.growth.series import Kind, Series
from oomforensics.analysis.growth.shape import growth
from oomforensics.history.vocabulary import is_word
from tests.support import growing
from tests.support.growing import MIB, SECONDS, series

G = 1 << 30


def grower(
    share: float, kind: Kind = Kind.PROCESS, who: str = "java (pid 7)", curve: Any = growing.leak, **known: Any
) -> Grower:
    return Grower(kind, who, growth(series(curve)), share, **known)


def rooms(left_mib: Any, capacity_mib: int = 1000) -> tuple[Room, ...]:
    return tuple(
        Room(float(at_s), round((capacity_mib - left_mib(at_s)) * MIB), round(left_mib(at_s) * MIB)) for at_s in SECONDS
    )


def told(*growers: Grower, left: tuple[Room, ...] = (), total_mib: int = 300, gained_mib: int | None = None) -> Verdict:
    gained = total_mib if gained_mib is None else gained_mib
    return judge(growers, left, capacity_bytes(left), total_mib * MIB, gained * MIB)


# -- who -------------------------------------------------------------------------------------------------------------------


def test_one_process_with_most_of_it_is_the_culprit() -> None:
    found = told(grower(0.6), grower(0.4, who="x (pid 8)"), grower(0.9, Kind.COMMAND, "java"))
    assert found.culprit is not None and found.culprit.who == "java (pid 7)"


def test_else_the_narrowest_group() -> None:
    many = [grower(0.1, who=f"w (pid {pid})") for pid in range(10)]
    command = grower(1.0, Kind.COMMAND, "w", processes=10, everybody=True)
    cgroup = grower(1.0, Kind.CGROUP, "/x", processes=10, everybody=True)
    assert told(*many, cgroup, command).culprit is command
    assert told(*many, grower(0.6, Kind.USER, "uid 5", processes=6), cgroup).culprit == grower(
        0.6, Kind.USER, "uid 5", processes=6
    )


def test_a_group_that_holds_everybody_is_no_answer() -> None:
    found = told(*(grower(0.3, who=f"w (pid {pid})") for pid in range(3)), grower(1.0, Kind.UNIT, "u", everybody=True))
    assert found.culprit is None and Unknown.NOBODY_ALONE in found.unknown
    assert len(found.named) == 3
    assert "nobody has half of it. Most grew w (pid 0) by 239.3 MiB (30 %), w (pid 1)" in wording.recorded(found)


def test_what_no_process_gained_is_said() -> None:
    assert Unknown.OUTSIDE_PROCESSES in told(grower(0.6), gained_mib=200).unknown
    assert Unknown.OUTSIDE_PROCESSES not in told(grower(0.6), gained_mib=240).unknown


def test_the_last_straw_is_no_culprit() -> None:
    found = told(grower(1.0), total_mib=20, left=rooms(lambda at_s: 10 - at_s / 100))
    assert found.culprit is None and found.unknown == (Unknown.USED_BEFORE,)
    assert "too little to explain why memory ran out" in wording.recorded(found)


def test_nothing_grew() -> None:
    found = told(grower(0.0, curve=growing.steady), total_mib=0)
    assert found.culprit is None and found.unknown == (Unknown.NO_GROWTH,)
    assert wording.recorded(found) == "Nothing grew in the 120 s that were recorded before the kill."


# -- since when -------------------------------------------------------------------------------------------------------------


def test_the_end_was_certain_from_when_what_was_left_lasted_until_then() -> None:
    """200 MiB left, 20 MiB/s: 10 s, by hand."""
    left = rooms(lambda at_s: 200 if at_s < -10 else -20 * at_s)
    found = told(grower(0.8, curve=growing.burst), left=left)
    assert found.inevitable is not None and found.inevitable.from_s == pytest.approx(-10, abs=0.01)
    assert found.left_bytes == pytest.approx(200 * MIB, rel=1e-3)
    assert found.inevitable.low_s == pytest.approx(-10, abs=0.01) == found.inevitable.high_s


def test_the_interval_is_that_of_the_rate() -> None:
    left = rooms(lambda at_s: max(-3 * at_s + (at_s * 7919 % 13), 0))
    found = told(grower(0.8), left=left).inevitable
    assert found is not None and found.low_s is not None and found.high_s is not None
    assert found.low_s < found.from_s < found.high_s < 0 and found.from_s == pytest.approx(-121, abs=3)


def test_without_counters_it_is_not_known() -> None:
    found = told(grower(0.8))
    assert found.inevitable is None and Unknown.NO_ROOM in found.unknown


def test_what_does_not_grow_steadily_has_no_such_moment() -> None:
    assert told(grower(0.8, curve=growing.plateau), left=rooms(lambda at_s: -at_s)).inevitable is None


def test_more_and_more_left_has_no_such_moment() -> None:
    assert told(grower(0.8), left=rooms(lambda at_s: 200 + at_s)).inevitable is None


# -- what is not known -------------------------------------------------------------------------------------------------------


def test_who_grew_already_may_have_begun_before() -> None:
    left = rooms(lambda at_s: -2 * at_s)
    assert Unknown.BEGAN_BEFORE in told(grower(0.8), left=left).unknown
    assert Unknown.BEGAN_BEFORE not in told(grower(0.8, curve=growing.late), left=left).unknown


def test_a_short_time_and_an_unseen_end_are_said() -> None:
    short = Series(tuple(-17.0 + n for n in range(12)), tuple(n * MIB for n in range(12)))
    found = judge([Grower(Kind.PROCESS, "a (pid 1)", growth(short), 1.0)], (), None, 11 * MIB, 11 * MIB)
    assert found.unknown == (Unknown.NO_ROOM, Unknown.SHORT_WINDOW, Unknown.END_UNSEEN)


def test_two_readings_are_few() -> None:
    pair = growth(Series((-60.0, 0.0), (0, G)))
    found = judge([Grower(Kind.PROCESS, "a (pid 1)", pair, 1.0)], (), None, G, G)
    assert Unknown.FEW_SAMPLES in found.unknown and found.inevitable is None
    assert "grew by 1,024.0 MiB since the report 60.0 s before this one" in wording.between_reports(found)


def test_every_word_has_a_sentence() -> None:
    assert set(wording.UNKNOWN) == set(Unknown)
    assert wording.unknown((Unknown.NO_ROOM,)) == [f"no_room: {wording.UNKNOWN[Unknown.NO_ROOM]}"]


def test_our_words_are_known_to_redaction() -> None:
    """A word that is not would become a pseudonym as soon as a log holds it."""
    left = rooms(lambda at_s: -2 * at_s)
    sentences = list(wording.UNKNOWN.values())
    for curve in (growing.leak, growing.burst, growing.plateau, growing.sawtooth, growing.shrinking):
        found = told(grower(0.8, curve=curve), left=left)
        assert found.culprit is not None
        ended = found._replace(culprit=found.culprit._replace(growth=growth(series(curve), ended=True)))
        sentences += [wording.recorded(found), wording.recorded(ended), wording.between_reports(found)]
    sentences += [wording.recorded(told(grower(0.3))), wording.recorded(told(grower(0.1), total_mib=0))]
    sentences.append(wording.recorded(told(grower(1.0), total_mib=20, left=left)))
    unknown = {
        word for text in sentences for word in re.findall(r"[^\W_]+", text.replace("java", "")) if not word.isdecimal()
    }
    assert {word for word in unknown if not is_word(word)} == set()


# -- what was left ------------------------------------------------------------------------------------------------------------


def counters(version: int = 2, **known: Any) -> CgroupCounters:
    names = ("swap_bytes", "swap_limit_bytes", "file_bytes", "shmem_bytes")
    return CgroupCounters(version, **{"usage_bytes": 700, "limit_bytes": 1000, **dict.fromkeys(names), **known})


@pytest.mark.parametrize(
    ("one", "swap_free", "charged_bytes", "left_bytes"),
    [
        (counters(), 0, 700, 300),
        (counters(file_bytes=500, shmem_bytes=100), 0, 300, 700),  # 400 of page cache can be taken back
        (counters(swap_bytes=50, swap_limit_bytes=90), 1000, 750, 340),
        (counters(swap_bytes=50, swap_limit_bytes=90), 20, 750, 320),  # the machine has less
        (counters(swap_bytes=50), 400, 750, 700),
        (counters(), None, 700, None),
        (counters(limit_bytes=None), 0, 700, None),  # no limit
        (counters(usage_bytes=None), 0, None, None),
        (counters(version=1, swap_bytes=700, swap_limit_bytes=1000), 5000, 700, 300),  # memory and swap together
        (counters(version=1, swap_bytes=900, swap_limit_bytes=2000), 150, 900, 450),
        (counters(version=1, swap_bytes=900, swap_limit_bytes=1200), 5000, 900, 300),
        (counters(version=1, limit_bytes=None, swap_bytes=900, swap_limit_bytes=1200), None, 900, 300),
        (counters(usage_bytes=1100), 0, 1100, 0),
    ],
)  # fmt: skip
def test_room_of_a_control_group(
    one: CgroupCounters, swap_free: int | None, charged_bytes: int | None, left_bytes: int | None
) -> None:
    assert of_cgroup(-1.0, one, swap_free) == Room(-1.0, charged_bytes, left_bytes)


def test_room_of_the_machine() -> None:
    made = (of_machine(-2.0, 1000, 300, 50), of_machine(-1.0, 1000, None, 50), of_machine(0.0, 1000, 100, 0))
    assert made == (Room(-2.0, 650 * 1024, 350 * 1024), Room(-1.0, None, None), Room(0.0, 900 * 1024, 100 * 1024))
    assert charged(made) == Series((-2.0, 0.0), (650 * 1024, 900 * 1024)) and capacity_bytes(made) == 1000 * 1024
    assert charged(()) is None and capacity_bytes(()) is None
