-- Schema 2. Memory events with every source that shows them, and who a control group is.

-- Nothing wrote into the table of schema 1.
DROP TABLE t_memory_events;

-- A row for each sighting; the view memory_events shows the best of each event.
CREATE TABLE t_memory_events (
    event_id     VARCHAR NOT NULL,
    event_key    VARCHAR NOT NULL,                -- hash of its words: how the same event is recognised in another source
    kind         VARCHAR NOT NULL,
    says         VARCHAR NOT NULL,                -- kill, claim, warning
    mechanism    VARCHAR,
    named        BOOLEAN NOT NULL,                -- its words name a process, a container or a job
    program      VARCHAR,
    host         VARCHAR,
    boot_id      VARCHAR,
    ts           TIMESTAMPTZ,
    ts_source    VARCHAR NOT NULL,
    uptime_us    BIGINT,
    pid          BIGINT,
    comm         VARCHAR,
    uid          BIGINT,
    cgroup       VARCHAR,
    unit         VARCHAR,
    container_id VARCHAR,
    pod_uid      VARCHAR,
    job_id       VARCHAR,
    detail       JSON,
    text         VARCHAR NOT NULL,
    source       VARCHAR NOT NULL,
    line         BIGINT NOT NULL
);

-- Every control group that an incident or an event names. Made by parsers/cgroup_identity.py: empty it in a migration
-- when that learns to read more.
CREATE TABLE t_cgroups (
    path              VARCHAR NOT NULL,
    container_runtime VARCHAR,
    container_id      VARCHAR,
    pod_uid           VARCHAR,
    pod_qos           VARCHAR,
    systemd_slice     VARCHAR,
    systemd_unit      VARCHAR,
    systemd_user_unit VARCHAR,
    login_uid         BIGINT,
    job_scheduler     VARCHAR,
    job_id            VARCHAR,
    job_step          VARCHAR
);
