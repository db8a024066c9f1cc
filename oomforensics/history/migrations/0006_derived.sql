-- Schema 6. What follows from all that the history knows of an incident: its own report, its bundle, its neighbours.
-- Derived rows are made again whenever their basis changes, so an older history gets them with its next ingest.

-- Which nodes the allocation might use, as printed, and the kernel memory of a cgroup. Of older rows: from their raw lines.
ALTER TABLE t_incidents ADD COLUMN nodemask VARCHAR;
ALTER TABLE t_incidents ADD COLUMN cpuset VARCHAR;
ALTER TABLE t_incidents ADD COLUMN mems_allowed VARCHAR;
ALTER TABLE t_incidents ADD COLUMN trigger_cpu INTEGER;
ALTER TABLE t_incidents ADD COLUMN kmem_usage_kb BIGINT;
ALTER TABLE t_incidents ADD COLUMN kmem_limit_kb BIGINT;
UPDATE t_incidents SET
    nodemask = found.nodemask, cpuset = found.cpuset, mems_allowed = found.mems_allowed, trigger_cpu = found.cpu,
    kmem_usage_kb = found.usage_kb, kmem_limit_kb = found.limit_kb
FROM (
    SELECT incident_id,
           max(nullif(regexp_extract(text, '[, ]nodemask=([^, ]*)', 1), '')) FILTER (kind IN ('summary', 'invoked')) AS nodemask,
           max(nullif(regexp_extract(text, '[, ]cpuset=(.*?)[, ]mems_allowed=[-0-9,]*', 1), ''))
               FILTER (kind IN ('summary', 'cpuset')) AS cpuset,
           max(nullif(rtrim(regexp_extract(text, '[, ]mems_allowed=([-0-9,]*)', 1), ','), ''))
               FILTER (kind IN ('summary', 'cpuset')) AS mems_allowed,
           max(TRY_CAST(regexp_extract(text, '^CPU: (\d+) ', 1) AS INTEGER)) FILTER (kind = 'stack') AS cpu,
           max(TRY_CAST(regexp_extract(text, '^kmem: usage (\d+)', 1) AS BIGINT)) FILTER (kind = 'memcg_usage') AS usage_kb,
           max(TRY_CAST(regexp_extract(text, '^kmem: usage .* limit (\d+)', 1) AS BIGINT)) FILTER (kind = 'memcg_usage') AS limit_kb
    FROM t_report_lines WHERE kind IN ('summary', 'invoked', 'cpuset', 'stack', 'memcg_usage') GROUP BY incident_id
) AS found
WHERE found.incident_id = t_incidents.incident_id;

CREATE TABLE t_derived (
    incident_id VARCHAR NOT NULL,
    basis       VARCHAR NOT NULL                  -- what the rows were made from; another basis: they are made again
);

CREATE TABLE t_memory_balance (
    incident_id VARCHAR NOT NULL,
    seq         INTEGER NOT NULL,                 -- order in the tree, parents before their children
    node        VARCHAR NOT NULL,
    parent      VARCHAR,
    label       VARCHAR NOT NULL,
    bytes       BIGINT,
    min_bytes   BIGINT,
    max_bytes   BIGINT,
    origin      VARCHAR NOT NULL,
    memcg       VARCHAR,
    line        BIGINT
);

CREATE TABLE t_allocations (
    incident_id    VARCHAR NOT NULL,
    cause          VARCHAR NOT NULL,
    also           VARCHAR[] NOT NULL,
    text           VARCHAR NOT NULL,
    gfp_flags      VARCHAR[],
    order_asked    INTEGER,
    request_bytes  BIGINT,
    migratetype    VARCHAR,
    highest_zone   VARCHAR,
    nodes          VARCHAR,
    limit_memcg    VARCHAR,
    balance_text   VARCHAR,
    notes          VARCHAR[] NOT NULL
);

CREATE TABLE t_allocation_zones (
    incident_id     VARCHAR NOT NULL,
    node            INTEGER,
    zone            VARCHAR NOT NULL,
    usable          BOOLEAN,
    reason          VARCHAR NOT NULL,
    managed_kb      BIGINT,
    free_kb         BIGINT,
    free_cma_kb     BIGINT,
    boost_kb        BIGINT,
    min_kb          BIGINT,
    low_kb          BIGINT,
    high_kb         BIGINT,
    reserve_kb      BIGINT,
    needed_kb       BIGINT,
    largest_free_kb BIGINT,
    line            BIGINT
);

ALTER TABLE t_findings ADD COLUMN confidence VARCHAR;
