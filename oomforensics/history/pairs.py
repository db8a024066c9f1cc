"""Wall-clock time for incidents that have only the kernel's stamps, from other logs of the same boot.

A sighting with a good clock and the kernel's stamp is a pair: clock = stamp + offset. Two sightings are of one boot if they
have its id, or if one log shows both of them, or both logs show one incident. The pair nearest in the boot counts. The
kernel's stamps stand still while the machine sleeps, so that the offset grows: how much it varies over the boot is the
uncertainty. The outcome does not depend on the order in which sources were read.
"""

from __future__ import annotations

from oomforensics.history.schema import Connection, transaction

_CLOCK_S = 1.0  # syslog writes whole seconds

_FOUND = f"""
CREATE OR REPLACE TEMP TABLE new_times AS
WITH seen AS (
    SELECT incident_id, uptime_s, epoch(ts) AS clock_s, ts_source IN ('journald', 'syslog') AS good_clock,
           'boot ' || boot_id AS boot, 'log ' || coalesce(host, '') || ' ' || boot_index || ' ' || source AS log
    FROM t_incident_sources WHERE uptime_s IS NOT NULL
),
wanted AS (
    SELECT incident_id, uptime_s FROM t_incidents
    WHERE ts_source IN ('none', 'boot-time-derived', 'pair-derived') AND uptime_s IS NOT NULL
),
keys AS (
    SELECT DISTINCT incident_id, unnest([boot, log]) AS key FROM seen
),
pairs AS (
    SELECT DISTINCT key, seen.uptime_s, clock_s - seen.uptime_s AS offset_s
    FROM seen JOIN keys USING (incident_id) WHERE good_clock AND clock_s IS NOT NULL AND key IS NOT NULL
),
offsets AS (
    SELECT key, max(offset_s) - min(offset_s) AS spread_s FROM pairs GROUP BY key
)
SELECT wanted.incident_id, offset_s, {_CLOCK_S} + spread_s AS uncertainty_s,
       to_timestamp(wanted.uptime_s + offset_s) AS ts
FROM wanted JOIN keys USING (incident_id) JOIN pairs USING (key) JOIN offsets USING (key)
QUALIFY row_number() OVER (
    PARTITION BY wanted.incident_id ORDER BY abs(pairs.uptime_s - wanted.uptime_s), spread_s DESC, offset_s
) = 1
"""
_INCIDENTS = """
UPDATE t_incidents SET ts = new_times.ts, ts_source = 'pair-derived', ts_uncertainty_s = uncertainty_s FROM new_times
WHERE t_incidents.incident_id = new_times.incident_id
"""
_KILLS = """
UPDATE t_kills SET ts = to_timestamp(uptime_s + offset_s) FROM new_times
WHERE t_kills.incident_id = new_times.incident_id AND uptime_s IS NOT NULL
"""


def derive(con: Connection) -> None:
    """Of all incidents that need it; again with each ingest, because a better pair may have come."""
    with transaction(con):
        con.execute(_FOUND)
        con.execute(_INCIDENTS)
        con.execute(_KILLS)
        con.execute("DROP TABLE new_times")
