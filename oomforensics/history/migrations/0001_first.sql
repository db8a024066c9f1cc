-- Schema 1. Base tables are named t_*; users and scripts read the views (views.sql), whose columns are the contract.
-- Units are in the names. NULL = not printed, lost or not known; 0 = the kernel said zero.
-- No primary keys: an incident's rows are replaced within one transaction, which DuckDB's indexes refuse (before 1.2
-- always, later for some shapes of update). save.py is the only writer and keeps incident_id unique.

CREATE TABLE t_incidents (
    incident_id          VARCHAR NOT NULL,
    host                 VARCHAR,
    boot_id              VARCHAR,
    ts                   TIMESTAMPTZ,
    ts_source            VARCHAR NOT NULL,
    uptime_s             DOUBLE,
    kernel_release       VARCHAR,
    era                  VARCHAR,
    era_certain          BOOLEAN,
    era_evidence         VARCHAR[],
    era_alternatives     VARCHAR[],
    page_size            INTEGER,
    page_size_source     VARCHAR,
    scope                VARCHAR NOT NULL,
    scope_inferred       BOOLEAN NOT NULL,
    constraint_raw       VARCHAR,
    oom_memcg            VARCHAR,
    task_memcg           VARCHAR,
    trigger_pid          BIGINT,
    trigger_comm         VARCHAR,
    gfp_mask             VARCHAR,
    alloc_order          INTEGER,
    totalpages           BIGINT,
    totalpages_exact     BOOLEAN,
    totalpages_min       BIGINT,
    totalpages_max       BIGINT,
    totalpages_source    VARCHAR,
    totalpages_arithmetic VARCHAR,
    selected_pid         BIGINT,
    selected_comm        VARCHAR,
    victim_pid           BIGINT,
    victim_comm          VARCHAR,
    victim_uid           BIGINT,
    printed_score        BIGINT,
    recomputed_score     BIGINT,
    score_note           VARCHAR,
    verdict              VARCHAR NOT NULL,
    verdict_text         VARCHAR NOT NULL,
    proof                VARCHAR[],
    evidence_lines       BIGINT[],
    caveats              VARCHAR[],
    era_agreement        VARCHAR,
    runner_up_pid        BIGINT,
    margin_pages         BIGINT,
    complete             BOOLEAN NOT NULL,
    missing              VARCHAR[] NOT NULL,
    outcomes             VARCHAR[] NOT NULL,      -- kinds: already_exiting, none_killable, panic_on_oom, …
    oom_group_path       VARCHAR,
    report_suppressed    BOOLEAN,                 -- the kernel's rate limiter dropped the report
    memory_usage_kb      BIGINT,                  -- of the memcg whose limit was hit
    memory_limit_kb      BIGINT,
    memory_failcnt       BIGINT,
    memsw_usage_kb       BIGINT,                  -- cgroup v1 memory+swap
    memsw_limit_kb       BIGINT,
    swap_usage_kb        BIGINT,                  -- cgroup v2 swap
    swap_limit_kb        BIGINT,
    total_swap_kb        BIGINT,                  -- of the machine, as the report prints it
    free_swap_kb         BIGINT,
    ram_pages            BIGINT,
    reserved_pages       BIGINT,
    meminfo              JSON,                    -- counters, nodes, zones, huge pages as printed
    memcg_stats          JSON,
    call_trace           VARCHAR[],
    hardware             VARCHAR,
    callbacks_suppressed BIGINT,
    source               VARCHAR NOT NULL,        -- that the analysis was made from
    line_start           BIGINT NOT NULL,
    line_end             BIGINT NOT NULL
);

-- Every source that shows the incident, with what it says of who and when: merging compares these, never the merged row.
CREATE TABLE t_incident_sources (
    incident_id VARCHAR NOT NULL,
    source      VARCHAR NOT NULL,
    line_start  BIGINT NOT NULL,
    line_end    BIGINT NOT NULL,
    host        VARCHAR,
    boot_id     VARCHAR,
    ts          TIMESTAMPTZ,
    ts_source   VARCHAR NOT NULL,
    uptime_s    DOUBLE,
    kill_ts     TIMESTAMPTZ,                      -- of the first kill line, as is kill_uptime_s
    kill_uptime_s DOUBLE,
    complete    BOOLEAN NOT NULL,
    candidates  BIGINT NOT NULL,
    kills       BIGINT NOT NULL,
    kill_keys   VARCHAR[] NOT NULL,
    occurrence  BIGINT NOT NULL,                  -- 0 = the first time that this source prints these words
    content     VARCHAR NOT NULL                  -- hash of the report's lines without their framing
);

