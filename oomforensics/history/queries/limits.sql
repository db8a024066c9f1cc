-- Which limits are hit most often?
-- host  Host name
-- place  Container, unit or control group
-- incidents  Times that it ran out, count
-- least_limit_kb  The lowest limit in these reports, KiB
-- most_limit_kb  The highest, KiB
-- victims  Names of the first processes killed
-- last_ts  Wall-clock time of the last, UTC
SELECT host, place, count(*) AS incidents, min(memory_limit_kb) AS least_limit_kb, max(memory_limit_kb) AS most_limit_kb,
       list(DISTINCT victim_comm ORDER BY victim_comm) AS victims, max(ts) AS last_ts
FROM incidents
WHERE scope = 'memcg'
GROUP BY host, place
ORDER BY incidents DESC, host, place;
