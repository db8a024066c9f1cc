-- Why did allocations fail?
-- cause  What was not there: as in allocations.cause
-- incidents  Incidents, count
-- hosts  Hosts that are named, count
-- largest_bytes  The largest request among them, bytes
-- last_ts  Wall-clock time of the last, UTC
-- example  One of the incidents
SELECT cause, count(*) AS incidents, count(DISTINCT host) AS hosts, max(request_bytes) AS largest_bytes, max(ts) AS last_ts,
       min(allocations.incident_id) AS example
FROM allocations JOIN incidents ON incidents.incident_id = allocations.incident_id
GROUP BY cause
ORDER BY incidents DESC, cause;
