-- What is killed, restarted and killed again? The same name in the same place, each time soon after the last
-- $within_s = 900  seconds from one incident to the next at most
-- $least = 3  so many incidents at least
-- host  Host name; NULL: no log names it
-- place  Container, unit or control group; NULL: the machine
-- victim_comm  Name of the first process killed
-- incidents  Incidents in the loop, count
-- pids  Different pids among them, count: as many as incidents if it was restarted each time
-- first_ts  Wall-clock time of the first, UTC
-- last_ts  Wall-clock time of the last
-- mean_between_s  Seconds from one to the next, on average
-- latest_id  The last incident
WITH gaps AS (
    SELECT incident_id, host, CASE WHEN host IS NULL THEN source END AS unnamed, place, victim_comm, victim_pid, ts,
           epoch(ts) - epoch(lag(ts) OVER (PARTITION BY host, unnamed, place, victim_comm ORDER BY ts, incident_id)) AS gap_s
    FROM incidents
    WHERE ts IS NOT NULL AND victim_comm IS NOT NULL
),
loops AS (
    SELECT *, count(*) FILTER (gap_s IS NULL OR gap_s > $within_s::DOUBLE)
                  OVER (PARTITION BY host, unnamed, place, victim_comm ORDER BY ts, incident_id) AS number
    FROM gaps
)
SELECT host, place, victim_comm, count(*) AS incidents, count(DISTINCT victim_pid) AS pids, min(ts) AS first_ts, max(ts) AS last_ts,
       (epoch(max(ts)) - epoch(min(ts))) / nullif(count(*) - 1, 0) AS mean_between_s,
       arg_max(incident_id, (ts, incident_id)) AS latest_id
FROM loops
GROUP BY host, unnamed, place, victim_comm, number
HAVING count(*) >= $least::BIGINT
ORDER BY incidents DESC, last_ts DESC, host, place, victim_comm;
