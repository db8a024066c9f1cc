-- Kills by host and day
SELECT host, CAST(coalesce(kills.ts, incidents.ts) AS DATE) AS day, count(*) AS kills, count(DISTINCT incident_id) AS incidents
FROM kills JOIN incidents USING (incident_id)
GROUP BY ALL
ORDER BY day DESC NULLS LAST, kills DESC, host;
