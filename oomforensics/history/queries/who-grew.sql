-- Who grew before the kills, and did it die?
-- culprit  Process, command, unit, control group or user that had half of all growth or more
-- kind  Which of these it is
-- incidents  Incidents before which it grew, count
-- died  Of them, those in which a process of its pid, or of its name, was killed
-- shapes  How it grew, as in growth_verdicts.shape
-- most_grown_bytes  The most that grew in one of them, bytes
-- last_ts  Wall-clock time of the last, UTC
-- Known only where something was recorded, or where an earlier report of the same boot shows the same processes.
WITH named AS (
    SELECT growth_verdicts.*, CASE WHEN culprit_kind = 'process' THEN regexp_replace(culprit, ' \(pid [0-9]+\)$', '')
                                   ELSE culprit END AS name
    FROM growth_verdicts
    WHERE culprit IS NOT NULL
)
SELECT name AS culprit, culprit_kind AS kind, count(*) AS incidents,
       count(*) FILTER (EXISTS (
           FROM kills
           WHERE kills.incident_id = named.incident_id AND (kills.pid = culprit_pid OR (culprit_kind = 'command' AND kills.comm = name))
       )) AS died,
       list(DISTINCT named.shape ORDER BY named.shape) AS shapes, max(grown_bytes) AS most_grown_bytes, max(ts) AS last_ts
FROM named JOIN incidents ON incidents.incident_id = named.incident_id
GROUP BY name, culprit_kind
ORDER BY incidents DESC, culprit;