-- Content hashes of kill lines: how the same event is recognised in another source.
CREATE TABLE t_kill_keys (
    kill_key    VARCHAR NOT NULL,
    incident_id VARCHAR NOT NULL
);

CREATE TABLE t_candidates (
    incident_id       VARCHAR NOT NULL,
    table_order       INTEGER NOT NULL,           -- position in the printed table, from 0
    pid               BIGINT,
    tgid              BIGINT,
    uid               BIGINT,
    comm              VARCHAR,
    total_vm_pages    BIGINT,
    rss_pages         BIGINT,
    rss_anon_pages    BIGINT,
    rss_file_pages    BIGINT,
    rss_shmem_pages   BIGINT,
    nr_ptes           BIGINT,
    nr_pmds           BIGINT,
    pgtables_bytes    BIGINT,
    swapents_pages    BIGINT,
    oom_adj           INTEGER,
    oom_score_adj     INTEGER,
    eligible          BOOLEAN,
    ineligible_reason VARCHAR,
    badness_pages     BIGINT,
    badness_min       BIGINT,
    badness_max       BIGINT,
    adj_pages         BIGINT,
    root_bonus_pages  BIGINT,
    points            BIGINT,
    proc_oom_score    BIGINT,
    rank              INTEGER,
    is_victim         BOOLEAN NOT NULL,
    arithmetic        VARCHAR,
    line              BIGINT
);

CREATE TABLE t_kills (
    incident_id   VARCHAR NOT NULL,
    pid           BIGINT,
    comm          VARCHAR,
    uid           BIGINT,
    total_vm_kb   BIGINT,
    anon_rss_kb   BIGINT,
    file_rss_kb   BIGINT,
    shmem_rss_kb  BIGINT,
    pgtables_kb   BIGINT,
    oom_score_adj INTEGER,
    reason        VARCHAR NOT NULL,
    reaped        BOOLEAN,
    ts            TIMESTAMPTZ,
    uptime_s      DOUBLE,
    message       VARCHAR,
    source        VARCHAR NOT NULL,               -- another than the incident's when only that one shows this kill
    line          BIGINT NOT NULL,
    kill_key      VARCHAR NOT NULL
);

-- The raw lines behind an incident, as its source has them without their framing.
CREATE TABLE t_report_lines (
    incident_id VARCHAR NOT NULL,
    seq         INTEGER NOT NULL,                 -- order in the report, from 0
    line        BIGINT NOT NULL,                  -- number in the incident's source, from 1
    kind        VARCHAR NOT NULL,
    text        VARCHAR NOT NULL
);

CREATE TABLE t_memory_events (
    kind        VARCHAR NOT NULL,
    ts          TIMESTAMPTZ,
    host        VARCHAR,
    pid         BIGINT,
    comm        VARCHAR,
    cgroup      VARCHAR,
    detail      JSON,
    source      VARCHAR NOT NULL,
    line        BIGINT,
    incident_id VARCHAR
);

CREATE TABLE t_findings (
    incident_id VARCHAR NOT NULL,
    finding     VARCHAR NOT NULL,
    severity    VARCHAR NOT NULL,
    text        VARCHAR NOT NULL,
    evidence    JSON,
    advice      VARCHAR
);

CREATE TABLE t_sources (
    source      VARCHAR NOT NULL,
    sha256      VARCHAR,
    size_bytes  BIGINT,
    framing     VARCHAR,
    records     BIGINT,
    ingested_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE t_source_problems (
    source   VARCHAR NOT NULL,
    sha256   VARCHAR,
    line     BIGINT,
    severity VARCHAR NOT NULL,
    reason   VARCHAR NOT NULL
);
