-- Incidents whose victim the kernel's rules do not give
SELECT incident_id, ts, host, kernel_release, era, victim_comm, victim_pid, verdict_text, source, line_start
FROM incidents
WHERE verdict = 'not_explained'
ORDER BY ts DESC NULLS LAST, incident_id;
