"""Who grew before an incident, by the recordings of its boot.

Every process of the scope has a value at each of some 150 looks that stand about evenly before the kill; those of one command,
unit, control group or user are added up. A process that was born meanwhile had nothing before, one that ended has nothing
behind. A burst is then looked at again, by all the looks that the recorder took while it lasted.
"""

from __future__ import annotations

from typing import NamedTuple

from oomforensics.analysis.growth.culprit import Grower, Unknown, Verdict, grew_from_begin
from oomforensics.analysis.growth.culprit import judge as culprit
from oomforensics.analysis.growth.room import Room, capacity_bytes, charged
from oomforensics.analysis.growth.series import Kind
from oomforensics.analysis.growth.shape import Shape, growth
from oomforensics.history import growth_samples
from oomforensics.history.growth_samples import Look, Sampled, Shown
from oomforensics.history.schema import Connection

WINDOWS_S = (300.0, 3_600.0, 86_400.0)  # a longer one where the culprit grew already when the shorter one began
_NOTABLE = 0.01  # of all growth: less is told of the largest processes alone

# What was recorded of the day before an incident, and until it: what a recorder sees later changes nothing.
MADE_OF = f"""
WITH moments AS (
    SELECT incident_id, uptime_s, coalesce(oom_memcg, scope) AS ran_out, segment_id, began_us, ended_us, kmsg_offset_us,
           uptime_s * 1e6 + coalesce(kmsg_offset_us, 0) AS at_us
    FROM t_incidents AS incidents JOIN t_segments AS segments ON segments.boot_id = incidents.boot_id
    WHERE incident_id IN (SELECT incident_id FROM incident_recordings WHERE into_s > 0)
)
SELECT incident_id,
       concat_ws(' ', any_value(uptime_s), any_value(ran_out), md5(string_agg(
           concat_ws(' ', segment_id, least(ended_us, at_us), kmsg_offset_us), ',' ORDER BY segment_id
       ))) AS made_of
FROM moments
WHERE began_us <= at_us AND ended_us >= at_us - {WINDOWS_S[-1]} * 1e6
GROUP BY incident_id
"""


class Found(NamedTuple):
    source: str  # the recording
    growers: tuple[Grower, ...]
    verdict: Verdict


def judge(con: Connection, incident_id: str) -> Found | None:
    """None: fewer than two looks before the incident, or none of its processes."""
    shown = growth_samples.find(con, incident_id)
    if shown is None:
        return None
    found, first_us = None, None
    for window_s in WINDOWS_S:
        looks = growth_samples.looks(con, shown, shown.mono_us - int(window_s * 1e6), apart_us=shown.interval_us or 0)
        if len(looks) < 2 or looks[0].mono_us == first_us:
            break
        sampled = growth_samples.sample(con, shown, looks)
        if sampled is None:
            break
        found, first_us = _judge(con, shown, looks, sampled), looks[0].mono_us
        who, verdict = found.verdict.culprit, found.verdict
        if who is None or not grew_from_begin(who.growth, verdict.from_s, verdict.until_s):
            break
    return found


def _judge(con: Connection, shown: Shown, looks: list[Look], sampled: Sampled) -> Found:
    rooms, members = sampled.rooms, sampled.members
    in_all = charged(rooms)
    gained = 0 if in_all is None else in_all.used_bytes[-1] - in_all.used_bytes[0]
    all_bytes = max(gained, members.gained_bytes)
    least = all_bytes * _NOTABLE

    def share(grown_bytes: int) -> float | None:
        return grown_bytes / all_bytes if all_bytes > 0 else None

    growers = []
    for one in members.notable(least):
        grown = growth(one.series, least, one.ended)
        part = None if one.ended else share(grown.grown_bytes)
        growers.append(Grower(one.kind, one.who, grown, part, one.processes, one.pid, one.everybody))
    verdict = culprit(growers, rooms, capacity_bytes(rooms), all_bytes, members.gained_bytes)
    who = verdict.culprit
    if who is not None and who.growth.shape == Shape.BURST:
        closer, rooms = _closer(con, shown, looks, who, rooms)
        growers[growers.index(who)] = closer
        verdict = culprit(growers, rooms, capacity_bytes(rooms), all_bytes, members.gained_bytes)
    if not sampled.placed:
        verdict = verdict._replace(unknown=(*verdict.unknown, Unknown.NOT_PLACED))
    if in_all is not None and len(in_all) > 1:
        grown = growth(in_all, least)
        growers.append(Grower(Kind.SCOPE, shown.memcg, grown, share(grown.grown_bytes), sampled.processes))
    return Found(shown.source, tuple(growers), verdict)


def _closer(
    con: Connection, shown: Shown, looks: list[Look], who: Grower, rooms: tuple[Room, ...]
) -> tuple[Grower, tuple[Room, ...]]:
    """The burst by all looks since it began, and what was left then."""
    place = max(n for n, look in enumerate(looks) if (look.mono_us - shown.mono_us) / 1e6 <= who.growth.onset_s)
    since = growth_samples.looks(con, shown, looks[place].mono_us)
    sampled = growth_samples.sample(con, shown, since)
    same = (
        []
        if sampled is None
        else [one for one in sampled.members.notable(1) if (one.kind, one.who) == (who.kind, who.who)]
    )
    if sampled is None or not same:
        return who, rooms
    seen = growth(same[0].series)
    grown = who.growth._replace(slope=seen.slope, onset_s=seen.onset_s, samples=who.growth.samples + seen.samples)
    before = [room for room in rooms if room.at_s < sampled.rooms[0].at_s] if sampled.rooms else rooms
    return who._replace(growth=grown), (*before, *sampled.rooms)
