-- How often is each verdict given, and how much of it rests on a complete report?
-- verdict  Why the victim was chosen, docs/verdicts.md
-- incidents  Incidents, count
-- complete  Of them, those whose report lost nothing that the verdict needs
-- example  One of them
SELECT verdict, count(*) AS incidents, count(*) FILTER (complete) AS complete, min(incident_id) AS example
FROM incidents
GROUP BY verdict
ORDER BY incidents DESC, verdict;
