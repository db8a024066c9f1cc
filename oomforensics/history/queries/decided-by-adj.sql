-- Incidents where oom_score_adj decided: without it, somebody else had the highest badness (pages)
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
