"""Who grew between two reports of one boot, by their task tables: where nobody recorded, they are two readings.

A report is held against the last one before it of the same boot that lists the same processes: of the same control group, or
of the whole machine. Whoever has the same pid and name in both is the same process; whoever is in the second alone is taken
for new, and only where the first table lost no row. What counts is anonymous memory, where the table tells it apart (Linux 6.8
and later), and swap.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from oomforensics.analysis.growth.culprit import Grower, Unknown, Verdict
from oomforensics.analysis.growth.culprit import judge as culprit
from oomforensics.analysis.growth.series import Kind
from oomforensics.analysis.growth.shape import between
from oomforensics.history.frames import NEW, Columns, columns, run
from oomforensics.history.schema import Connection

_KEPT = 5  # of each kind
_MOST_PAGES = 1 << 35  # 128 TiB of the smallest pages: a figure above is no machine's, and says nothing
_MOST_BYTES = 1 << 62  # of a sum: more fits into no column

# Boots are known by their id, or by the log that shows both reports (see pairs.py).
MADE_OF = """
WITH listed AS (
    SELECT incident_id, uptime_s, scope = 'global' AS is_global, coalesce(oom_memcg, '') AS memcg, page_size,
           concat_ws(' ', source, line_start, line_end, uptime_s) AS place
    FROM t_incidents
    WHERE uptime_s IS NOT NULL AND page_size IS NOT NULL AND (scope = 'global' OR oom_memcg IS NOT NULL)
      AND NOT list_has_any(missing, ['report', 'task_table', 'task_table_header', 'task_rows'])
      AND incident_id IN (SELECT incident_id FROM t_candidates)
),
boots AS (
    SELECT DISTINCT incident_id,
           unnest(['boot ' || boot_id, 'log ' || coalesce(host, '') || ' ' || boot_index || ' ' || source]) AS boot
    FROM t_incident_sources
),
keyed AS (FROM listed JOIN boots USING (incident_id) WHERE boot IS NOT NULL),
ordered AS (
    SELECT incident_id, uptime_s, place, is_global,
           lag(struct_pack(incident_id, uptime_s, place)) OVER (
               PARTITION BY boot, page_size, is_global, memcg ORDER BY uptime_s, incident_id
           ) AS alike,
           last_value(CASE WHEN is_global THEN struct_pack(incident_id, uptime_s, place) END IGNORE NULLS) OVER (
               PARTITION BY boot, page_size ORDER BY uptime_s, incident_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
           ) AS whole
    FROM keyed
),
found AS (
    SELECT incident_id, uptime_s, place, unnest([alike, CASE WHEN NOT is_global THEN whole END]) AS before FROM ordered
)
SELECT incident_id, before.incident_id AS before_id, md5(concat_ws('|', place, before.incident_id, before.place)) AS made_of
FROM found WHERE before.uptime_s < uptime_s
QUALIFY row_number() OVER (PARTITION BY incident_id ORDER BY before.uptime_s DESC, before.incident_id) = 1
"""

# The few that grew most are told from the many others by a figure: a window over all of them costs more than all the rest.
_LEAST = f"SELECT pair, list_min(max(end_bytes - start_bytes, {_KEPT})) AS least FROM {{}} GROUP BY pair"
_PAIRS: Columns = columns(text="incident_id before_id")
_GROWN = f"""
FROM (
WITH pairs AS MATERIALIZED (SELECT *, row_number() OVER () AS pair FROM {NEW}),
tables AS (
    SELECT pair, incident_id AS listed_id, false AS is_before FROM pairs
    UNION ALL SELECT pair, before_id, true FROM pairs
),
sides AS (
    SELECT pair, is_before, comm, pid, uid,
           greatest(coalesce(rss_anon_pages, rss_pages) + coalesce(swapents_pages, 0), 0) * page_size AS used_bytes,
           rss_anon_pages IS NULL AS is_mixed
    FROM tables JOIN t_candidates AS one ON one.incident_id = listed_id JOIN t_incidents AS shown ON shown.incident_id = listed_id
    WHERE greatest(rss_pages, rss_anon_pages, swapents_pages) <= {_MOST_PAGES} AND rss_pages IS NOT NULL
),
processes AS (
    SELECT pair, comm, pid, any_value(uid) AS uid, coalesce(max(used_bytes) FILTER (is_before), 0) AS start_bytes,
           max(used_bytes) FILTER (NOT is_before) AS end_bytes, bool_or(is_mixed) AS is_mixed
    FROM sides GROUP BY pair, comm, pid HAVING end_bytes IS NOT NULL
),
commands AS (
    SELECT pair, comm, count(*) AS processes, sum(start_bytes) AS start_bytes, sum(end_bytes) AS end_bytes FROM processes
    WHERE comm <> '' GROUP BY pair, comm
),
users AS (
    SELECT pair, uid, count(*) AS processes, sum(start_bytes) AS start_bytes, sum(end_bytes) AS end_bytes FROM processes
    WHERE uid IS NOT NULL GROUP BY pair, uid
),
grown AS (
    SELECT pair, 'process' AS kind, coalesce(nullif(comm, ''), '(no name)') || ' (pid ' || pid || ')' AS who, pid,
           1 AS processes, start_bytes, end_bytes
    FROM processes JOIN ({_LEAST.format("processes")}) USING (pair) WHERE end_bytes - start_bytes >= least
    UNION ALL
    SELECT pair, 'command', comm, NULL, processes, start_bytes, end_bytes
    FROM commands JOIN ({_LEAST.format("commands")}) USING (pair) WHERE end_bytes - start_bytes >= least
    UNION ALL
    SELECT pair, 'user', 'uid ' || uid, NULL, processes, start_bytes, end_bytes FROM users
),
whole AS (
    SELECT pair, count(*) AS everybody, sum(greatest(end_bytes - start_bytes, 0)) AS gained_bytes,
           bool_or(is_mixed) AS is_mixed
    FROM processes GROUP BY pair
)
SELECT incident_id, before.uptime_s - now.uptime_s AS from_s, before.source, everybody, is_mixed, now.totalpages, now.page_size,
       least(gained_bytes, {_MOST_BYTES})::BIGINT AS gained_bytes, kind, who, pid, processes,
       least(start_bytes, {_MOST_BYTES})::BIGINT AS start_bytes,
       least(end_bytes, {_MOST_BYTES})::BIGINT AS end_bytes
FROM grown JOIN whole USING (pair) JOIN pairs USING (pair)
JOIN t_incidents AS now USING (incident_id) JOIN t_incidents AS before ON before.incident_id = pairs.before_id
QUALIFY row_number() OVER (PARTITION BY pair, kind ORDER BY end_bytes - start_bytes DESC, who) <= {_KEPT}
) ORDER BY ALL
"""
_SAID = (Unknown.FEW_SAMPLES, Unknown.NO_ROOM)  # by TWO_REPORTS


class Found(NamedTuple):
    source: str  # log of the earlier report
    growers: tuple[Grower, ...]
    verdict: Verdict


def judge(con: Connection, before: Mapping[str, str]) -> dict[str, Found]:
    """By the incident: what `before`, the earlier report of each, says of it."""
    rows = run(con, _PAIRS, before.items(), _GROWN)
    return {incident_id: _found(list(listed)) for incident_id, listed in groupby(rows, itemgetter(0))}


def _found(rows: list[tuple[Any, ...]]) -> Found:
    from_s, source, everybody, is_mixed, totalpages, page_size, gained_bytes = rows[0][1:8]
    growers = []
    for *_, kind, who, pid, processes, start, end in rows:
        grown = between(from_s, 0.0, start, end)
        share = grown.grown_bytes / gained_bytes if gained_bytes > 0 else None
        growers.append(Grower(Kind(kind), who, grown, share, processes, pid, processes == everybody))
    capacity_bytes = None if totalpages is None else totalpages * page_size
    verdict = culprit(growers, (), capacity_bytes, gained_bytes, gained_bytes)
    known = [word for word in verdict.unknown if word not in _SAID]
    mixed = (Unknown.SHARED_COUNTED,) if is_mixed else ()
    return Found(source, tuple(growers), verdict._replace(unknown=(Unknown.TWO_REPORTS, *known, *mixed)))
