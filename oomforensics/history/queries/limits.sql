-- Control groups that reach their limit most often (KiB)
SELECT host, oom_memcg, count(*) AS incidents, max(memory_limit_kb) AS memory_limit_kb, list(DISTINCT victim_comm) AS victims
FROM incidents
WHERE scope = 'memcg'
GROUP BY host, oom_memcg
ORDER BY incidents DESC, host, oom_memcg;
