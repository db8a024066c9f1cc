-- Where was much memory that belongs to no process?
-- $least = 25  percent of RAM, or of the limit, at least
-- incident_id  The incident
-- ts  Wall-clock time, UTC
-- host  Host name
-- place  Container, unit or control group; NULL: the machine
-- whole_kb  RAM, or the limit, KiB
-- outside_percent  Percent of it that the following make up
-- shmem_kb  Shared memory and tmpfs, KiB
-- kernel_kb  Slab, stacks, page tables and the like, KiB
-- hugetlb_kb  Pools of huge pages, KiB
-- unaccounted_kb  What is in no counter, KiB
WITH parts AS (
    SELECT incident_id, max(bytes) FILTER (parent IS NULL AND node <> 'swap') // 1024 AS whole_kb,
           max(bytes) FILTER (node = 'shmem') // 1024 AS shmem_kb, max(bytes) FILTER (node = 'kernel') // 1024 AS kernel_kb,
           max(bytes) FILTER (node = 'hugetlb') // 1024 AS hugetlb_kb,
           max(bytes) FILTER (node = 'unaccounted') // 1024 AS unaccounted_kb
    FROM memory_balance
    GROUP BY incident_id
),
shares AS (
    SELECT *, 100 * (coalesce(shmem_kb, 0) + coalesce(kernel_kb, 0) + coalesce(hugetlb_kb, 0) + coalesce(unaccounted_kb, 0))
              // nullif(whole_kb, 0) AS outside_percent
    FROM parts
)
SELECT incidents.incident_id, ts, host, place, whole_kb, outside_percent, shmem_kb, kernel_kb, hugetlb_kb, unaccounted_kb
FROM shares JOIN incidents ON incidents.incident_id = shares.incident_id
WHERE outside_percent >= $least::DOUBLE
ORDER BY outside_percent DESC, ts DESC NULLS LAST, incidents.incident_id;
