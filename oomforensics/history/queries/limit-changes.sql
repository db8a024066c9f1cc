-- Did another limit help? Each limit that a place had, in the order of time, and what happened under it
-- host  Host name; NULL: no log names it
-- place  Container, unit or control group
-- memory_limit_kb  The limit, KiB
-- limit_before_kb  The limit before it, KiB
-- incidents  Incidents under it, count
-- kills  Processes killed in them, count
-- first_ts  Wall-clock time of the first incident under it, UTC
-- last_ts  Wall-clock time of the last
-- mean_between_s  Seconds from one to the next, on average; NULL: it was one
-- until_next_s  Seconds from the last to the first under the next limit; NULL: none followed
-- Only places that ran out under more than one limit. A limit under which nothing happened is in no log.
WITH killed AS (SELECT incident_id, count(*) AS kills FROM kills GROUP BY incident_id),
seen AS (
    SELECT incident_id, host, CASE WHEN host IS NULL THEN source END AS unnamed, place, ts, memory_limit_kb, kills,
           memory_limit_kb IS DISTINCT FROM lag(memory_limit_kb) OVER (PARTITION BY host, unnamed, place ORDER BY ts, incident_id)
               AS is_new
    FROM incidents LEFT JOIN killed USING (incident_id)
    WHERE place IS NOT NULL AND ts IS NOT NULL AND memory_limit_kb IS NOT NULL
),
numbered AS (
    SELECT *, count(*) FILTER (is_new) OVER (PARTITION BY host, unnamed, place ORDER BY ts, incident_id) AS number FROM seen
),
stretches AS (
    SELECT host, unnamed, place, number, memory_limit_kb, count(*) AS incidents, coalesce(sum(kills), 0)::BIGINT AS kills,
           min(ts) AS first_ts, max(ts) AS last_ts, (epoch(max(ts)) - epoch(min(ts))) / nullif(count(*) - 1, 0) AS mean_between_s
    FROM numbered
    GROUP BY ALL
)
SELECT host, place, memory_limit_kb, lag(memory_limit_kb) OVER same AS limit_before_kb, incidents, kills, first_ts, last_ts,
       mean_between_s, epoch(lead(first_ts) OVER same) - epoch(last_ts) AS until_next_s
FROM stretches
WINDOW same AS (PARTITION BY host, unnamed, place ORDER BY number)
QUALIFY count(*) OVER (PARTITION BY host, unnamed, place) > 1
ORDER BY host, place, first_ts;
