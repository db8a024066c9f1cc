-- Schema 3. What the other files of a bundle say, and how uncertain a derived time is.

ALTER TABLE t_incidents ADD COLUMN ts_uncertainty_s DOUBLE;

CREATE TABLE t_bundle_facts (
    bundle  VARCHAR NOT NULL,                     -- folder or archive that the file lies in, as a path
    host    VARCHAR,
    boot_id VARCHAR,                              -- in which the bundle was collected
    kind    VARCHAR NOT NULL,
    name    VARCHAR NOT NULL,
    value   VARCHAR NOT NULL,
    source  VARCHAR NOT NULL,
    line    INTEGER
);

CREATE TABLE t_bundle_processes (
    bundle  VARCHAR NOT NULL,
    host    VARCHAR,
    boot_id VARCHAR,
    pid     BIGINT NOT NULL,
    ppid    BIGINT,
    uid     BIGINT,
    "user"  VARCHAR,
    comm    VARCHAR,
    cmdline VARCHAR NOT NULL,
    source  VARCHAR NOT NULL,
    line    INTEGER
);

CREATE TABLE t_bundle_containers (
    bundle       VARCHAR NOT NULL,
    host         VARCHAR,
    boot_id      VARCHAR,
    container_id VARCHAR NOT NULL,
    runtime      VARCHAR,
    name         VARCHAR,
    pod_uid      VARCHAR,
    pod          VARCHAR,
    namespace    VARCHAR,
    image        VARCHAR,
    source       VARCHAR NOT NULL,
    line         INTEGER
);
