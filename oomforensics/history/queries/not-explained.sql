-- Which victims do the kernel's rules not give?
-- incident_id  The incident
-- ts  Wall-clock time, UTC
-- host  Host name
-- kernel_release  As uname -r
-- era  Range of kernels by whose rules it was judged
-- victim_comm  Name of the process killed
-- victim_pid  Its pid
-- verdict_text  What is known
-- source  The log
-- line_start  First line in it, from 1
SELECT incident_id, ts, host, kernel_release, era, victim_comm, victim_pid, verdict_text, source, line_start
FROM incidents
WHERE verdict = 'not_explained'
ORDER BY ts DESC NULLS LAST, incident_id;
