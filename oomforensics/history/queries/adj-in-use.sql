-- Which names run with an oom_score_adj, and what did it do to them?
-- comm  Name of the process
-- oom_score_adj  The value, -1000..1000, other than 0
-- incidents  Reports that show one of that name with it, count
-- killed  Of them, those in which such a one was killed
-- largest_and_lived  Those in which such a one had most memory and swap of all and was not killed
WITH rows AS (
    SELECT incident_id, comm, oom_score_adj, is_victim, row_number() OVER (
               PARTITION BY incident_id ORDER BY coalesce(rss_pages, 0) + coalesce(swapents_pages, 0) DESC, is_victim DESC, pid
           ) = 1 AS is_largest
    FROM candidates
)
SELECT comm, oom_score_adj, count(DISTINCT incident_id) AS incidents, count(DISTINCT incident_id) FILTER (is_victim) AS killed,
       count(DISTINCT incident_id) FILTER (is_largest AND NOT is_victim) AS largest_and_lived
FROM rows
WHERE oom_score_adj <> 0
GROUP BY comm, oom_score_adj
ORDER BY largest_and_lived DESC, killed DESC, incidents DESC, comm, oom_score_adj;
