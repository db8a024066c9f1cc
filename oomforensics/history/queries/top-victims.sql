-- Who is killed most often, and how large was it?
-- comm  Name of the process
-- kills  Processes of that name that the kernel killed, count
-- incidents  Incidents in which it killed one, count
-- hosts  Hosts that are named, count
-- largest_anon_rss_kb  Most resident anonymous memory of one of them, KiB
-- last_ts  Wall-clock time of the last kill, UTC
SELECT comm, count(*) AS kills, count(DISTINCT incident_id) AS incidents, count(DISTINCT host) AS hosts,
       max(anon_rss_kb) AS largest_anon_rss_kb, max(kills.ts) AS last_ts
FROM kills JOIN incidents USING (incident_id)
GROUP BY comm
ORDER BY kills DESC, comm;
