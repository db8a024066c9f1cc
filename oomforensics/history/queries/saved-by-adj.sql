-- In how many incidents would an oom_score_adj have saved the first choice, and who would have been chosen instead?
-- $comm = *  its name; * and ? stand for anything
-- $adj = -500  what every process of its name has instead of its own
-- comm  Name of the process
-- oom_score_adj  The value asked for
-- first_choice  Incidents in which one of that name was the kernel's first choice, count
-- saved  Of them, those in which none of that name would have been
-- not_known  Incidents that killed one and whose selection cannot be repeated, count
-- instead  Who would have been chosen, and in how many; NULL is nobody
-- Kernels up to 5.0 may kill a child of their first choice. All else stays as it was.
WITH chosen AS (
    SELECT incident_id, now.comm
    FROM incidents, oom_rank(incident_id) AS now
    WHERE now.rank = 1 AND (now.comm = $comm OR now.comm GLOB $comm)
), again AS (
    SELECT chosen.comm, now.comm AS instead, count(*) AS incidents
    FROM chosen
    LEFT JOIN LATERAL (
        FROM oom_rank(chosen.incident_id, name := chosen.comm, adj := $adj::INTEGER) WHERE rank = 1
    ) AS now ON true
    GROUP BY ALL
), counted AS (
    SELECT comm, sum(incidents)::BIGINT AS first_choice,
           coalesce(sum(incidents) FILTER (instead IS DISTINCT FROM comm), 0)::BIGINT AS saved,
           list({'comm': instead, 'incidents': incidents} ORDER BY incidents DESC, instead)
               FILTER (instead IS DISTINCT FROM comm) AS instead
    FROM again
    GROUP BY comm
), unknown AS (
    SELECT victim_comm AS comm, count(*) AS not_known
    FROM incidents JOIN selections USING (incident_id)
    WHERE refused IS NOT NULL AND (victim_comm = $comm OR victim_comm GLOB $comm)
    GROUP BY victim_comm
)
SELECT comm, $adj::INTEGER AS oom_score_adj, coalesce(first_choice, 0) AS first_choice, coalesce(saved, 0) AS saved,
       coalesce(not_known, 0) AS not_known, coalesce(instead, []) AS instead
FROM counted FULL JOIN unknown USING (comm)
ORDER BY first_choice + not_known DESC, comm;
