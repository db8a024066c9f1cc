-- Which hosts run out of memory in control groups of version 1, and which of version 2?
-- host  Host name; NULL: no log names it
-- version  1: the report has a line of memory+swap; 2: one of swap; NULL: it has neither
-- incidents  Incidents of control groups, count
-- places  Different containers, units or control groups, count
-- kernels  Kernel releases
SELECT host,
       CASE WHEN coalesce(memsw_usage_kb, memsw_limit_kb) IS NOT NULL THEN 1
            WHEN coalesce(swap_usage_kb, swap_limit_kb) IS NOT NULL THEN 2 END AS version,
       count(*) AS incidents, count(DISTINCT place) AS places, list(DISTINCT kernel_release ORDER BY kernel_release) AS kernels
FROM incidents
WHERE scope = 'memcg'
GROUP BY ALL
ORDER BY incidents DESC, host, version;
