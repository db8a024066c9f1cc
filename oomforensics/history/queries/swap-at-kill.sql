-- Was there swap left when memory ran out?
-- scope  What ran out: global, memcg, cpuset, mempolicy, sysrq, unknown
-- swap  none, not allowed, full (less than 1 % left), in use, unused, or NULL: the report does not say
-- incidents  Incidents, count
-- most_swap_kb  The most swap that the machine had, or the control group was allowed, KiB
-- example  One of them
-- Of a control group (version 2), its own swap limit; else the swap of the machine. `not allowed`: a swap limit of 0.
WITH sizes AS (
    SELECT incident_id, scope, coalesce(swap_limit_kb < total_swap_kb, swap_limit_kb < 1024 ^ 4, false) AS is_limited,
           CASE WHEN is_limited THEN swap_limit_kb ELSE total_swap_kb END AS swap_kb,
           CASE WHEN is_limited THEN swap_limit_kb - swap_usage_kb ELSE free_swap_kb END AS left_kb
    FROM incidents
)
SELECT scope,
       CASE WHEN swap_kb = 0 THEN CASE WHEN is_limited THEN 'not allowed' ELSE 'none' END
            WHEN left_kb < swap_kb / 100 THEN 'full'
            WHEN left_kb < swap_kb THEN 'in use'
            WHEN left_kb >= swap_kb THEN 'unused' END AS swap,
       count(*) AS incidents, max(swap_kb) AS most_swap_kb, min(incident_id) AS example
FROM sizes
GROUP BY ALL
ORDER BY incidents DESC, scope, swap;
