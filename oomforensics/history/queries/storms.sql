-- When did many incidents come at once on one host?
-- $within_s = 10  seconds from one incident to the next at most
-- $least = 5  so many incidents at least
-- host  Host name; NULL: no log names it
-- first_ts  Wall-clock time of the first incident, UTC
-- lasted_s  Seconds to the last
-- incidents  Incidents, count
-- kills  Processes killed, count
-- without_report  Incidents of which only the kill line is there, count
-- dropped  Reports that the kernel's rate limiter says it dropped, count
-- victims  Names of the first processes killed
WITH killed AS (SELECT incident_id, count(*) AS kills FROM kills GROUP BY incident_id),
gaps AS (
    SELECT incident_id, host, CASE WHEN host IS NULL THEN source END AS unnamed, ts, victim_comm, kills, callbacks_suppressed,
           list_contains(missing, 'report') AS is_bare,
           epoch(ts) - epoch(lag(ts) OVER (PARTITION BY host, unnamed ORDER BY ts, incident_id)) AS gap_s
    FROM incidents LEFT JOIN killed USING (incident_id)
    WHERE ts IS NOT NULL
),
storms AS (
    SELECT *, count(*) FILTER (gap_s IS NULL OR gap_s > $within_s::DOUBLE)
                  OVER (PARTITION BY host, unnamed ORDER BY ts, incident_id) AS number
    FROM gaps
)
SELECT host, min(ts) AS first_ts, epoch(max(ts)) - epoch(min(ts)) AS lasted_s, count(*) AS incidents,
       coalesce(sum(kills), 0)::BIGINT AS kills, count(*) FILTER (is_bare) AS without_report,
       coalesce(sum(callbacks_suppressed), 0)::BIGINT AS dropped, list(DISTINCT victim_comm ORDER BY victim_comm) AS victims
FROM storms
GROUP BY host, unnamed, number
HAVING count(*) >= $least::BIGINT
ORDER BY incidents DESC, first_ts DESC, host;
