-- Who is killed most often, and how large it was (KiB)
SELECT comm, count(*) AS kills, count(DISTINCT host) AS hosts, max(anon_rss_kb) AS largest_anon_rss_kb, max(kills.ts) AS last_killed
FROM kills JOIN incidents USING (incident_id)
GROUP BY comm
ORDER BY kills DESC, comm;
