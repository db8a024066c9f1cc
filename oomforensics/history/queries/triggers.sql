-- Whose allocation failed, and did it die of it?
-- trigger_comm  Name of the task whose allocation failed
-- incidents  Incidents, count
-- died  Of them, those in which a process of its pid was killed
-- was_largest  Those in which it had most memory and swap of all
-- victims  Names of the first processes killed
-- Threads have names of their own: a trigger may be a thread of the victim under another name and pid.
WITH largest AS (
    SELECT incident_id, pid, tgid FROM candidates
    QUALIFY row_number() OVER (
        PARTITION BY incident_id ORDER BY coalesce(rss_pages, 0) + coalesce(swapents_pages, 0) DESC, is_victim DESC, pid
    ) = 1
)
SELECT trigger_comm, count(*) AS incidents,
       count(*) FILTER (EXISTS (FROM kills WHERE kills.incident_id = incidents.incident_id AND kills.pid = trigger_pid)) AS died,
       count(*) FILTER (trigger_pid IN (largest.pid, largest.tgid)) AS was_largest,
       list(DISTINCT victim_comm ORDER BY victim_comm) AS victims
FROM incidents LEFT JOIN largest ON largest.incident_id = incidents.incident_id
WHERE trigger_comm IS NOT NULL
GROUP BY trigger_comm
ORDER BY incidents DESC, trigger_comm;
