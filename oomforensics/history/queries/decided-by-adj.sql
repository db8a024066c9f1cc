-- In which incidents did oom_score_adj decide? Without it, another would have had the highest badness
-- incident_id  The incident
-- ts  Wall-clock time, UTC
-- host  Host name
-- victim  Name of the process killed
-- victim_adj  Its oom_score_adj
-- victim_pages  Its badness without the share of oom_score_adj, pages
-- largest  Name of the process that has most of this
-- largest_adj  The oom_score_adj of that process
-- largest_pages  Its badness without the share of oom_score_adj, pages
WITH bare AS (
    SELECT incident_id, pid, comm, is_victim, oom_score_adj, badness_pages, badness_pages - adj_pages AS bare_pages
    FROM candidates
    WHERE eligible AND badness_pages IS NOT NULL AND adj_pages IS NOT NULL
)
SELECT victim.incident_id, incidents.ts, incidents.host, victim.comm AS victim, victim.oom_score_adj AS victim_adj,
       victim.bare_pages AS victim_pages, largest.comm AS largest, largest.oom_score_adj AS largest_adj,
       largest.bare_pages AS largest_pages
FROM bare AS victim
JOIN (SELECT * FROM bare QUALIFY row_number() OVER (PARTITION BY incident_id ORDER BY bare_pages DESC, pid) = 1) AS largest
    ON largest.incident_id = victim.incident_id
JOIN incidents ON incidents.incident_id = victim.incident_id
WHERE victim.is_victim AND victim.bare_pages < largest.bare_pages
ORDER BY incidents.ts DESC NULLS LAST, victim.incident_id;
