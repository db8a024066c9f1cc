-- Which kernels have kills, and is their choice explained?
-- kernel_release  As uname -r; NULL: the report does not say
-- era  Range of kernels that score and select alike, docs/kernel-eras.md
-- incidents  Incidents, count
-- kills  Processes killed, count
-- hosts  Hosts that are named, count
-- not_explained  Incidents whose victim the kernel's rules do not give, count
-- last_ts  Wall-clock time of the last, UTC
SELECT kernel_release, era, count(*) AS incidents, coalesce(sum(kills), 0)::BIGINT AS kills, count(DISTINCT host) AS hosts,
       count(*) FILTER (verdict = 'not_explained') AS not_explained, max(ts) AS last_ts
FROM incidents
LEFT JOIN (SELECT incident_id, count(*) AS kills FROM kills GROUP BY incident_id) AS killed USING (incident_id)
GROUP BY kernel_release, era
ORDER BY incidents DESC, kernel_release, era;
