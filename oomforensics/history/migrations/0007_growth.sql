-- Schema 7. Who grew before an incident. Both tables are made from others, anew for an incident when `made_of` says otherwise.

CREATE TABLE t_growth (
    incident_id     VARCHAR NOT NULL,
    seen_in         VARCHAR NOT NULL,             -- recording, reports
    kind            VARCHAR NOT NULL,             -- process, command, unit, cgroup, user, scope
    who             VARCHAR,
    pid             BIGINT,
    processes       BIGINT,
    start_bytes     BIGINT NOT NULL,
    end_bytes       BIGINT NOT NULL,
    from_s          DOUBLE NOT NULL,              -- this and all that follow: from the kill
    until_s         DOUBLE NOT NULL,
    onset_s         DOUBLE NOT NULL,
    slope           DOUBLE,                       -- bytes/s since onset_s
    slope_low       DOUBLE,
    slope_high      DOUBLE,
    shape           VARCHAR NOT NULL,
    change_points_s DOUBLE[] NOT NULL,
    share           DOUBLE,
    samples         BIGINT NOT NULL,
    source          VARCHAR
);

-- A row for each incident of which a recording or an earlier report might say something; `seen_in` is NULL where none does.
CREATE TABLE t_growth_verdicts (
    incident_id       VARCHAR NOT NULL,
    made_of           VARCHAR NOT NULL,           -- what it was made from: another value there makes it stale
    seen_in           VARCHAR,
    culprit           VARCHAR,
    culprit_kind      VARCHAR,
    culprit_pid       BIGINT,
    shape             VARCHAR,
    share             DOUBLE,
    total_bytes       BIGINT,
    left_bytes        BIGINT,
    from_s            DOUBLE,
    until_s           DOUBLE,
    inevitable_from_s DOUBLE,
    inevitable_low_s  DOUBLE,
    inevitable_high_s DOUBLE,
    text              VARCHAR,
    not_known         VARCHAR[]
);
