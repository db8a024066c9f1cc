"""Which sightings are one event, where their words are alike."""

from __future__ import annotations

import pytest

from oomforensics.history.merge import Sighting, merge


@pytest.mark.parametrize("newest_first", [False, True])
def test_the_nth_time_in_one_source_is_the_nth_in_the_other(newest_first: bool) -> None:
    """An old kernel kills the same process twice in the same words: twice in a syslog, twice in what a log store has of it."""
    times_us = (1_000_000, 401_000_000)

    def sightings(source: str, lines: tuple[int, int], newest_first: bool) -> list[Sighting]:
        return [
            Sighting(source, line, line + 5, ("key",), kill_ts_us=at_us, ts_us=at_us, newest_first=newest_first)
            for line, at_us in zip(lines, times_us, strict=True)
        ]

    export = sightings("export.json", (90, 70) if newest_first else (70, 90), newest_first)
    found = merge([], [*sightings("messages", (10, 30), False), *export])
    assert sorted([one.kill_ts_us for one in cluster.sightings.values()] for cluster in found) == [
        [at_us, at_us] for at_us in times_us
    ]
