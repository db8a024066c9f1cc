-- Who was killed although another process was larger, and what decided?
-- incident_id  The incident
-- ts  Wall-clock time, UTC
-- host  Host name
-- victim  Name of the first process killed
-- victim_kb  Its resident memory and swap, KiB
-- largest  Name of the process that had most
-- largest_kb  Its resident memory and swap, KiB
-- decided  Why not the largest: it was not eligible, oom_score_adj, or the verdict
WITH sized AS (
    SELECT incident_id, pid, comm, is_victim, eligible, ineligible_reason, oom_score_adj,
           rss_pages + coalesce(swapents_pages, 0) AS used_pages
    FROM candidates
    WHERE rss_pages IS NOT NULL
),
largest AS (
    SELECT * FROM sized QUALIFY row_number() OVER (PARTITION BY incident_id ORDER BY used_pages DESC, is_victim DESC, pid) = 1
)
SELECT incidents.incident_id, incidents.ts, incidents.host, victim.comm AS victim,
       victim.used_pages * (page_size // 1024) AS victim_kb, largest.comm AS largest,
       largest.used_pages * (page_size // 1024) AS largest_kb,
       CASE WHEN NOT largest.eligible THEN 'not eligible: ' || largest.ineligible_reason
            WHEN victim.oom_score_adj <> largest.oom_score_adj AND verdict IN ('highest_badness', 'tie') THEN 'oom_score_adj'
            ELSE verdict END AS decided
FROM incidents
JOIN sized AS victim ON victim.incident_id = incidents.incident_id AND victim.pid = victim_pid
JOIN largest ON largest.incident_id = incidents.incident_id
WHERE victim.used_pages < largest.used_pages
ORDER BY incidents.ts DESC NULLS LAST, incidents.incident_id;
