"""Who grew before an incident, by the recordings of its boot.

The recorder tells at each look who changed; whoever did not has the values that it had. Here every process of the scope gets a
value at each of some 200 looks that stand about evenly before the kill, and the values of one command, unit, control group
or user are added up. A process that was born meanwhile had nothing before, one that ended has nothing behind.

What counts is anonymous memory, resident and swapped out. File pages can be taken back, and shared memory is resident in each
that maps it: a hundred processes with one buffer would seem to have grown a hundred times.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from oomforensics.analysis.growth.culprit import Grower, Unknown, Verdict, grew_from_begin
from oomforensics.analysis.growth.culprit import judge as culprit
from oomforensics.analysis.growth.members import Members
from oomforensics.analysis.growth.room import CgroupCounters, Room, of_cgroup, of_machine
from oomforensics.analysis.growth.series import Kind, Series
from oomforensics.analysis.growth.shape import growth
from oomforensics.history.schema import Connection
from oomforensics.parsers.cgroup_identity import identify

if TYPE_CHECKING:
    import pandas as pd

WINDOWS_S = (300.0, 3_600.0, 86_400.0)  # a longer one where the culprit grew already when the shorter one began
_LOOKS = 150  # of one window
_LEAST_LOOKS = 20  # looks between two of the recorder's interval count too, if those alone would be fewer
_NOTABLE = 0.01  # of all growth: less is told of the largest processes alone
_TICKS_S = 100  # USER_HZ
_BORN_SLACK_US = 1_000_000

# What was recorded of the day before an incident; where nothing near its end was, the recordings say nothing of it.
MADE_OF = f"""
SELECT incident_id,
       any_value(uptime_s)::VARCHAR || ' ' || any_value(coalesce(oom_memcg, scope)) || ' ' ||
       md5(string_agg(concat_ws(' ', segment_id, ended_us, kmsg_offset_us), ',' ORDER BY segment_id)) AS made_of
FROM t_incidents AS incidents JOIN t_segments AS segments
  ON segments.boot_id = incidents.boot_id
 AND began_us <= uptime_s * 1e6 + coalesce(kmsg_offset_us, 0)
 AND ended_us >= uptime_s * 1e6 + coalesce(kmsg_offset_us, 0) - {WINDOWS_S[-1]} * 1e6
