-- Schema 6. What follows from all that the history knows of an incident: its own report, its bundle, its neighbours.
-- Derived rows are made again whenever their basis changes, so an older history gets them with its next ingest.

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
    line        BIGINT
);

CREATE TABLE t_allocations (
    incident_id    VARCHAR NOT NULL,
    cause          VARCHAR NOT NULL,
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
