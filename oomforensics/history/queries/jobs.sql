-- Which jobs of Slurm, Nomad, ECS, Yarn or HTCondor lost processes?
-- job_id  The job, allocation, task or application
-- job_scheduler  slurm, nomad, ecs, yarn or htcondor, where a control group tells it
-- hosts  Hosts that are named
-- kills  Kills that a killer's own lines show, count
-- only_claimed  Deaths that are only claimed, as by slurmstepd: count
-- comms  Names of the processes
-- last_ts  Wall-clock time of the last, UTC
SELECT deaths.job_id, any_value(job_scheduler) AS job_scheduler, list(DISTINCT deaths.host ORDER BY deaths.host) AS hosts,
       count(*) FILTER (mechanism IS NOT NULL) AS kills, count(*) FILTER (mechanism IS NULL) AS only_claimed,
       list(DISTINCT deaths.comm ORDER BY deaths.comm) FILTER (deaths.comm IS NOT NULL) AS comms, max(deaths.ts) AS last_ts
FROM deaths LEFT JOIN incidents ON incidents.incident_id = deaths.incident_id
WHERE deaths.job_id IS NOT NULL
GROUP BY deaths.job_id
ORDER BY kills + only_claimed DESC, deaths.job_id;