WHERE incident_id IN (SELECT incident_id FROM incident_recordings WHERE into_s > 0)
GROUP BY incident_id
"""


class _Shown(NamedTuple):
    """Where the recordings show an incident."""

    boot_id: str
    target: str
    source: str
    interval_us: int | None
    mono_us: int  # of the report's first line
    memcg: str | None  # that ran out
    scope: str


class _Look(NamedTuple):
    segment_id: str
    mono_us: int


class Found(NamedTuple):
    source: str  # the recording
    growers: tuple[Grower, ...]
    verdict: Verdict


def judge(con: Connection, incident_id: str) -> Found | None:
    """None: fewer than two looks before the incident, or none of its processes."""
    shown = _shown(con, incident_id)
    found, first_us = None, None
    for window_s in WINDOWS_S if shown is not None else ():
        assert shown is not None
        looks = _looks(con, shown, window_s)
        if len(looks) < 2 or looks[0].mono_us == first_us:
            break
        wider = _judge(con, shown, looks)
        if wider is None:
            break
        found, first_us = wider, looks[0].mono_us
        who, verdict = wider.verdict.culprit, wider.verdict
        if who is None or not grew_from_begin(who.growth, verdict.from_s, verdict.until_s):
            break
    return found


def _shown(con: Connection, incident_id: str) -> _Shown | None:
    """By the recording that goes on until the report, and began the longest before it."""
    row = con.execute(
        """
        SELECT segments.boot_id, target, segments.source, interval_us, round(mono_s * 1e6)::BIGINT, oom_memcg, scope
        FROM incident_recordings JOIN t_segments AS segments USING (segment_id) JOIN t_incidents USING (incident_id)
        WHERE incident_id = ? AND into_s > 0 ORDER BY left_s < 0, into_s DESC, segment_id LIMIT 1
        """,
        [incident_id],
    ).fetchone()
    return None if row is None else _Shown(*row)


def _looks(con: Connection, shown: _Shown, window_s: float) -> list[_Look]:
    """The first and the last of the window, and between them those that stand about evenly: the recorder looks more often
    when memory runs short, and the last second would outweigh the minute.
    """
    found = con.execute(
        """
        SELECT min_by(segment_id, began_us), mono_us FROM t_snapshots JOIN t_segments USING (segment_id)
        WHERE boot_id = ? AND target = ? AND mono_us BETWEEN ? AND ? GROUP BY mono_us ORDER BY mono_us
        """,
        [shown.boot_id, shown.target, shown.mono_us - int(window_s * 1e6), shown.mono_us],
    ).fetchall()
    looks = [_Look(*row) for row in found]
    if len(looks) < 3:
        return looks
    span_us = looks[-1].mono_us - looks[0].mono_us
    step_us = max(span_us // _LOOKS, min(shown.interval_us or 0, span_us // _LEAST_LOOKS))
    kept = [looks[-1]]
    for look in reversed(looks[1:-1]):
        if kept[-1].mono_us - look.mono_us >= step_us * 0.9 and look.mono_us > looks[0].mono_us:
            kept.append(look)
    return [looks[0], *reversed(kept)]


def _judge(con: Connection, shown: _Shown, looks: list[_Look]) -> Found | None:
    samples, processes = _samples(con, looks), _processes(con, looks, shown)
    placed = True
    if shown.memcg is not None:
        inside = processes[processes["cgroup"].map(lambda path: _is_below(path, shown.memcg or ""))]
        placed = not inside.empty
        processes = inside if placed else processes
    samples = samples.merge(processes[["pid", "starttime"]])
    if samples.empty:
        return None
    looks_s = [(look.mono_us - shown.mono_us) / 1e6 for look in looks]
    members = Members(looks_s, samples, processes)
    rooms = _rooms(con, shown, looks, looks_s)
    charged = [(room.at_s, room.charged_bytes) for room in rooms if room.charged_bytes is not None]
    all_bytes = max(charged[-1][1] - charged[0][1] if charged else 0, members.gained_bytes)
    least = all_bytes * _NOTABLE
    growers = []
    for one in members.notable(least):
        grown = growth(one.series, least, one.ended)
        share = grown.grown_bytes / all_bytes if all_bytes > 0 and not one.ended else None
        growers.append(Grower(one.kind, one.who, grown, share, one.processes, one.pid, one.everybody))
    capacity = next(
        (
            room.charged_bytes + room.left_bytes
            for room in reversed(rooms)
            if room.charged_bytes is not None and room.left_bytes is not None
        ),
        None,
    )
    verdict = culprit(growers, rooms, capacity, all_bytes, members.gained_bytes)
    if not placed:
        verdict = replace(verdict, unknown=(*verdict.unknown, Unknown.NOT_PLACED))
    if len(charged) > 1:
        grown = growth(Series(*(tuple(part) for part in zip(*charged, strict=True))), least)
        share = grown.grown_bytes / all_bytes if all_bytes > 0 else None
        growers.append(Grower(Kind.SCOPE, shown.memcg, grown, share, len(processes)))
    return Found(shown.source, tuple(growers), verdict)


def _is_below(path: object, memcg: str) -> bool:
    return isinstance(path, str) and (path == memcg or path.startswith(memcg.rstrip("/") + "/"))


_LOOKED = (
    "looks AS (SELECT unnest(?::BIGINT[]) AS look, unnest(?::VARCHAR[]) AS segment_id, unnest(?::BIGINT[]) AS mono_us)"
)


def _values(looks: list[_Look]) -> list[list[int] | list[str]]:
    return [list(range(len(looks))), [one.segment_id for one in looks], [one.mono_us for one in looks]]


def _samples(con: Connection, looks: list[_Look]) -> pd.DataFrame:
    """What each process had at each look, until it was gone: `look`, pid, starttime, used_bytes."""
    return con.execute(
        f"""
        WITH {_LOOKED},
        rows AS (
            SELECT segment_id, mono_us, pid, starttime, gone,
                   1024 * (coalesce(rss_anon_kb, 0) + coalesce(swap_kb, 0)) AS used_bytes
            FROM t_process_samples
            WHERE segment_id IN (SELECT segment_id FROM looks)
              AND (gone OR coalesce(rss_anon_kb, swap_kb) IS NOT NULL)
        ),
        seen AS (SELECT DISTINCT segment_id, pid, starttime FROM rows)
        SELECT look, wanted.pid, wanted.starttime, used_bytes
        FROM (FROM looks JOIN seen USING (segment_id)) AS wanted
        ASOF JOIN rows ON rows.segment_id = wanted.segment_id AND rows.pid = wanted.pid AND rows.starttime = wanted.starttime
                      AND rows.mono_us <= wanted.mono_us
        WHERE NOT gone
        """,
        _values(looks),
    ).df()


def _processes(con: Connection, looks: list[_Look], shown: _Shown) -> pd.DataFrame:
    """Who they were at the end: pid, starttime, comm, uid, cgroup, unit, older."""
    found = con.execute(
        """
        WITH known AS (
            SELECT pid, starttime,
                   coalesce(max_by(comm, mono_us) FILTER (mono_us <= $at), min_by(comm, mono_us)) AS comm,
                   coalesce(max_by(uid, mono_us) FILTER (mono_us <= $at), min_by(uid, mono_us)) AS uid,
                   coalesce(max_by(cgroup, mono_us) FILTER (mono_us <= $at), min_by(cgroup, mono_us)) AS cgroup
            FROM t_process_identities WHERE list_contains($segments, segment_id) GROUP BY ALL
        )
        FROM (SELECT DISTINCT pid, starttime FROM t_process_samples WHERE list_contains($segments, segment_id))
        LEFT JOIN known USING (pid, starttime)
        """,
        {"segments": sorted({one.segment_id for one in looks}), "at": shown.mono_us},
    ).df()
    units = {path: identify(path) for path in found["cgroup"].dropna().unique()}
    found["unit"] = found["cgroup"].map(
        lambda path: units[path].systemd_user_unit or units[path].systemd_unit if path in units else None
    )
    born_us = found["starttime"] * (1_000_000 // _TICKS_S)
    found["older"] = born_us < looks[0].mono_us - _BORN_SLACK_US
    return found


def _rooms(con: Connection, shown: _Shown, looks: list[_Look], looks_s: list[float]) -> list[Room]:
    """At each look at which the counters of what ran out are known."""
    if shown.memcg is None and shown.scope != "global":
        return []
    rows = con.execute(
        f"""
        WITH {_LOOKED}
        SELECT look, groups.version, groups.usage_bytes, groups.limit_bytes, groups.swap_bytes, groups.swap_limit_bytes,
               groups.file_bytes, groups.shmem_bytes, mem_total_kb + swap_total_kb,
               coalesce(mem_available_kb, mem_free_kb), swap_free_kb
        FROM looks
        ASOF LEFT JOIN (FROM t_cgroup_samples WHERE cgroup = ?) AS groups
          ON groups.segment_id = looks.segment_id AND groups.mono_us <= looks.mono_us
        ASOF LEFT JOIN t_system_samples AS machine
          ON machine.segment_id = looks.segment_id AND machine.mono_us <= looks.mono_us
        ORDER BY look
        """,
        [*_values(looks), shown.memcg],
    ).fetchall()
    rooms = []
    for look, version, usage, limit, swap, swap_limit, file, shmem, total_kb, available_kb, swap_free_kb in rows:
        if shown.memcg is None:
            rooms.append(of_machine(looks_s[look], total_kb, available_kb, swap_free_kb))
        elif version is not None:
            counters = CgroupCounters(version, usage, limit, swap, swap_limit, file, shmem)
            rooms.append(of_cgroup(looks_s[look], counters, None if swap_free_kb is None else swap_free_kb * 1024))
    return rooms
