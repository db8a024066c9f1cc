-- How often each verdict, and how much of it rests on a complete report
SELECT verdict, count(*) AS incidents, count(*) FILTER (complete) AS complete, min(incident_id) AS example
FROM incidents
GROUP BY verdict
ORDER BY incidents DESC, verdict;
