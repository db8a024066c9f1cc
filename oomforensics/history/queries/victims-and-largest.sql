-- Are those who die those who have the memory? Each name: how often killed, how often largest
-- comm  Name of the process
-- incidents  Reports whose task table shows one of that name, count
-- killed  Of them, those in which one was killed
-- largest  Of them, those in which one had most memory and swap of all
-- largest_and_lived  Of these, those in which none of that name was killed
-- killed_not_largest  Those in which one was killed and another name was largest
WITH rows AS (
    SELECT incident_id, comm, is_victim, row_number() OVER (
               PARTITION BY incident_id ORDER BY coalesce(rss_pages, 0) + coalesce(swapents_pages, 0) DESC, is_victim DESC, pid
           ) = 1 AS is_largest
    FROM candidates
),
names AS (
    SELECT incident_id, comm, bool_or(is_victim) AS killed, bool_or(is_largest) AS largest FROM rows GROUP BY incident_id, comm
)
SELECT comm, count(*) AS incidents, count(*) FILTER (killed) AS killed, count(*) FILTER (largest) AS largest,
       count(*) FILTER (largest AND NOT killed) AS largest_and_lived, count(*) FILTER (killed AND NOT largest) AS killed_not_largest
FROM names
GROUP BY comm
HAVING bool_or(killed) OR bool_or(largest)
ORDER BY largest DESC, killed DESC, comm;
