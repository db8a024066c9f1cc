-- Which kills hit a process inside a container or unit while the rest of it went on?
-- incident_id  The incident
-- ts  Wall-clock time, UTC
-- host  Host name
-- place  Container, unit or control group whose limit was hit
-- victim_comm  Name of the first process killed
-- killed  Processes of the table that were killed, count
-- left_running  Processes of the table that were not, count
-- left_comms  Their names
-- Runtimes and Kubernetes restart a container when its first process dies; of such a kill they may say nothing.
SELECT incidents.incident_id, ts, host, place, victim_comm, count(*) FILTER (is_victim) AS killed,
       count(*) FILTER (NOT is_victim) AS left_running,
       list(DISTINCT comm ORDER BY comm) FILTER (NOT is_victim) AS left_comms
FROM incidents JOIN candidates ON candidates.incident_id = incidents.incident_id
WHERE scope = 'memcg' AND victim_pid IS NOT NULL
GROUP BY ALL
HAVING count(*) FILTER (NOT is_victim) > 0
ORDER BY ts DESC NULLS LAST, incidents.incident_id;
