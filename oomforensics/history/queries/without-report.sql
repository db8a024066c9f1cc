-- Kills whose report was lost or dropped by the kernel's rate limiter
SELECT incident_id, ts, host, victim_comm, victim_pid, missing, report_suppressed, callbacks_suppressed, source, line_start
FROM incidents
WHERE NOT complete
ORDER BY ts DESC NULLS LAST, incident_id;
