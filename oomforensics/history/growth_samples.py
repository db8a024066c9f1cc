"""What recordings hold of the time before an incident: values of each process, and of what ran out, at chosen looks.

The recorder tells at each look who changed; whoever did not has the values that it had. What counts of a process is anonymous
memory, resident and swapped out. File pages can be taken back, and shared memory is resident in each that maps it: a hundred
processes with one buffer would seem to have grown a hundred times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from oomforensics.analysis.growth.members import Members
from oomforensics.analysis.growth.room import CgroupCounters, Room, of_cgroup, of_machine
from oomforensics.history.schema import Connection
from oomforensics.parsers.cgroup_identity import identify

if TYPE_CHECKING:
    import pandas as pd

MOST_LOOKS = 150  # at one time
_LEAST_LOOKS = 20  # looks between two of the recorder's interval count too, if those alone would be fewer
_SLACK = 0.9  # of the distance wanted: an interval is kept as well as the machine allows
_TICKS_S = 100  # USER_HZ
_BORN_SLACK_US = 1_000_000
_MOST_PROCESSES = 20_000  # that are looked at: the largest
_MOST_KB = 1 << 37  # 128 TiB: what a process can map; a figure above is no machine's, and says nothing
_MOST_BYTES = _MOST_KB << 10


class Shown(NamedTuple):
    """Where the recordings show an incident."""

    boot_id: str
    target: str
    source: str
    interval_us: int | None
    mono_us: int  # of the report's first line
    memcg: str | None  # that ran out
    scope: str


class Look(NamedTuple):
    segment_id: str
    mono_us: int


class Sampled(NamedTuple):
    members: Members
    rooms: tuple[Room, ...]
    processes: int
    placed: bool  # False: no process is known to be in the control group that ran out; all are taken


def find(con: Connection, incident_id: str) -> Shown | None:
    """By the recording that goes on until the report, and began the longest before it."""
    row = con.execute(
        """
        SELECT segments.boot_id, target, segments.source, interval_us, round(mono_s * 1e6)::BIGINT, oom_memcg, scope
        FROM incident_recordings JOIN t_segments AS segments USING (segment_id) JOIN t_incidents USING (incident_id)
        WHERE incident_id = ? AND into_s > 0 ORDER BY left_s < 0, into_s DESC, segment_id LIMIT 1
        """,
        [incident_id],
    ).fetchone()
    return None if row is None else Shown(*row)


def looks(con: Connection, shown: Shown, since_us: int, *, apart_us: int = 0) -> list[Look]:
    """The first and the last from then on until the report, and between them those that stand about evenly, `apart_us` or
    more: the recorder looks more often when memory runs short, and the last second would outweigh the minute.
    """
    found = con.execute(
        """
        SELECT min_by(segment_id, began_us), mono_us FROM t_snapshots JOIN t_segments USING (segment_id)
        WHERE boot_id = ? AND target = ? AND mono_us BETWEEN ? AND ? GROUP BY mono_us ORDER BY mono_us
        """,
        [shown.boot_id, shown.target, since_us, shown.mono_us],
    ).fetchall()
    all_looks = [Look(*row) for row in found]
    if len(all_looks) < 3:
        return all_looks
    first, *between, last = all_looks
    span_us = last.mono_us - first.mono_us
    step_us = max(span_us // MOST_LOOKS, min(apart_us, span_us // _LEAST_LOOKS)) * _SLACK
    kept = [last]
    for look in reversed(between):
        if kept[-1].mono_us - look.mono_us >= step_us:
            kept.append(look)
    return [first, *reversed(kept)]


def sample(con: Connection, shown: Shown, chosen: list[Look]) -> Sampled | None:
    """None: no process of the scope was seen then."""
    # A table, because DuckDB knows how many rows it has: an ASOF join to few is one nested loop over all samples.
    con.execute(
        "CREATE OR REPLACE TEMP TABLE new_looks AS"
        " SELECT unnest(?::BIGINT[]) AS look, unnest(?::VARCHAR[]) AS segment_id, unnest(?::BIGINT[]) AS mono_us",
        [list(range(len(chosen))), [one.segment_id for one in chosen], [one.mono_us for one in chosen]],
    )
    values, processes = _values(con), _processes(con, chosen, shown)
    placed = True
    if shown.memcg is not None:
        inside = processes[[_is_below(path, shown.memcg) for path in processes["cgroup"]]]
        placed = not inside.empty
        processes = inside if placed else processes
    values = values.merge(processes[["pid", "starttime"]])
    processes = processes.merge(values[["pid", "starttime"]].drop_duplicates())
    if values.empty:
        return None
    looks_s = [(look.mono_us - shown.mono_us) / 1e6 for look in chosen]
    return Sampled(Members(looks_s, values, processes), tuple(_rooms(con, shown, looks_s)), len(processes), placed)


def _is_below(path: object, memcg: str) -> bool:
    return isinstance(path, str) and (path == memcg or path.startswith(memcg.rstrip("/") + "/"))


def _values(con: Connection) -> pd.DataFrame:
    """What each process had at each look, until it was gone: `look`, pid, starttime, used_bytes."""
    return con.execute(
        f"""
        WITH rows AS (
            SELECT segment_id, mono_us, pid, starttime, gone,
                   1024 * (coalesce(rss_anon_kb, 0) + coalesce(swap_kb, 0)) AS used_bytes
            FROM t_process_samples
            WHERE segment_id IN (SELECT segment_id FROM new_looks)
              AND (gone OR coalesce(rss_anon_kb, swap_kb) IS NOT NULL)
              AND coalesce(rss_anon_kb, 0) BETWEEN 0 AND {_MOST_KB} AND coalesce(swap_kb, 0) BETWEEN 0 AND {_MOST_KB}
        ),
        largest AS (
            SELECT pid, starttime FROM rows GROUP BY pid, starttime
            ORDER BY max(used_bytes) DESC, pid, starttime LIMIT {_MOST_PROCESSES}
        ),
        seen AS (SELECT DISTINCT segment_id, pid, starttime FROM rows JOIN largest USING (pid, starttime))
        SELECT look, wanted.pid, wanted.starttime, used_bytes
        FROM (FROM new_looks JOIN seen USING (segment_id)) AS wanted
        ASOF JOIN rows ON rows.segment_id = wanted.segment_id AND rows.pid = wanted.pid AND rows.starttime = wanted.starttime
                      AND rows.mono_us <= wanted.mono_us
        WHERE NOT gone
        """
    ).df()


def _processes(con: Connection, chosen: list[Look], shown: Shown) -> pd.DataFrame:
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
        {"segments": sorted({one.segment_id for one in chosen}), "at": shown.mono_us},
    ).df()
    units = {path: identify(path) for path in found["cgroup"].dropna().unique()}
    found["unit"] = found["cgroup"].map(
        lambda path: units[path].systemd_user_unit or units[path].systemd_unit if path in units else None
    )
    born_us = found["starttime"] * (1_000_000 // _TICKS_S)
    found["older"] = born_us < chosen[0].mono_us - _BORN_SLACK_US
    return found


def _rooms(con: Connection, shown: Shown, looks_s: list[float]) -> list[Room]:
    """At each look at which the counters of what ran out are known."""
    if shown.memcg is None and shown.scope != "global":
        return []
    rows = con.execute(
        """
        SELECT look, groups.version, groups.usage_bytes, groups.limit_bytes, groups.swap_bytes, groups.swap_limit_bytes,
               groups.file_bytes, groups.shmem_bytes, mem_total_kb, swap_total_kb, coalesce(mem_available_kb, mem_free_kb),
               swap_free_kb
        FROM new_looks AS looks
        ASOF LEFT JOIN (FROM t_cgroup_samples WHERE cgroup = ?) AS groups
          ON groups.segment_id = looks.segment_id AND groups.mono_us <= looks.mono_us
        ASOF LEFT JOIN t_system_samples AS machine
          ON machine.segment_id = looks.segment_id AND machine.mono_us <= looks.mono_us
        ORDER BY look
        """,
        [shown.memcg],
    ).fetchall()
    rooms = []
    for look, version, *counters in rows:
        usage, limit, swap, swap_limit, file, shmem = (_real(value, _MOST_BYTES) for value in counters[:6])
        total_kb, swap_total_kb, available_kb, swap_free_kb = (_real(value, _MOST_KB) for value in counters[6:])
        if shown.memcg is None:
            all_kb = None if total_kb is None or swap_total_kb is None else total_kb + swap_total_kb
            rooms.append(of_machine(looks_s[look], all_kb, available_kb, swap_free_kb))
        elif version is not None:
            found = CgroupCounters(version, usage, limit, swap, swap_limit, file, shmem)
            rooms.append(of_cgroup(looks_s[look], found, None if swap_free_kb is None else swap_free_kb * 1024))
    return rooms


def _real(value: int | None, most: int) -> int | None:
    return value if value is not None and 0 <= value <= most else None
