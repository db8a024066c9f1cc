-- Which findings come again and again?
-- $severity = *  critical, warning or info; * and ? stand for anything
-- finding  Its name, as in docs/findings.md
-- severity  How much it matters
-- incidents  Incidents that have it, count
-- hosts  Hosts that are named, count
-- last_ts  Wall-clock time of the last, UTC
-- example  One of the incidents
SELECT finding, severity, count(DISTINCT findings.incident_id) AS incidents, count(DISTINCT host) AS hosts, max(ts) AS last_ts,
       min(findings.incident_id) AS example
FROM findings JOIN incidents ON incidents.incident_id = findings.incident_id
WHERE severity GLOB $severity
GROUP BY finding, severity
ORDER BY incidents DESC, finding;
