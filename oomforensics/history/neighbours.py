"""The incidents shortly before others: of the same boot, else of the same host, else of the same log.

A log that names neither host nor boot is of one boot as long as its stamps rise. Of one boot the kernel's clock counts, else
that on the wall.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from oomforensics.analysis.scene import MOST_NEIGHBOURS, NEIGHBOURS_S, Neighbour
from oomforensics.history.schema import Connection

_PLACED_SQL = """
    WITH placed AS (
        SELECT incident_id, boot_id, lower(split_part(host, '.', 1)) AS label,
               CASE WHEN boot_id IS NULL AND host IS NULL THEN source END AS nameless, uptime_s, epoch(ts) AS at_s,
               CASE WHEN newest_first THEN -line_start ELSE line_start END AS place
        FROM t_incidents
    ),
    wanted AS (FROM placed WHERE incident_id IN (SELECT unnest(?)))
    FROM placed WHERE boot_id IN (SELECT boot_id FROM wanted) OR label IN (SELECT label FROM wanted)
        OR nameless IN (SELECT nameless FROM wanted)
"""
# An incident is the neighbour of many: what is told of it is asked for once.
_TOLD_SQL = """
    SELECT incident_id, scope, victim_pid, victim_comm, oom_memcg, task_memcg, systemd_unit, container_id, pod_uid,
           memory_limit_kb, anon_kb, coalesce(shared_kb, 0), coalesce(reaper_failed, false), source, line_start
    FROM t_incidents LEFT JOIN t_cgroups ON path = coalesce(task_memcg, oom_memcg)
    LEFT JOIN (
        SELECT incident_id, arg_min(anon_rss_kb, (seq, line)) AS anon_kb, bool_or(reaped IS FALSE) AS reaper_failed,
               arg_min(coalesce(file_rss_kb, 0) + coalesce(shmem_rss_kb, 0), (seq, line)) AS shared_kb
        FROM t_kills WHERE reason = 'victim' GROUP BY incident_id
    ) USING (incident_id)
    WHERE incident_id IN (SELECT unnest(?))
"""


class _Placed(NamedTuple):
    incident_id: str
    boot_id: str | None
    label: str | None  # of the host
    nameless: str | None  # the log, where it names neither host nor boot
    uptime_s: float | None
    at_s: float | None
    place: int  # its line; of a log whose newest line comes first, counted from the end


_Near = tuple[float, str, bool]  # seconds before, the incident, of the same boot


def load(con: Connection, ids: Sequence[str]) -> dict[str, list[Neighbour]]:
    """Of each of these incidents, the nearest first."""
    placed = list(map(_Placed._make, con.execute(_PLACED_SQL, [ids]).fetchall()))
    near = {
        incident_id: sorted(found)[:MOST_NEIGHBOURS] for incident_id, found in _near(placed, frozenset(ids)).items()
    }
    others = list({other for found in near.values() for _, other, _ in found})
    told = {row[0]: row[1:] for row in con.execute(_TOLD_SQL, [others]).fetchall()}
    return {
        incident_id: [
            Neighbour._make((other, earlier_s, same_boot, *told[other])) for earlier_s, other, same_boot in found
        ]
        for incident_id, found in near.items()
    }


def _near(placed: Sequence[_Placed], wanted: frozenset[str]) -> dict[str, list[_Near]]:
    near: dict[str, list[_Near]] = {incident_id: [] for incident_id in wanted}
    for one, others in _behind(placed, wanted, lambda one: one.boot_id, lambda one: (one.uptime_s, one.place)):
        near[one.incident_id] += _within(one.uptime_s, [(it.uptime_s, it.incident_id, True) for it in others])
    for one, others in _behind(placed, wanted, lambda one: one.nameless, lambda one: (0.0, one.place)):
        near[one.incident_id] += _within(one.uptime_s, [(it.uptime_s, it.incident_id, True) for it in others])
    for one, others in _behind(placed, wanted, lambda one: one.label, lambda one: (one.at_s, one.place)):
        times = [(it.at_s, it.incident_id, False) for it in others if not _share_a_clock(one, it)]
        near[one.incident_id] += _within(one.at_s, times)
    return near


def _share_a_clock(one: _Placed, other: _Placed) -> bool:
    return one.boot_id == other.boot_id is not None and one.uptime_s is not None and other.uptime_s is not None


def _within(at_s: float | None, others: Sequence[tuple[float | None, str, bool]]) -> list[_Near]:
    """Those of the hour before this moment."""
    if at_s is None:
        return []
    return [
        (at_s - before_s, incident_id, same_boot)
        for before_s, incident_id, same_boot in others
        if before_s is not None and 0 <= at_s - before_s <= NEIGHBOURS_S
    ]


def _behind(
    placed: Sequence[_Placed], wanted: frozenset[str], group: Callable[[_Placed], str | None],
    when: Callable[[_Placed], tuple[float | None, int]],
) -> Iterator[tuple[_Placed, list[_Placed]]]:  # fmt: skip
    """Each incident that is wanted with those of its group shortly before it; those without a time come last."""
    groups: defaultdict[str, list[_Placed]] = defaultdict(list)
    for one in placed:
        name = group(one)
        if name is not None:
            groups[name].append(one)

    def order(one: _Placed) -> tuple[bool, float, int, str]:
        at_s, place = when(one)
        return at_s is None, at_s or 0.0, place, one.incident_id

    for members in groups.values():
        members.sort(key=order)
        for place, one in enumerate(members):
            if one.incident_id in wanted:
                yield one, members[max(0, place - MOST_NEIGHBOURS) : place]
