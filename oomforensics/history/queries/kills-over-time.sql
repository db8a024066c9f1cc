-- How many were killed over time, by host, place, unit, pod, kernel, name or mechanism?
-- $by = host  host, place, unit, pod, kernel, comm or mechanism
-- $bucket = day  hour, day, week, month or year
-- begins  Begin of the stretch of time, UTC; NULL: the log tells no wall-clock time
-- name  What `by` asks for; NULL: not known, for a place also the machine
-- kills  Processes, or control groups as a whole, that were killed: count
-- incidents  Runs of the kernel's OOM killer among them: count
SELECT date_trunc($bucket, deaths.ts) AS begins,
       CASE $by WHEN 'host' THEN deaths.host
                WHEN 'place' THEN place
                WHEN 'unit' THEN unit
                WHEN 'pod' THEN coalesce(pod_namespace || '/' || pod, deaths.name, deaths.pod_uid)
                WHEN 'kernel' THEN kernel_release
                WHEN 'comm' THEN deaths.comm
                WHEN 'mechanism' THEN mechanism
                ELSE error('by: host, place, unit, pod, kernel, comm or mechanism') END AS name,
       count(*) AS kills, count(DISTINCT deaths.incident_id) AS incidents
FROM deaths LEFT JOIN incidents ON incidents.incident_id = deaths.incident_id
GROUP BY ALL
ORDER BY begins DESC NULLS LAST, kills DESC, name NULLS LAST;
