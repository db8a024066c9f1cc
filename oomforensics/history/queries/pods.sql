-- Which pods lost processes to the OOM killer, and what does Kubernetes say of it?
-- pod  namespace/pod; its UID where no list or witness names it
-- hosts  Hosts that are named
-- kills  Kills that a killer's own lines show, count
-- only_claimed  Deaths that are only claimed, by Kubernetes or a runtime: count
-- witnesses  Kinds of memory_events that speak of them
-- last_ts  Wall-clock time of the last, UTC
-- A kill that no witness speaks of may have hit a process inside while the container went on: see left-running.
WITH died AS (
    SELECT deaths.*, coalesce(pod_namespace || '/' || pod, regexp_extract(deaths.name, '^[^/]+/[^/]+')) AS full_name
    FROM deaths LEFT JOIN incidents ON incidents.incident_id = deaths.incident_id
    WHERE deaths.pod_uid IS NOT NULL OR contains(deaths.name, '/')
)
SELECT coalesce(max(full_name), any_value(pod_uid)) AS pod, coalesce(list(DISTINCT host ORDER BY host) FILTER (host IS NOT NULL), []) AS hosts,
       count(*) FILTER (mechanism IS NOT NULL) AS kills, count(*) FILTER (mechanism IS NULL) AS only_claimed,
       list_sort(list_distinct(flatten(list(witnesses)))) AS witnesses, max(ts) AS last_ts
FROM died
GROUP BY coalesce(pod_uid, full_name)
ORDER BY kills + only_claimed DESC, pod;
