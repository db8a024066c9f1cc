-- Which kills have no whole report, because it was lost or dropped by the kernel's rate limiter?
-- incident_id  The incident
-- ts  Wall-clock time, UTC
-- host  Host name
-- victim_comm  Name of the first process killed
-- victim_pid  Its pid
-- missing  Parts of the report that were lost
-- report_suppressed  True: the rate limiter dropped the report
-- callbacks_suppressed  Reports that the rate limiter says it dropped, count
-- source  The log
-- line_start  First line in it, from 1
SELECT incident_id, ts, host, victim_comm, victim_pid, missing, report_suppressed, callbacks_suppressed, source, line_start
FROM incidents
WHERE NOT complete
ORDER BY ts DESC NULLS LAST, incident_id;
