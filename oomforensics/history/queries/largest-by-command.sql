-- How large did each command get, over all reports?
-- comm  Name of the process
-- incidents  Reports that show one of that name, count
-- largest_kb  Most resident memory and swap of one process, KiB
-- together_kb  Most resident memory and swap of all of that name in one report, KiB; shared pages count in each
-- processes  Most processes of that name in one report, count
-- killed  Processes of that name killed, count
-- incident_id  The incident with the largest, the last of such
-- ts  Its wall-clock time, UTC
-- host  Its host
WITH used AS (
    SELECT incident_id, ts, host, comm, is_victim,
           (rss_pages + coalesce(swapents_pages, 0)) * (page_size // 1024) AS used_kb
    FROM candidates JOIN incidents USING (incident_id)
    WHERE rss_pages IS NOT NULL
),
summed AS (
    SELECT comm, incident_id, any_value(ts) AS ts, any_value(host) AS host, max(used_kb) AS one_kb, sum(used_kb)::BIGINT AS all_kb,
           count(*) AS processes, count(*) FILTER (is_victim) AS killed
    FROM used GROUP BY comm, incident_id
)
SELECT comm, count(*) AS incidents, max(one_kb) AS largest_kb, max(all_kb) AS together_kb, max(processes) AS processes,
       sum(killed)::BIGINT AS killed, arg_max(incident_id, place) AS incident_id, arg_max_null(ts, place) AS ts,
       arg_max_null(host, place) AS host
FROM (SELECT *, (one_kb, coalesce(epoch(ts), 0), incident_id) AS place FROM summed)
GROUP BY comm
ORDER BY largest_kb DESC NULLS LAST, comm;
