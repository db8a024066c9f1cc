-- How often does each place run out of memory?
-- $least = 2  so many incidents with a time at least
-- host  Host name; NULL: no log names it
-- place  Container, unit or control group; NULL: the machine
-- incidents  Incidents that have a wall-clock time, count
-- mean_between_s  Seconds from one to the next, on average
-- least_between_s  The shortest of these times, seconds
-- most_between_s  The longest, seconds
-- first_ts  Wall-clock time of the first, UTC
-- last_ts  Wall-clock time of the last, UTC
WITH gaps AS (
    SELECT host, CASE WHEN host IS NULL THEN source END AS unnamed, place, ts,
           epoch(ts) - epoch(lag(ts) OVER (PARTITION BY host, unnamed, place ORDER BY ts)) AS gap_s
    FROM incidents
    WHERE ts IS NOT NULL
)
SELECT host, place, count(*) AS incidents, avg(gap_s) AS mean_between_s, min(gap_s) AS least_between_s,
       max(gap_s) AS most_between_s, min(ts) AS first_ts, max(ts) AS last_ts
FROM gaps
GROUP BY host, unnamed, place
HAVING count(*) >= $least::BIGINT
ORDER BY mean_between_s, host, place;
