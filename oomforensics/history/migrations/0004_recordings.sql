-- Schema 4. What the live recorder saw. Times are microseconds of the boot's CLOCK_MONOTONIC.

CREATE TABLE t_segments (
    segment_id     VARCHAR NOT NULL,              -- of the boot and the moment in which the recorder began it
    source         VARCHAR NOT NULL,
    host           VARCHAR,
    boot_id        VARCHAR,
    kernel_release VARCHAR,
    page_size      INTEGER,
    interval_us    BIGINT,
    target         VARCHAR,
    began_us       BIGINT NOT NULL,
    ended_us       BIGINT NOT NULL,
    wall_offset_us BIGINT,                        -- clock on the wall minus CLOCK_MONOTONIC
    kmsg_offset_us BIGINT,                        -- CLOCK_MONOTONIC minus the kernel's stamps
    kmsg_spread_us BIGINT,
    watched        VARCHAR[] NOT NULL,
    missing        VARCHAR[] NOT NULL,
    notes          VARCHAR[] NOT NULL,
    torn_bytes     BIGINT NOT NULL,
    damaged_bytes  BIGINT NOT NULL,
    missing_frames BIGINT NOT NULL,
    undecodable_frames BIGINT NOT NULL
);

CREATE TABLE t_snapshots (
    segment_id VARCHAR NOT NULL,
    mono_us    BIGINT NOT NULL,
    took_us    BIGINT,
    planned_us BIGINT,
    reason     VARCHAR,
    known      BIGINT,
    unread     BIGINT,
    complete   BOOLEAN
);

CREATE TABLE t_process_samples (
    segment_id    VARCHAR NOT NULL,
    mono_us       BIGINT NOT NULL,
    pid           BIGINT NOT NULL,
    starttime     BIGINT NOT NULL,
    gone          BOOLEAN NOT NULL,
    vm_size_kb    BIGINT,
    rss_anon_kb   BIGINT,
    rss_file_kb   BIGINT,
    rss_shmem_kb  BIGINT,
    pgtables_kb   BIGINT,
    swap_kb       BIGINT,
    oom_score_adj BIGINT,
    oom_score     BIGINT
);

CREATE TABLE t_process_identities (
    segment_id VARCHAR NOT NULL,
    mono_us    BIGINT NOT NULL,
    pid        BIGINT NOT NULL,
    starttime  BIGINT NOT NULL,
    ppid       BIGINT,
    uid        BIGINT,
    comm       VARCHAR,
    cmdline    VARCHAR,
    cgroup     VARCHAR
);

CREATE TABLE t_cgroup_samples (
    segment_id       VARCHAR NOT NULL,
    mono_us          BIGINT NOT NULL,
    cgroup           VARCHAR NOT NULL,
    version          INTEGER NOT NULL,
    gone             BOOLEAN NOT NULL,
    usage_bytes      BIGINT,
    limit_bytes      BIGINT,
    swap_bytes       BIGINT,
    swap_limit_bytes BIGINT,
    anon_bytes       BIGINT,
    file_bytes       BIGINT,
    shmem_bytes      BIGINT,
    slab_bytes       BIGINT,
    oom_kill         BIGINT,
    under_oom        BOOLEAN
);

CREATE TABLE t_system_samples (
    segment_id         VARCHAR NOT NULL,
    mono_us            BIGINT NOT NULL,
    mem_total_kb       BIGINT,
    mem_free_kb        BIGINT,
    mem_available_kb   BIGINT,
    swap_total_kb      BIGINT,
    swap_free_kb       BIGINT,
    cached_kb          BIGINT,
    shmem_kb           BIGINT,
    anon_kb            BIGINT,
    slab_kb            BIGINT,
    sunreclaim_kb      BIGINT,
    pgtables_kb        BIGINT,
    committed_as_kb    BIGINT,
    oom_kill           BIGINT,
    pgmajfault         BIGINT,
    some_avg10_percent DOUBLE,
    full_avg10_percent DOUBLE
);
