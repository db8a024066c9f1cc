-- The contract: what users, scripts and reports read. The contract's columns come first, in its order and by its names.
-- Every column says what it means and in which unit (COMMENT ON); NULL = not printed, lost or not known.

CREATE OR REPLACE VIEW incidents AS
SELECT
    incident_id, host, boot_id, ts, ts_source, uptime_s, kernel_release, era, page_size, scope,
    scope_inferred, constraint_raw, oom_memcg, task_memcg, trigger_pid, trigger_comm, gfp_mask, alloc_order,
    totalpages, totalpages_source, victim_pid, victim_comm, victim_uid, printed_score, recomputed_score,
    verdict, verdict_text, complete, missing, source, line_start, line_end, era_certain, era_evidence,
    era_alternatives, era_agreement, page_size_source, totalpages_exact, totalpages_min, totalpages_max,
    totalpages_arithmetic, selected_pid, selected_comm, score_note, proof, evidence_lines, caveats,
    runner_up_pid, margin_pages, outcomes, oom_group_path, report_suppressed, memory_usage_kb,
    memory_limit_kb, memory_failcnt, memsw_usage_kb, memsw_limit_kb, swap_usage_kb, swap_limit_kb,
    total_swap_kb, free_swap_kb, ram_pages, reserved_pages, meminfo, memcg_stats, call_trace, hardware,
    callbacks_suppressed, container_runtime, container_id, pod_uid, pod_qos, systemd_slice, systemd_unit,
    systemd_user_unit, login_uid, job_scheduler, job_id, job_step,
    CASE WHEN ts_source IN ('boot-time-derived', 'pair-derived') THEN ts_uncertainty_s WHEN ts_source = 'syslog' THEN 1 END AS ts_uncertainty_s,
    container_name, container_image, coalesce(listed_pod, uid_pod) AS pod,
    coalesce(listed_namespace, uid_namespace) AS pod_namespace,
    -- A control group's path has another name each time for a pod, a container, a job, a session; the place has not.
    CASE WHEN scope <> 'global' THEN regexp_replace(regexp_replace(
        coalesce(
            coalesce(listed_namespace, uid_namespace) || '/' || container_name, container_name, systemd_user_unit, systemd_unit,
            oom_memcg, task_memcg
        ), 'pod[0-9a-f][0-9a-f_-]{30,35}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{12,64}', '*', 'g'),
        '(job_|session-|run-[up]?|container_(?:e[0-9]+_)?|app-.*-)[0-9*]+[0-9_]*(?:-i[0-9]+)?', '\1*', 'g')
    END AS place,
    nodemask, cpuset, mems_allowed, trigger_cpu, kmem_usage_kb, kmem_limit_kb
FROM t_incidents
LEFT JOIN t_cgroups ON path = coalesce(task_memcg, oom_memcg)
LEFT JOIN (
    SELECT whole_id, any_value(name ORDER BY place) AS container_name, any_value(image ORDER BY place) AS container_image,
           any_value(pod ORDER BY place) AS listed_pod, any_value(namespace ORDER BY place) AS listed_namespace
    FROM (
        -- `docker ps` and `crictl ps` cut ids off: what begins two of those that are known is nobody's.
        SELECT listed_id, any_value(whole_id) AS whole_id
        FROM (SELECT DISTINCT container_id AS whole_id FROM t_cgroups WHERE container_id IS NOT NULL)
        JOIN (SELECT DISTINCT container_id AS listed_id FROM t_bundle_containers)
          ON left(whole_id, 12) = left(listed_id, 12) AND starts_with(whole_id, listed_id)
        GROUP BY listed_id HAVING count(*) = 1
    )
    JOIN (
        SELECT container_id AS listed_id, name, image, pod, namespace, (-length(container_id), bundle, source, line) AS place
        FROM t_bundle_containers
    ) USING (listed_id)
    GROUP BY whole_id
) ON whole_id = container_id
LEFT JOIN (
    SELECT pod_uid AS listed_uid, any_value(pod) AS uid_pod, any_value(namespace) AS uid_namespace
    FROM t_bundle_containers WHERE pod_uid IS NOT NULL GROUP BY pod_uid
) ON listed_uid = pod_uid;

COMMENT ON VIEW incidents IS 'One run of the kernel''s OOM killer on one boot of one host, however many sources show it';
COMMENT ON COLUMN incidents.incident_id IS 'Name of the event: the same on every machine and from every source';
COMMENT ON COLUMN incidents.host IS 'Host name as the log gives it';
COMMENT ON COLUMN incidents.boot_id IS 'Boot, as journald names it';
COMMENT ON COLUMN incidents.ts IS 'Wall-clock time of the first line';
COMMENT ON COLUMN incidents.ts_source IS 'Where ts comes from: journald, syslog, syslog-year-inferred, dmesg-wallclock, pair-derived, boot-time-derived, none';
COMMENT ON COLUMN incidents.uptime_s IS 'Seconds since boot of the first line, by the kernel''s own stamp';
COMMENT ON COLUMN incidents.kernel_release IS 'Release of the running kernel (uname -r)';
COMMENT ON COLUMN incidents.era IS 'Range of kernels that score, select and print alike';
COMMENT ON COLUMN incidents.page_size IS 'Bytes in a page';
COMMENT ON COLUMN incidents.scope IS 'What ran out: global, memcg, cpuset, mempolicy, sysrq, unknown';
COMMENT ON COLUMN incidents.scope_inferred IS 'True: the report does not print the constraint, scope was concluded';
COMMENT ON COLUMN incidents.constraint_raw IS 'The constraint as printed (CONSTRAINT_…)';
COMMENT ON COLUMN incidents.oom_memcg IS 'Control group whose limit was hit';
COMMENT ON COLUMN incidents.task_memcg IS 'Control group of the victim';
COMMENT ON COLUMN incidents.trigger_pid IS 'Process whose allocation failed';
COMMENT ON COLUMN incidents.trigger_comm IS 'Name of that process';
COMMENT ON COLUMN incidents.gfp_mask IS 'Flags of the failed allocation, as printed';
COMMENT ON COLUMN incidents.alloc_order IS 'The failed allocation was 2^alloc_order pages; -1 = asked for by sysrq';
COMMENT ON COLUMN incidents.totalpages IS 'Pages that badness is a share of';
COMMENT ON COLUMN incidents.totalpages_source IS 'What totalpages is made of';
COMMENT ON COLUMN incidents.victim_pid IS 'The first process killed';
COMMENT ON COLUMN incidents.victim_comm IS 'Its name';
COMMENT ON COLUMN incidents.victim_uid IS 'Its user id';
COMMENT ON COLUMN incidents.printed_score IS 'Score that an old kernel printed, 0..1000 or that kernel''s own scale';
COMMENT ON COLUMN incidents.recomputed_score IS 'The same score by our arithmetic';
COMMENT ON COLUMN incidents.verdict IS 'Why the victim was chosen, in one word';
COMMENT ON COLUMN incidents.verdict_text IS 'The same in a sentence';
COMMENT ON COLUMN incidents.complete IS 'True: the report lost nothing that the verdict needs';
COMMENT ON COLUMN incidents.missing IS 'Parts of the report that were lost';
COMMENT ON COLUMN incidents.source IS 'Source that the analysis was made from';
COMMENT ON COLUMN incidents.line_start IS 'First line of the report in source, from 1';
COMMENT ON COLUMN incidents.line_end IS 'Last line of the report in source';
COMMENT ON COLUMN incidents.era_certain IS 'True: only one era fits the text';
COMMENT ON COLUMN incidents.era_evidence IS 'What in the text says which era';
COMMENT ON COLUMN incidents.era_alternatives IS 'Other eras that the text allows';
COMMENT ON COLUMN incidents.era_agreement IS 'Whether other eras would give the same victim';
COMMENT ON COLUMN incidents.page_size_source IS 'How page_size is known';
COMMENT ON COLUMN incidents.totalpages_exact IS 'False: something in totalpages was assumed';
COMMENT ON COLUMN incidents.totalpages_min IS 'Least that totalpages can be, pages';
COMMENT ON COLUMN incidents.totalpages_max IS 'Most that totalpages can be, pages';
COMMENT ON COLUMN incidents.totalpages_arithmetic IS 'The sum behind totalpages';
COMMENT ON COLUMN incidents.selected_pid IS 'Process that the kernel chose; its kill line may be lost';
COMMENT ON COLUMN incidents.selected_comm IS 'Name of that process';
COMMENT ON COLUMN incidents.score_note IS 'How printed_score and recomputed_score compare';
COMMENT ON COLUMN incidents.proof IS 'The arithmetic of the verdict, line by line';
COMMENT ON COLUMN incidents.evidence_lines IS 'Lines of source that the verdict rests on';
COMMENT ON COLUMN incidents.caveats IS 'What was assumed, and what would change the answer';
COMMENT ON COLUMN incidents.runner_up_pid IS 'Process that would have been next';
COMMENT ON COLUMN incidents.margin_pages IS 'Badness of the victim minus that of the runner-up, pages';
COMMENT ON COLUMN incidents.outcomes IS 'What else the run ended with: already_exiting, none_killable, panic_on_oom, panic_deadlock, would_have_killed';
COMMENT ON COLUMN incidents.oom_group_path IS 'Control group that memory.oom.group killed as a whole';
COMMENT ON COLUMN incidents.report_suppressed IS 'True: the kernel''s rate limiter dropped the report';
COMMENT ON COLUMN incidents.memory_usage_kb IS 'memory: usage of oom_memcg, KiB';
COMMENT ON COLUMN incidents.memory_limit_kb IS 'memory: limit of oom_memcg, KiB';
COMMENT ON COLUMN incidents.memory_failcnt IS 'memory: failed charges of oom_memcg, count';
COMMENT ON COLUMN incidents.memsw_usage_kb IS 'memory+swap: usage (cgroup v1), KiB';
COMMENT ON COLUMN incidents.memsw_limit_kb IS 'memory+swap: limit (cgroup v1), KiB';
COMMENT ON COLUMN incidents.swap_usage_kb IS 'swap: usage (cgroup v2), KiB';
COMMENT ON COLUMN incidents.swap_limit_kb IS 'swap: limit (cgroup v2), KiB';
COMMENT ON COLUMN incidents.total_swap_kb IS 'Swap of the machine, KiB';
COMMENT ON COLUMN incidents.free_swap_kb IS 'Free swap of the machine, KiB';
COMMENT ON COLUMN incidents.ram_pages IS 'RAM of the machine, pages';
COMMENT ON COLUMN incidents.reserved_pages IS 'RAM that the kernel keeps to itself, pages';
COMMENT ON COLUMN incidents.meminfo IS 'Mem-Info as printed: counters in pages, nodes and zones in KiB';
COMMENT ON COLUMN incidents.memcg_stats IS 'Statistics of the control groups as printed; unit says kB or bytes';
COMMENT ON COLUMN incidents.call_trace IS 'Functions on the stack, innermost first';
COMMENT ON COLUMN incidents.hardware IS 'Machine, as the stack header names it';
COMMENT ON COLUMN incidents.callbacks_suppressed IS 'Reports that the rate limiter says it dropped, count';
COMMENT ON COLUMN incidents.container_runtime IS 'docker, podman, containerd, cri-o, lxc, systemd-nspawn or libvirt, from task_memcg, or oom_memcg where that is not printed';
COMMENT ON COLUMN incidents.container_id IS 'Container; for lxc, systemd-nspawn and libvirt its name, from the same path';
COMMENT ON COLUMN incidents.pod_uid IS 'Kubernetes pod, from the same path';
COMMENT ON COLUMN incidents.pod_qos IS 'Guaranteed, Burstable or BestEffort, from the same path';
COMMENT ON COLUMN incidents.systemd_slice IS 'Innermost slice of the system''s manager, from the same path';
COMMENT ON COLUMN incidents.systemd_unit IS 'Innermost unit of the system''s manager, from the same path';
COMMENT ON COLUMN incidents.systemd_user_unit IS 'Innermost unit of a user''s manager, from the same path';
COMMENT ON COLUMN incidents.login_uid IS 'User id of the user''s slice or manager, from the same path';
COMMENT ON COLUMN incidents.job_scheduler IS 'slurm, htcondor, nomad, ecs or yarn, from the same path';
COMMENT ON COLUMN incidents.job_id IS 'Slurm job, Nomad allocation, ECS task or Yarn application, from the same path';
COMMENT ON COLUMN incidents.job_step IS 'Slurm step, Nomad task, Yarn container or HTCondor slot, from the same path';
COMMENT ON COLUMN incidents.ts_uncertainty_s IS 'Seconds by which ts may be wrong; NULL: not known. A time derived from the boot''s begin does not count sleep (suspend): it may be too early. Of one derived from pairs, it holds how much their offsets vary';
COMMENT ON COLUMN incidents.container_name IS 'Name of the container, by a list of containers in a bundle';
COMMENT ON COLUMN incidents.container_image IS 'Its image';
COMMENT ON COLUMN incidents.pod IS 'Name of the pod';
COMMENT ON COLUMN incidents.pod_namespace IS 'Kubernetes namespace of the pod';
COMMENT ON COLUMN incidents.place IS 'What ran out, by the name that stays: namespace/container, container, unit, or control group with * for ids; NULL: the machine, or not known';
COMMENT ON COLUMN incidents.nodemask IS 'Nodes that the allocation''s memory policy allowed, as printed; (null): it set none';
COMMENT ON COLUMN incidents.cpuset IS 'cpuset of the process whose allocation failed; up to 4.20 its name without its path';
COMMENT ON COLUMN incidents.mems_allowed IS 'Nodes that this cpuset allowed, as a list';
COMMENT ON COLUMN incidents.trigger_cpu IS 'CPU that the allocation was made on, from 0';
COMMENT ON COLUMN incidents.kmem_usage_kb IS 'kmem: kernel memory of oom_memcg (cgroup v1, and v2 up to 5.2), KiB';
COMMENT ON COLUMN incidents.kmem_limit_kb IS 'kmem: its limit, KiB';

CREATE OR REPLACE VIEW candidates AS
SELECT
    incident_id, pid, tgid, uid, comm, total_vm_pages, rss_pages, rss_anon_pages, rss_file_pages,
    rss_shmem_pages, pgtables_bytes, swapents_pages, oom_score_adj, eligible, ineligible_reason,
    badness_pages, points, proc_oom_score, rank, is_victim, table_order, nr_ptes, nr_pmds, oom_adj,
    badness_min, badness_max, adj_pages, root_bonus_pages, arithmetic, line
FROM t_candidates;

COMMENT ON VIEW candidates IS 'A row of the kernel''s task table, with what the kernel would have made of it';
COMMENT ON COLUMN candidates.incident_id IS 'Incident that it belongs to';
COMMENT ON COLUMN candidates.pid IS 'Process id';
COMMENT ON COLUMN candidates.tgid IS 'Thread group id';
COMMENT ON COLUMN candidates.uid IS 'User id';
COMMENT ON COLUMN candidates.comm IS 'Name, as the kernel keeps it (15 bytes)';
COMMENT ON COLUMN candidates.total_vm_pages IS 'Address space, pages';
COMMENT ON COLUMN candidates.rss_pages IS 'Resident memory, pages';
COMMENT ON COLUMN candidates.rss_anon_pages IS 'Resident anonymous memory, pages (6.8 and later)';
COMMENT ON COLUMN candidates.rss_file_pages IS 'Resident file pages, pages (6.8 and later)';
COMMENT ON COLUMN candidates.rss_shmem_pages IS 'Resident shared memory, pages (6.8 and later)';
COMMENT ON COLUMN candidates.pgtables_bytes IS 'Page tables, bytes (4.15 and later)';
COMMENT ON COLUMN candidates.swapents_pages IS 'Swapped out, pages';
COMMENT ON COLUMN candidates.oom_score_adj IS '-1000..1000 (2.6.36 and later)';
COMMENT ON COLUMN candidates.eligible IS 'True: the kernel could choose it';
COMMENT ON COLUMN candidates.ineligible_reason IS 'Why not: oom_score_adj_min, global_init, already_killed, vfork_child';
COMMENT ON COLUMN candidates.badness_pages IS 'oom_badness() of that era, pages; thousandths of totalpages before 3.5';
COMMENT ON COLUMN candidates.points IS 'Thousandths of totalpages after oom_score_adj, by that era''s arithmetic';
COMMENT ON COLUMN candidates.proc_oom_score IS 'What /proc/PID/oom_score showed on that kernel';
COMMENT ON COLUMN candidates.rank IS '1 = first choice';
COMMENT ON COLUMN candidates.is_victim IS 'True: it was killed';
COMMENT ON COLUMN candidates.table_order IS 'Position in the printed table, from 0';
COMMENT ON COLUMN candidates.nr_ptes IS 'Page-table pages, count (up to 4.14)';
COMMENT ON COLUMN candidates.nr_pmds IS 'Pages of page middle directories, count (4.1 to 4.14)';
COMMENT ON COLUMN candidates.oom_adj IS '-17..15 (before 2.6.36)';
COMMENT ON COLUMN candidates.badness_min IS 'Least that badness can be, pages';
COMMENT ON COLUMN candidates.badness_max IS 'Most that badness can be, pages';
COMMENT ON COLUMN candidates.adj_pages IS 'Share of oom_score_adj in badness, pages';
COMMENT ON COLUMN candidates.root_bonus_pages IS 'Taken off for CAP_SYS_ADMIN, if assumed, pages (2.6.36 to 4.16)';
COMMENT ON COLUMN candidates.arithmetic IS 'The sum behind badness';
COMMENT ON COLUMN candidates.line IS 'Line of the row in the incident''s source';

CREATE OR REPLACE VIEW kills AS
SELECT
    incident_id, pid, comm, uid, total_vm_kb, anon_rss_kb, file_rss_kb, shmem_rss_kb, pgtables_kb,
    oom_score_adj, reason, reaped, line, message, ts, uptime_s, source, seq
FROM t_kills;

COMMENT ON VIEW kills IS 'A process that the kernel says it killed';
COMMENT ON COLUMN kills.incident_id IS 'Incident that it belongs to';
COMMENT ON COLUMN kills.pid IS 'Process id';
COMMENT ON COLUMN kills.comm IS 'Name';
COMMENT ON COLUMN kills.uid IS 'User id';
COMMENT ON COLUMN kills.total_vm_kb IS 'Address space, KiB';
COMMENT ON COLUMN kills.anon_rss_kb IS 'Resident anonymous memory, KiB';
COMMENT ON COLUMN kills.file_rss_kb IS 'Resident file pages, KiB';
COMMENT ON COLUMN kills.shmem_rss_kb IS 'Resident shared memory, KiB';
COMMENT ON COLUMN kills.pgtables_kb IS 'Page tables, KiB';
COMMENT ON COLUMN kills.oom_score_adj IS '-1000..1000';
COMMENT ON COLUMN kills.reason IS 'victim, oom_group or shared_mm';
COMMENT ON COLUMN kills.reaped IS 'True: the oom_reaper freed its memory; NULL: it says nothing';
COMMENT ON COLUMN kills.line IS 'Line of the kill in source';
COMMENT ON COLUMN kills.message IS 'What ran out, in the kernel''s words';
COMMENT ON COLUMN kills.ts IS 'Wall-clock time of the kill line';
COMMENT ON COLUMN kills.uptime_s IS 'Seconds since boot of the kill line';
COMMENT ON COLUMN kills.source IS 'Source that shows the kill';
COMMENT ON COLUMN kills.seq IS 'Order in the incident, from 0';

CREATE OR REPLACE VIEW report_lines AS
SELECT
    incident_id, seq, line, kind, text
FROM t_report_lines;

COMMENT ON VIEW report_lines IS 'The raw lines behind an incident, without their framing';
COMMENT ON COLUMN report_lines.incident_id IS 'Incident that it belongs to';
COMMENT ON COLUMN report_lines.seq IS 'Order in the report, from 0';
COMMENT ON COLUMN report_lines.line IS 'Line in the incident''s source, from 1';
COMMENT ON COLUMN report_lines.kind IS 'What the grammar took it for; unknown lines are kept too';
COMMENT ON COLUMN report_lines.text IS 'The line';

-- An event belongs to the incident that killed the process, the control group or, where the kernel printed neither, at the
-- time that it is about. Found anew with each look, so that it does not matter which was read first.
CREATE OR REPLACE VIEW memory_events AS
WITH best AS (
    SELECT *, uptime_us / 1e6 AS uptime_s, count(*) OVER (PARTITION BY event_id) AS sightings,
           ts_source IN ('journald', 'syslog') AS good_clock
    FROM t_memory_events
    QUALIFY row_number() OVER (
        PARTITION BY event_id
        ORDER BY list_position(['journald', 'syslog', 'syslog-year-inferred', 'dmesg-wallclock', 'pair-derived', 'boot-time-derived', 'none'],
                               ts_source), source, line
    ) = 1
),
cases AS (
    SELECT incident_id, lower(split_part(host, '.', 1)) AS label, boot_id, ts, ts_source IN ('journald', 'syslog') AS good_clock,
           uptime_s, task_memcg, oom_memcg
    FROM t_incidents
),
case_keys AS (
    SELECT DISTINCT incident_id, unnest([
        'cgroup ' || path, 'container ' || container_id[:20], 'pod ' || pod_uid, 'unit ' || systemd_unit,
        'unit ' || systemd_user_unit, 'job ' || job_id
    ]) AS key
    FROM (SELECT incident_id, task_memcg AS path FROM cases UNION SELECT incident_id, oom_memcg FROM cases)
    JOIN t_cgroups USING (path)
),
event_keys AS (
    SELECT event_id, unnest([
        'cgroup ' || cgroup, 'container ' || container_id[:20], CASE WHEN container_id IS NULL THEN 'pod ' || pod_uid END,
        'unit ' || unit, 'job ' || job_id
    ]) AS key
    FROM best WHERE says = 'claim' AND coalesce(mechanism, 'kernel') = 'kernel'
),
pairs AS (
    SELECT event_id, kills.incident_id, 1 AS strength, kills.ts, kills.uptime_s, kills.comm = best.comm AS same_name
    FROM best JOIN t_kills AS kills ON kills.pid = best.pid
    WHERE best.comm IS NULL OR kills.comm IS NULL OR starts_with(best.comm, kills.comm) OR starts_with(kills.comm, best.comm)
    UNION ALL
    SELECT event_id, shown.incident_id, 2, NULL, NULL, true
    FROM best JOIN t_incident_sources AS shown
      ON shown.source = best.source AND best.line BETWEEN shown.line_start AND shown.line_end
    WHERE kind IN ('oom_panic', 'oom_reaper_failure')
    UNION ALL
    SELECT event_id, incident_id, 3, NULL, NULL, starts_with(key, 'container') OR starts_with(key, 'job')
    FROM event_keys JOIN case_keys USING (key)
    UNION ALL
    SELECT event_id, incident_id, 4, NULL, NULL, false
    FROM best JOIN cases ON cases.label = lower(split_part(best.host, '.', 1)) AND cases.ts IS NOT NULL
     AND best.ts BETWEEN cases.ts - INTERVAL 2 SECOND AND cases.ts + INTERVAL 10 SECOND
    WHERE says = 'claim' AND coalesce(mechanism, 'kernel') = 'kernel' AND best.pid IS NULL
      AND task_memcg IS NULL AND oom_memcg IS NULL
),
timed AS (
    SELECT event_id, incident_id, strength, same_name, best.kind, best.good_clock AND cases.good_clock AS good_clocks,
           CASE
               WHEN best.boot_id = cases.boot_id AND best.uptime_s IS NOT NULL AND coalesce(pairs.uptime_s, cases.uptime_s) IS NOT NULL
               THEN best.uptime_s - coalesce(pairs.uptime_s, cases.uptime_s)
               WHEN best.ts IS NOT NULL AND coalesce(pairs.ts, cases.ts) IS NOT NULL
               THEN epoch(best.ts) - epoch(coalesce(pairs.ts, cases.ts))
               ELSE best.uptime_s - coalesce(pairs.uptime_s, cases.uptime_s)
           END AS later_s
    FROM pairs JOIN best USING (event_id) JOIN cases USING (incident_id)
    WHERE (best.host IS NULL OR label IS NULL OR label = lower(split_part(best.host, '.', 1)))
      AND (best.boot_id IS NULL OR cases.boot_id IS NULL OR best.boot_id = cases.boot_id)
),
ties AS (
    SELECT event_id, incident_id, ['pid', 'line', 'cgroup', 'time'][strength] AS tied_by
    FROM timed
    WHERE CASE strength
              WHEN 1 THEN abs(later_s) <= 120 OR (later_s IS NULL AND same_name)
                       OR (NOT good_clocks AND same_name AND abs(later_s) < 129600)
              WHEN 3 THEN later_s BETWEEN -5 AND 120 OR (same_name AND (later_s IS NULL
                       OR (NOT good_clocks AND abs(later_s) < 129600) OR (kind = 'slurm_oom' AND later_s BETWEEN -5 AND 86400)))
              ELSE true
          END
    QUALIFY row_number() OVER (PARTITION BY event_id ORDER BY strength, abs(later_s) NULLS LAST, incident_id) = 1
)
SELECT
    kind, ts, host, pid, comm, cgroup, detail, source, line, incident_id, tied_by, says, mechanism, program, uid, unit,
    container_id, pod_uid, job_id, ts_source, uptime_s, boot_id, text, sightings, event_id
FROM best LEFT JOIN ties USING (event_id);

COMMENT ON VIEW memory_events IS 'Kills, claims and warnings by others than the kernel''s OOM killer';
COMMENT ON COLUMN memory_events.kind IS 'systemd_oomd_kill, earlyoom_kill, page_allocation_failure, …';
COMMENT ON COLUMN memory_events.ts IS 'Wall-clock time';
COMMENT ON COLUMN memory_events.host IS 'Host name';
COMMENT ON COLUMN memory_events.pid IS 'Process it is about';
COMMENT ON COLUMN memory_events.comm IS 'Name of that process';
COMMENT ON COLUMN memory_events.cgroup IS 'Control group it is about';
COMMENT ON COLUMN memory_events.detail IS 'What else the line says';
COMMENT ON COLUMN memory_events.source IS 'Source that shows it best';
COMMENT ON COLUMN memory_events.line IS 'Line in source';
COMMENT ON COLUMN memory_events.incident_id IS 'Incident that it belongs to, if any';
COMMENT ON COLUMN memory_events.tied_by IS 'What ties it to the incident: pid, line, cgroup, or the time alone';
COMMENT ON COLUMN memory_events.says IS 'kill: its writer killed; claim: its writer says that another did; warning: nobody died of this alone';
COMMENT ON COLUMN memory_events.mechanism IS 'Who killed, or is said to have: kernel, systemd-oomd, earlyoom, nohang, oomd, lowmemorykiller, lmkd, slurm';
COMMENT ON COLUMN memory_events.program IS 'Program that wrote it, as far as the log says';
COMMENT ON COLUMN memory_events.uid IS 'User id of the process';
COMMENT ON COLUMN memory_events.unit IS 'systemd unit it is about';
COMMENT ON COLUMN memory_events.container_id IS 'Container it is about; conmon prints the first 20 characters';
COMMENT ON COLUMN memory_events.pod_uid IS 'Kubernetes pod it is about';
COMMENT ON COLUMN memory_events.job_id IS 'Job it is about';
COMMENT ON COLUMN memory_events.ts_source IS 'Where ts comes from';
COMMENT ON COLUMN memory_events.uptime_s IS 'Seconds since boot';
COMMENT ON COLUMN memory_events.boot_id IS 'Boot, as journald names it';
COMMENT ON COLUMN memory_events.text IS 'Its first line';
COMMENT ON COLUMN memory_events.sightings IS 'Lines in all sources that show it, count';
COMMENT ON COLUMN memory_events.event_id IS 'Name of the event in this history';

-- Claims about one container, unit, job or process within two minutes of each other are about one death; so are the SIGTERM
-- and the SIGKILL to one process. Where the claims share nothing, they stay apart.
CREATE OR REPLACE VIEW deaths AS
WITH events AS MATERIALIZED (
    SELECT *, coalesce(lower(split_part(host, '.', 1)), '') AS label, coalesce(epoch(ts), uptime_s) AS moment_s,
           coalesce((detail->>'$.namespace') || '/', '') || (detail->>'$.pod') || coalesce('/' || (detail->>'$.container'), '') AS pod,
           coalesce(pod, detail->>'$.container', detail->>'$.name', detail->>'$.slot', detail->>'$.node') AS name,
           coalesce('container ' || container_id[:20], 'unit ' || unit, 'job ' || job_id, 'cgroup ' || cgroup, 'pod ' || pod,
                    'pid ' || pid || ' ' || coalesce(comm, ''), 'event ' || event_id) AS subject
    FROM memory_events WHERE says <> 'warning'
),
runs AS (
    SELECT *, sum(starts) OVER (PARTITION BY says, label, subject ORDER BY moment_s, event_id) AS run
    FROM (
        SELECT *, CASE WHEN moment_s - lag(moment_s) OVER same <= 120 OR (moment_s IS NULL AND lag(event_id) OVER same IS NOT NULL)
                       THEN 0 ELSE 1 END AS starts
        FROM events WHERE incident_id IS NULL
        WINDOW same AS (PARTITION BY says, label, subject, moment_s IS NULL ORDER BY moment_s, event_id)
    )
),
groups AS (
    SELECT says, label, subject, run, min(moment_s) AS first_s, max(moment_s) AS last_s, arg_min(event_id, (moment_s, event_id)) AS first,
           max(mechanism) AS mechanism, list(DISTINCT kind ORDER BY kind) AS kinds
    FROM runs GROUP BY ALL
),
supported AS (
    SELECT killed.first, claimed.first AS claim, claimed.kinds
    FROM groups AS killed JOIN groups AS claimed USING (label, subject)
    WHERE killed.says = 'kill' AND claimed.says = 'claim' AND coalesce(claimed.mechanism, killed.mechanism) = killed.mechanism
      AND coalesce(claimed.first_s - killed.last_s <= 120 AND killed.first_s - claimed.last_s <= 5, killed.first_s IS NULL)
),
witnesses AS (
    SELECT incident_id, pid, list(DISTINCT kind ORDER BY kind) AS kinds, max(name) AS name
    FROM events WHERE incident_id IS NOT NULL GROUP BY ALL
),
said AS (
    SELECT incident_id, any_value(kinds) FILTER (pid IS NULL) AS kinds, max(name) AS name FROM witnesses GROUP BY incident_id
)
SELECT
    kills.ts, incidents.host, kills.pid, kills.comm, 'kernel' AS mechanism,
    CASE WHEN list_contains(missing, 'report') THEN 'kill line' ELSE 'report' END AS evidence,
    list_sort(list_distinct(list_concat(coalesce(said.kinds, []), coalesce(own.kinds, [])))) AS witnesses,
    kills.incident_id, coalesce(task_memcg, oom_memcg) AS cgroup, coalesce(systemd_user_unit, systemd_unit) AS unit, container_id,
    pod_uid, job_id, kills.uptime_s, kills.source, kills.line, said.name
FROM kills
JOIN incidents USING (incident_id)
LEFT JOIN said USING (incident_id)
LEFT JOIN witnesses AS own ON own.incident_id = kills.incident_id AND own.pid = kills.pid
UNION ALL
SELECT
    ts, host, pid, comm, groups.mechanism, 'own line',
    list_sort(list_distinct(list_concat(groups.kinds, coalesce(claims.kinds, [])))), NULL, cgroup, unit, container_id, pod_uid,
    job_id, uptime_s, source, line, name
FROM groups JOIN events ON event_id = first
LEFT JOIN (SELECT first, flatten(list(kinds)) AS kinds FROM supported GROUP BY first) AS claims USING (first)
WHERE groups.says = 'kill'
UNION ALL
SELECT
    ts, host, pid, comm, NULL, coalesce('claim: ' || groups.mechanism, 'claim'), groups.kinds, NULL, cgroup, unit, container_id,
    pod_uid, job_id, uptime_s, source, line, name
FROM groups JOIN events ON event_id = first
WHERE groups.says = 'claim' AND first NOT IN (SELECT claim FROM supported);

COMMENT ON VIEW deaths IS 'Each process, or control group, that was killed for want of memory, and by which mechanism';
COMMENT ON COLUMN deaths.ts IS 'Wall-clock time';
COMMENT ON COLUMN deaths.host IS 'Host name';
COMMENT ON COLUMN deaths.pid IS 'Process; NULL: a control group as a whole, or not said';
COMMENT ON COLUMN deaths.comm IS 'Its name';
COMMENT ON COLUMN deaths.mechanism IS 'kernel, systemd-oomd, earlyoom, nohang, oomd, lowmemorykiller, lmkd, slurm; NULL: nobody''s own word, only claims';
COMMENT ON COLUMN deaths.evidence IS 'report or kill line of the kernel; own line of another killer; claim: … = only claims, and whom they name';
COMMENT ON COLUMN deaths.witnesses IS 'Kinds of memory_events that speak of it';
COMMENT ON COLUMN deaths.incident_id IS 'Incident, if the kernel killed';
COMMENT ON COLUMN deaths.cgroup IS 'Control group';
COMMENT ON COLUMN deaths.unit IS 'systemd unit';
COMMENT ON COLUMN deaths.container_id IS 'Container';
COMMENT ON COLUMN deaths.pod_uid IS 'Kubernetes pod';
COMMENT ON COLUMN deaths.job_id IS 'Job';
COMMENT ON COLUMN deaths.uptime_s IS 'Seconds since boot';
COMMENT ON COLUMN deaths.source IS 'Source that shows it';
COMMENT ON COLUMN deaths.line IS 'Line in source';
COMMENT ON COLUMN deaths.name IS 'What a witness calls it: namespace/pod/container, the container''s name, a slot or a node';

CREATE OR REPLACE VIEW cgroups AS
SELECT
    path, container_runtime, container_id, pod_uid, pod_qos, systemd_slice, systemd_unit, systemd_user_unit, login_uid,
    job_scheduler, job_id, job_step
FROM t_cgroups;

COMMENT ON VIEW cgroups IS 'Who each control group is, from its path alone; to be joined with oom_memcg, task_memcg or cgroup';
COMMENT ON COLUMN cgroups.path IS 'Control group';
COMMENT ON COLUMN cgroups.container_runtime IS 'docker, podman, containerd, cri-o, lxc, systemd-nspawn or libvirt';
COMMENT ON COLUMN cgroups.container_id IS 'Container; for lxc, systemd-nspawn and libvirt its name';
COMMENT ON COLUMN cgroups.pod_uid IS 'Kubernetes pod';
COMMENT ON COLUMN cgroups.pod_qos IS 'Guaranteed, Burstable or BestEffort';
COMMENT ON COLUMN cgroups.systemd_slice IS 'Innermost slice of the system''s manager';
COMMENT ON COLUMN cgroups.systemd_unit IS 'Innermost unit of the system''s manager';
COMMENT ON COLUMN cgroups.systemd_user_unit IS 'Innermost unit of a user''s manager';
COMMENT ON COLUMN cgroups.login_uid IS 'User id of the user''s slice or manager';
COMMENT ON COLUMN cgroups.job_scheduler IS 'slurm, htcondor, nomad, ecs or yarn';
COMMENT ON COLUMN cgroups.job_id IS 'Slurm job, Nomad allocation, ECS task or Yarn application';
COMMENT ON COLUMN cgroups.job_step IS 'Slurm step, Nomad task, Yarn container or HTCondor slot';

-- Hosts without a name are not known to be one: there the source stands for the host.
CREATE OR REPLACE VIEW recurrences AS
WITH used AS (
    SELECT incident_id, arg_max_null(comm, (coalesce(rss_pages, 0) + coalesce(swapents_pages, 0), is_victim, -pid)) AS largest_comm
    FROM t_candidates GROUP BY incident_id
),
killed AS (SELECT incident_id, count(*) AS kills FROM t_kills GROUP BY incident_id)
SELECT
    host, place, scope, victim_comm, CASE WHEN place IS NOT NULL THEN memory_limit_kb END AS memory_limit_kb, count(*) AS incidents,
    coalesce(sum(kills), 0)::BIGINT AS kills, min(ts) AS first_ts, max(ts) AS last_ts,
    (epoch(max(ts)) - epoch(min(ts))) / nullif(count(ts) - 1, 0) AS mean_between_s, mode(largest_comm) AS largest_comm,
    arg_max(incident_id, (coalesce(epoch(ts), uptime_s, 0), incident_id)) AS latest_id,
    list(incident_id ORDER BY ts NULLS FIRST, uptime_s NULLS FIRST, incident_id) AS incident_ids,
    CASE WHEN host IS NULL THEN source END AS source
FROM incidents LEFT JOIN used USING (incident_id) LEFT JOIN killed USING (incident_id)
WHERE victim_comm IS NOT NULL
GROUP BY ALL
HAVING count(*) > 1;

COMMENT ON VIEW recurrences IS 'What happens again: the same host, place, limit and victim''s name more than once';
COMMENT ON COLUMN recurrences.host IS 'Host name as the log gives it; NULL: no log names it, and source stands for it';
COMMENT ON COLUMN recurrences.place IS 'As in incidents; NULL: the machine';
COMMENT ON COLUMN recurrences.scope IS 'What ran out: global, memcg, cpuset, mempolicy, sysrq, unknown';
COMMENT ON COLUMN recurrences.victim_comm IS 'Name of the first process killed';
COMMENT ON COLUMN recurrences.memory_limit_kb IS 'Limit of the control group, KiB; NULL: the machine, or not printed';
COMMENT ON COLUMN recurrences.incidents IS 'Incidents, count';
COMMENT ON COLUMN recurrences.kills IS 'Processes killed in them, count';
COMMENT ON COLUMN recurrences.first_ts IS 'Wall-clock time of the first';
COMMENT ON COLUMN recurrences.last_ts IS 'Wall-clock time of the last';
COMMENT ON COLUMN recurrences.mean_between_s IS 'Seconds between two of them, on average; NULL: fewer than two have a time';
COMMENT ON COLUMN recurrences.largest_comm IS 'Name of the process that had most memory and swap in most of the reports';
COMMENT ON COLUMN recurrences.latest_id IS 'The last of them';
COMMENT ON COLUMN recurrences.incident_ids IS 'All of them in the order of their times';
COMMENT ON COLUMN recurrences.source IS 'Source of all of them, where no log names the host';

CREATE OR REPLACE VIEW findings AS
SELECT
    incident_id, finding, severity, text, evidence, advice, confidence
FROM t_findings;

COMMENT ON VIEW findings IS 'What is worth knowing about an incident beyond its verdict';
COMMENT ON COLUMN findings.incident_id IS 'Incident that it belongs to';
COMMENT ON COLUMN findings.finding IS 'Its name';
COMMENT ON COLUMN findings.severity IS 'critical: it will happen again or has done harm beyond the victim; warning: part of the cause; info: worth knowing';
COMMENT ON COLUMN findings.text IS 'The finding in a sentence';
COMMENT ON COLUMN findings.evidence IS 'Figures and lines that it rests on: a list of what, value, unit, line and source';
COMMENT ON COLUMN findings.advice IS 'What to do about it';
COMMENT ON COLUMN findings.confidence IS 'certain: printed, or arithmetic on what is printed; likely; possible';

CREATE OR REPLACE VIEW memory_balance AS
SELECT
    incident_id, seq, node, parent, label, bytes, min_bytes, max_bytes, origin, memcg, line
FROM t_memory_balance;

COMMENT ON VIEW memory_balance IS 'Where the memory was: a tree for each incident that sums to RAM or to the limit';
COMMENT ON COLUMN memory_balance.incident_id IS 'Incident that it belongs to';
COMMENT ON COLUMN memory_balance.seq IS 'Order in the tree, parents before their children, from 0';
COMMENT ON COLUMN memory_balance.node IS 'Name of the part, unique within the incident';
COMMENT ON COLUMN memory_balance.parent IS 'Part that it is a part of; NULL: the whole';
COMMENT ON COLUMN memory_balance.label IS 'The same for people';
COMMENT ON COLUMN memory_balance.bytes IS 'Its size, bytes';
COMMENT ON COLUMN memory_balance.min_bytes IS 'Least that it can be, bytes';
COMMENT ON COLUMN memory_balance.max_bytes IS 'Most that it can be, bytes';
COMMENT ON COLUMN memory_balance.origin IS 'Printed field that it was read from, or the sum behind it';
COMMENT ON COLUMN memory_balance.memcg IS 'Control group whose share of its parent it is; NULL: of all';
COMMENT ON COLUMN memory_balance.line IS 'Line in the incident''s source';

CREATE OR REPLACE VIEW allocations AS
SELECT
    incident_id, cause, text, gfp_flags, order_asked, request_bytes, migratetype, highest_zone, nodes, limit_memcg,
    balance_text, notes, also
FROM t_allocations;

COMMENT ON VIEW allocations IS 'Why the allocation failed that made the kernel kill: one row an incident';
COMMENT ON COLUMN allocations.incident_id IS 'Incident that it belongs to';
COMMENT ON COLUMN allocations.cause IS 'What was not there for it: memcg_limit, memsw_limit, kmem_limit, not_enough_memory, wrong_zone, node_exhausted, fragmentation; reclaim_gave_up, sysrq, unknown';
COMMENT ON COLUMN allocations.also IS 'What else kept memory from it: swap_full, no_swap, swap_forbidden, highatomic_reserve, cma_reserve, lowmem_reserve';
COMMENT ON COLUMN allocations.text IS 'The same in a sentence';
COMMENT ON COLUMN allocations.gfp_flags IS 'Flags of the request, as that kernel names them';
COMMENT ON COLUMN allocations.order_asked IS 'It was for 2^order_asked pages; -1: asked for by sysrq';
COMMENT ON COLUMN allocations.request_bytes IS 'Its size, bytes';
COMMENT ON COLUMN allocations.migratetype IS 'Which pages it may take: unmovable, movable or reclaimable';
COMMENT ON COLUMN allocations.highest_zone IS 'Highest zone that it may be served from';
COMMENT ON COLUMN allocations.nodes IS 'Nodes that it may be served from, as a list; NULL: all, or not known';
COMMENT ON COLUMN allocations.limit_memcg IS 'Control group whose limit refused it';
COMMENT ON COLUMN allocations.balance_text IS 'Who had the memory, in a sentence';
COMMENT ON COLUMN allocations.notes IS 'What was assumed, or could not be known';

CREATE OR REPLACE VIEW allocation_zones AS
SELECT
    incident_id, node, zone, usable, reason, managed_kb, free_kb, free_cma_kb, boost_kb, min_kb, low_kb, high_kb, reserve_kb,
    needed_kb, largest_free_kb, line
FROM t_allocation_zones;

COMMENT ON VIEW allocation_zones IS 'Each zone of memory against the failed request';
COMMENT ON COLUMN allocation_zones.incident_id IS 'Incident that it belongs to';
COMMENT ON COLUMN allocation_zones.node IS 'NUMA node; NULL: not printed';
COMMENT ON COLUMN allocation_zones.zone IS 'DMA, DMA32, Normal, HighMem, Movable or Device';
COMMENT ON COLUMN allocation_zones.usable IS 'True: the request may be served from it';
COMMENT ON COLUMN allocation_zones.reason IS 'Why it was not served from it';
COMMENT ON COLUMN allocation_zones.managed_kb IS 'Memory that the allocator manages there, KiB';
COMMENT ON COLUMN allocation_zones.free_kb IS 'Free, KiB';
COMMENT ON COLUMN allocation_zones.free_cma_kb IS 'Free, but for movable pages only (CMA), KiB';
COMMENT ON COLUMN allocation_zones.boost_kb IS 'Boost of the watermarks, KiB (5.10 and later)';
COMMENT ON COLUMN allocation_zones.min_kb IS 'Watermark min, KiB';
COMMENT ON COLUMN allocation_zones.low_kb IS 'Watermark low, KiB';
COMMENT ON COLUMN allocation_zones.high_kb IS 'Watermark high, KiB';
COMMENT ON COLUMN allocation_zones.reserve_kb IS 'Kept from requests that could use a higher zone (lowmem_reserve), KiB';
COMMENT ON COLUMN allocation_zones.needed_kb IS 'What had to be free for this request, reserves included, KiB';
COMMENT ON COLUMN allocation_zones.largest_free_kb IS 'Largest free block, KiB';
COMMENT ON COLUMN allocation_zones.line IS 'Line of the zone in the incident''s source';

CREATE OR REPLACE VIEW incident_sources AS
SELECT
    incident_id, source, line_start, line_end, host, boot_id, ts, ts_source, uptime_s, kill_ts,
    kill_uptime_s, complete, candidates, kills, occurrence
FROM t_incident_sources;

COMMENT ON VIEW incident_sources IS 'Every source that shows an incident, with what that source says of who and when';
COMMENT ON COLUMN incident_sources.incident_id IS 'Incident that it shows';
COMMENT ON COLUMN incident_sources.source IS 'Name of the source';
COMMENT ON COLUMN incident_sources.line_start IS 'First line of the report in source, from 1';
COMMENT ON COLUMN incident_sources.line_end IS 'Last line of the report in source';
COMMENT ON COLUMN incident_sources.host IS 'Host name in this source';
COMMENT ON COLUMN incident_sources.boot_id IS 'Boot in this source';
COMMENT ON COLUMN incident_sources.ts IS 'Wall-clock time in this source';
COMMENT ON COLUMN incident_sources.ts_source IS 'Where ts comes from';
COMMENT ON COLUMN incident_sources.uptime_s IS 'Seconds since boot of the report''s first line in this source';
COMMENT ON COLUMN incident_sources.kill_ts IS 'Wall-clock time of the first kill line in this source';
COMMENT ON COLUMN incident_sources.kill_uptime_s IS 'Seconds since boot of the first kill line in this source';
COMMENT ON COLUMN incident_sources.complete IS 'True: nothing that the verdict needs is missing in this source';
COMMENT ON COLUMN incident_sources.candidates IS 'Rows of the task table in this source, count';
COMMENT ON COLUMN incident_sources.kills IS 'Kills that this source shows, count';
COMMENT ON COLUMN incident_sources.occurrence IS '0, or how many times before this source prints the same words';

CREATE OR REPLACE VIEW source_problems AS
SELECT
    source, sha256, line, severity, reason
FROM t_source_problems;

COMMENT ON VIEW source_problems IS 'What could not be read or understood in a source';
COMMENT ON COLUMN source_problems.source IS 'Name of the source';
COMMENT ON COLUMN source_problems.sha256 IS 'Hash of what was read of it';
COMMENT ON COLUMN source_problems.line IS 'Line in source; NULL: it is about the whole';
COMMENT ON COLUMN source_problems.severity IS 'info, data_loss or error';
COMMENT ON COLUMN source_problems.reason IS 'What is wrong';

CREATE OR REPLACE VIEW sources AS
SELECT
    source, size_bytes, sha256, framing, records, incidents, kills, problem_count, problems, ingested_at
FROM (
    SELECT read.*, coalesce(shown.incidents, 0) AS incidents, coalesce(shown.kills, 0) AS kills,
           coalesce(wrong.problem_count, 0) AS problem_count, coalesce(wrong.problems, []) AS problems
    FROM t_sources AS read
    LEFT JOIN (
        SELECT source, count(DISTINCT incident_id) AS incidents, sum(kills)::BIGINT AS kills
        FROM t_incident_sources GROUP BY source
    ) AS shown USING (source)
    LEFT JOIN (
        SELECT source, sha256, count(*) AS problem_count,
               list({'line': line, 'severity': severity, 'reason': reason} ORDER BY line, reason) AS problems
        FROM t_source_problems GROUP BY source, sha256
    ) AS wrong ON wrong.source = read.source AND wrong.sha256 IS NOT DISTINCT FROM read.sha256
);

COMMENT ON VIEW sources IS 'Every file, archive member, journal or stream that was read';
COMMENT ON COLUMN sources.source IS 'Name';
COMMENT ON COLUMN sources.size_bytes IS 'Size read, decompressed, bytes';
COMMENT ON COLUMN sources.sha256 IS 'Hash of what was read';
COMMENT ON COLUMN sources.framing IS 'How its lines are framed';
COMMENT ON COLUMN sources.records IS 'Log records in it, count';
COMMENT ON COLUMN sources.incidents IS 'Incidents that it shows, count';
COMMENT ON COLUMN sources.kills IS 'Kills that it shows, count';
COMMENT ON COLUMN sources.problem_count IS 'Problems found in it, count';
COMMENT ON COLUMN sources.problems IS 'Each problem: line, severity, reason';
COMMENT ON COLUMN sources.ingested_at IS 'When it was last read';

CREATE OR REPLACE VIEW host_facts AS
SELECT
    host, boot_id, kind, name, value, bundle, source, line
FROM t_bundle_facts;

COMMENT ON VIEW host_facts IS 'What the other files of a bundle say of its host, at the time when it was collected';
COMMENT ON COLUMN host_facts.host IS 'Host name';
COMMENT ON COLUMN host_facts.boot_id IS 'Boot in which the bundle was collected';
COMMENT ON COLUMN host_facts.kind IS 'hostname, boot_id, btime_us, meminfo, swap, sysctl, kernel_release, counter, timezone; of time (…_us in UTC, …_local as written) btime, uptime_s, collected, boot_first, boot_last, reboot, shutdown; of a cluster node_boot_id, node_kernel_release, node_memory_kb';
COMMENT ON COLUMN host_facts.name IS 'Which: vm.swappiness, MemTotal_kb, the path and name of a counter';
COMMENT ON COLUMN host_facts.value IS 'Its value as text';
COMMENT ON COLUMN host_facts.bundle IS 'Folder or archive that says so, as a path';
COMMENT ON COLUMN host_facts.source IS 'File that says so';
COMMENT ON COLUMN host_facts.line IS 'Line in source';

CREATE OR REPLACE VIEW processes AS
SELECT
    host, boot_id, pid, ppid, uid, "user", comm, cmdline, bundle, source, line
FROM t_bundle_processes;

COMMENT ON VIEW processes IS 'Processes that ran when a bundle was collected, with their whole command lines';
COMMENT ON COLUMN processes.host IS 'Host name';
COMMENT ON COLUMN processes.boot_id IS 'Boot in which the bundle was collected';
COMMENT ON COLUMN processes.pid IS 'Process';
COMMENT ON COLUMN processes.ppid IS 'Its parent';
COMMENT ON COLUMN processes.uid IS 'Its user id';
COMMENT ON COLUMN processes."user" IS 'Its user''s name, if that is what is listed';
COMMENT ON COLUMN processes.comm IS 'Its name';
COMMENT ON COLUMN processes.cmdline IS 'Its arguments';
COMMENT ON COLUMN processes.bundle IS 'Folder or archive that says so, as a path';
COMMENT ON COLUMN processes.source IS 'File that says so';
COMMENT ON COLUMN processes.line IS 'Line in source';

CREATE OR REPLACE VIEW containers AS
SELECT
    host, container_id, runtime, name, pod_uid, pod, namespace, image, bundle, source, line
FROM t_bundle_containers;

COMMENT ON VIEW containers IS 'Containers that a bundle lists; incidents and cgroups have their container_id';
COMMENT ON COLUMN containers.host IS 'Host name';
COMMENT ON COLUMN containers.container_id IS 'Container';
COMMENT ON COLUMN containers.runtime IS 'containerd, cri-o, docker';
COMMENT ON COLUMN containers.name IS 'Its name; in Kubernetes, that within its pod';
COMMENT ON COLUMN containers.pod_uid IS 'Kubernetes pod';
COMMENT ON COLUMN containers.pod IS 'Name of the pod';
COMMENT ON COLUMN containers.namespace IS 'Kubernetes namespace of the pod';
COMMENT ON COLUMN containers.image IS 'Its image';
COMMENT ON COLUMN containers.bundle IS 'Folder or archive that says so, as a path';
COMMENT ON COLUMN containers.source IS 'File that says so';
COMMENT ON COLUMN containers.line IS 'Line in source';

-- What was lost (parsers/loss_notices.py, parsers/loss_signs.py), and near which report.
CREATE OR REPLACE VIEW evidence_losses AS
SELECT
    kind, TRY_CAST(detail->>'$.count' AS BIGINT) AS lost, host, boot_id, ts, uptime_us / 1e6 AS uptime_s,
    source, line, text, event_id
FROM t_memory_events WHERE starts_with(kind, 'lost_')
QUALIFY row_number() OVER (
    PARTITION BY event_id
    ORDER BY list_position(['journald', 'syslog', 'syslog-year-inferred', 'dmesg-wallclock', 'pair-derived', 'boot-time-derived', 'none'],
                           ts_source), source, line
) = 1;

COMMENT ON VIEW evidence_losses IS 'Lines that a log has lost: as its writer says, or as the kernel''s sequence numbers and a beginning inside a report show';
COMMENT ON COLUMN evidence_losses.kind IS 'lost_reports (the OOM killer''s, by its rate limiter), lost_callbacks (another function''s), lost_printk, lost_kmsg (a gap in the sequence), lost_head, lost_journal_kernel, lost_journal_overrun, lost_journal_rate, lost_journal_file, lost_journal_forward, lost_rsyslog, lost_rsyslog_action, lost_syslog_ng';
COMMENT ON COLUMN evidence_losses.lost IS 'Lines, or reports, that were lost, count; NULL: not said';
COMMENT ON COLUMN evidence_losses.host IS 'Host name';
COMMENT ON COLUMN evidence_losses.boot_id IS 'Boot, as journald names it';
COMMENT ON COLUMN evidence_losses.ts IS 'Wall-clock time of the notice, or of the first line after a gap';
COMMENT ON COLUMN evidence_losses.uptime_s IS 'Seconds since boot of the same';
COMMENT ON COLUMN evidence_losses.source IS 'Source that shows it best';
COMMENT ON COLUMN evidence_losses.line IS 'Line in source';
COMMENT ON COLUMN evidence_losses.text IS 'The notice';
COMMENT ON COLUMN evidence_losses.event_id IS 'Name of the event in memory_events';

-- Near: in a source that shows the report, of the same host, between its first line and the last or 50 lines from them, and,
-- where both have the kernel's stamp, within 5 s; else on the same host and boot within 5 s. The rate limiter speaks only when the next report
-- passes, however much later: its notice also belongs to the kills before it whose reports it dropped. Another function's
-- rate limiter dropped nothing of a report; a log that begins inside a report took the beginning of its first.
CREATE OR REPLACE VIEW incident_losses AS
WITH notices AS (
    SELECT event_id, kind, TRY_CAST(detail->>'$.count' AS BIGINT) AS lost, lower(split_part(host, '.', 1)) AS label, boot_id, ts,
           ts_source IN ('journald', 'syslog') AS good_clock, uptime_us / 1e6 AS uptime_s, source, line, text
    FROM t_memory_events WHERE starts_with(kind, 'lost_') AND kind <> 'lost_callbacks'
),
shown AS (
    SELECT incident_id, source, line_start, line_end, lower(split_part(host, '.', 1)) AS label, boot_id, ts AS first_ts,
           coalesce(kill_ts, ts) AS last_ts, ts_source IN ('journald', 'syslog') AS good_clock, uptime_s AS first_s,
           coalesce(kill_uptime_s, uptime_s) AS last_s, newest_first
    FROM t_incident_sources
),
hidden AS (
    SELECT incident_id, source, line_start, line_end, callbacks_suppressed, newest_first FROM t_incidents WHERE report_suppressed
),
near AS (
    SELECT incident_id, notices.*,
           CASE WHEN notices.line BETWEEN line_start AND line_end THEN 0
                WHEN first_s IS NOT NULL AND uptime_s IS NOT NULL THEN greatest(first_s - uptime_s, uptime_s - last_s, 0) END AS distance_s
    FROM notices JOIN shown USING (source)
    WHERE notices.line BETWEEN line_start - 50 AND line_end + 50 AND kind <> 'lost_head'
      AND (notices.label IS NULL OR shown.label IS NULL OR notices.label = shown.label)
      AND (notices.line BETWEEN line_start AND line_end OR first_s - uptime_s > 5 IS NOT TRUE AND uptime_s - last_s > 5 IS NOT TRUE)
    UNION ALL
    SELECT incident_id, notices.*, 0
    FROM notices JOIN shown USING (source)
    WHERE kind = 'lost_head'
      AND CASE WHEN newest_first THEN line_end BETWEEN notices.line AND notices.line + 50
               ELSE line_start BETWEEN notices.line - 50 AND notices.line END
    UNION ALL
    SELECT incident_id, notices.*, greatest(epoch(first_ts) - epoch(ts), epoch(ts) - epoch(last_ts), 0)
    FROM notices JOIN shown USING (label)
    WHERE notices.source <> shown.source AND notices.good_clock AND shown.good_clock
      AND ts BETWEEN first_ts - INTERVAL 5 SECOND AND last_ts + INTERVAL 5 SECOND
      AND (notices.boot_id IS NULL OR shown.boot_id IS NULL OR notices.boot_id = shown.boot_id)
    UNION ALL
    SELECT incident_id, notices.*, greatest(first_s - uptime_s, uptime_s - last_s, 0)
    FROM notices JOIN shown USING (boot_id)
    WHERE notices.source <> shown.source AND uptime_s BETWEEN first_s - 5 AND last_s + 5
    UNION ALL
    (
        SELECT incident_id, notices.*, NULL
        FROM notices JOIN hidden USING (source)
        WHERE kind = 'lost_reports' AND lost = callbacks_suppressed
          AND CASE WHEN newest_first THEN notices.line < line_start ELSE notices.line > line_end END
        QUALIFY row_number() OVER (PARTITION BY incident_id ORDER BY abs(notices.line - line_end)) = 1
    )
)
SELECT
    incident_id, kind, lost, distance_s, source, line, text
FROM near
QUALIFY row_number() OVER (PARTITION BY incident_id, event_id ORDER BY distance_s NULLS LAST, source, line) = 1;

COMMENT ON VIEW incident_losses IS 'Lines lost near a report, which may lack them, and reports of its storm that were dropped';
COMMENT ON COLUMN incident_losses.incident_id IS 'Incident that it belongs to';
COMMENT ON COLUMN incident_losses.kind IS 'As in evidence_losses';
COMMENT ON COLUMN incident_losses.lost IS 'Lines, or reports, that were lost, count; NULL: not said';
COMMENT ON COLUMN incident_losses.distance_s IS 'Seconds before the report''s first or after its last line; 0: between them; NULL: near by its line alone';
COMMENT ON COLUMN incident_losses.source IS 'Source that shows it';
COMMENT ON COLUMN incident_losses.line IS 'Line in source';
COMMENT ON COLUMN incident_losses.text IS 'The notice';

-- Kills that a counter has and no log shows. All count in __oom_kill_process(), the victim but not others that share its
-- memory, and count by the victim's own control group, whatever ran out (mm/oom_kill.c since 4.13, 8e675f7af507):
--   /proc/vmstat oom_kill       every victim since the boot, those of control groups too
--   memory.events               those of the group, and since 5.2 of the groups below it (9852ae3fe529)
--   memory.events.local         those of the group itself (5.3)
--   memory.oom_control          those of the group itself; 5.2 to 5.6 those below it too (04fd61a4e010, 5.7 and stable)
-- A group that is made anew begins at 0, and one that was removed has taken its counter along, but not from those above it.
-- A kill line names no control group, and a syslog no boot: such kills may be among those counted. `lost` leaves them out.
CREATE OR REPLACE VIEW reconciliation AS
WITH counters AS (
    SELECT DISTINCT host, boot_id, name, TRY_CAST(value AS BIGINT) AS counted, source, line,
           CASE WHEN name <> 'vmstat oom_kill'
                THEN regexp_extract(name, '^(.*) memory\.(?:events|events\.local|oom_control) oom_kill$', 1) END AS cgroup
    FROM t_bundle_facts WHERE kind = 'counter' AND ends_with(name, ' oom_kill')
),
numbered AS (
    SELECT *, row_number() OVER () AS number, lower(split_part(host, '.', 1)) AS label, rtrim(cgroup, '/') || '/' AS below
    FROM counters WHERE boot_id IS NOT NULL OR host IS NOT NULL
),
killed AS (
    SELECT incidents.boot_id, lower(split_part(incidents.host, '.', 1)) AS label,
           CASE WHEN kills.reason = 'oom_group' THEN coalesce(oom_group_path, task_memcg) ELSE task_memcg END AS own,
           CASE WHEN kills.reason = 'oom_group' THEN NULL ELSE oom_memcg END AS above
    FROM t_kills AS kills JOIN t_incidents AS incidents USING (incident_id)
    WHERE kills.reason <> 'shared_mm'
),
placed AS (
    SELECT number,
           CASE
               WHEN cgroup IS NULL THEN true
               WHEN ends_with(name, ' memory.events oom_kill') THEN
                   CASE WHEN coalesce(own, above) || '/' LIKE below || '%' THEN true
                        WHEN own IS NULL AND (above IS NULL OR starts_with(below, rtrim(above, '/') || '/')) THEN NULL
                        ELSE false END
               ELSE CASE WHEN own IS NOT NULL THEN own = cgroup
                         WHEN above IS NULL OR above = cgroup OR starts_with(below, rtrim(above, '/') || '/') THEN NULL
                         ELSE false END
           END AS of_cgroup,
           killed.boot_id = numbered.boot_id AS of_boot
    FROM numbered JOIN killed
      ON killed.boot_id = numbered.boot_id
      OR (killed.label = numbered.label AND (killed.boot_id IS NULL OR numbered.boot_id IS NULL))
),
counts AS (
    SELECT number, count(*) FILTER (of_cgroup AND of_boot) AS seen,
           count(*) FILTER (coalesce(of_cgroup, true) AND coalesce(of_boot, true)) - count(*) FILTER (of_cgroup AND of_boot) AS unplaced
    FROM placed GROUP BY number
),
held AS (
    SELECT numbered.*, coalesce(seen, 0) AS seen, coalesce(unplaced, 0) AS unplaced FROM numbered LEFT JOIN counts USING (number)
)
SELECT
    host, boot_id, name, cgroup, counted, seen, greatest(counted - seen - unplaced, 0) AS lost, unplaced,
    CASE
        WHEN counted = seen THEN 'every kill counted is in a log'
        WHEN counted < seen AND cgroup IS NULL THEN 'the logs go on after the counter was read'
        WHEN counted < seen THEN 'the control group was made anew since, or the logs go on after the counter was read'
        WHEN counted - seen <= unplaced THEN 'the rest may be among kills whose boot or control group no log names'
        ELSE 'not in any log that was read' || CASE WHEN unplaced > 0
             THEN ', even if all kills whose boot or control group no log names are among those counted' ELSE '' END
    END AS explained,
    source, line
FROM held;

COMMENT ON VIEW reconciliation IS 'Counters of kills in a bundle against the kills that logs show, of the boot in which it was collected';
COMMENT ON COLUMN reconciliation.host IS 'Host name';
COMMENT ON COLUMN reconciliation.boot_id IS 'Boot in which the bundle was collected';
COMMENT ON COLUMN reconciliation.name IS 'The counter';
COMMENT ON COLUMN reconciliation.cgroup IS 'Control group that it is of; NULL: the whole machine';
COMMENT ON COLUMN reconciliation.counted IS 'Its value: processes killed, count';
COMMENT ON COLUMN reconciliation.seen IS 'Kills of that boot, and group, in this history, count';
COMMENT ON COLUMN reconciliation.lost IS 'Kills that were counted and that no log shows, count, at least';
COMMENT ON COLUMN reconciliation.unplaced IS 'Kills that may be among those counted, count: no log names their boot or their control group';
COMMENT ON COLUMN reconciliation.explained IS 'What the difference comes from';
COMMENT ON COLUMN reconciliation.source IS 'File that says so';
COMMENT ON COLUMN reconciliation.line IS 'Line in source';

CREATE OR REPLACE VIEW recordings AS
SELECT
    segment_id, host, boot_id, kernel_release, make_timestamp(began_us + wall_offset_us) AT TIME ZONE 'UTC' AS began_ts,
    make_timestamp(ended_us + wall_offset_us) AT TIME ZONE 'UTC' AS ended_ts, interval_us / 1e6 AS interval_s, target, source,
    page_size, began_us / 1e6 AS began_s, ended_us / 1e6 AS ended_s, kmsg_offset_us / 1e6 AS kmsg_offset_s,
    kmsg_spread_us / 1e6 AS kmsg_spread_s, watched, missing, notes, torn_bytes, damaged_bytes, missing_frames,
    undecodable_frames
FROM t_segments;

COMMENT ON VIEW recordings IS 'What `capture` recorded: one row for each file of a spool';
COMMENT ON COLUMN recordings.segment_id IS 'Of the boot and the moment in which the recorder began the file';
COMMENT ON COLUMN recordings.host IS 'Machine';
COMMENT ON COLUMN recordings.boot_id IS 'Boot';
COMMENT ON COLUMN recordings.kernel_release IS 'As uname -r';
COMMENT ON COLUMN recordings.page_size IS 'Bytes of a page';
COMMENT ON COLUMN recordings.target IS 'What was recorded: the system, a control group, a process';
COMMENT ON COLUMN recordings.interval_s IS 'Seconds between snapshots while nothing happens';
COMMENT ON COLUMN recordings.began_ts IS 'By the recorded clock';
COMMENT ON COLUMN recordings.ended_ts IS 'Of the last that was read, by the recorded clock';
COMMENT ON COLUMN recordings.began_s IS 'Seconds of CLOCK_MONOTONIC';
COMMENT ON COLUMN recordings.ended_s IS 'Seconds of CLOCK_MONOTONIC';
COMMENT ON COLUMN recordings.kmsg_offset_s IS 'Seconds: CLOCK_MONOTONIC minus the kernel''s stamps, the least of those seen';
COMMENT ON COLUMN recordings.kmsg_spread_s IS 'Seconds between the least and the most; late reading and drift';
COMMENT ON COLUMN recordings.watched IS 'Sources of OOM events that the recorder had';
COMMENT ON COLUMN recordings.missing IS 'What the machine had not, or did not allow';
COMMENT ON COLUMN recordings.notes IS 'The recorder about itself: losses, storms, why it ended';
COMMENT ON COLUMN recordings.torn_bytes IS 'At its end, bytes: a write cut off, or under way';
COMMENT ON COLUMN recordings.damaged_bytes IS 'In its middle, bytes that are no frames';
COMMENT ON COLUMN recordings.missing_frames IS 'Frames that are missing by their numbers, count';
COMMENT ON COLUMN recordings.undecodable_frames IS 'Frames that are whole, but of no use, count';
COMMENT ON COLUMN recordings.source IS 'Spool, or file of one';

CREATE OR REPLACE VIEW snapshots AS
SELECT
    make_timestamp(mono_us + wall_offset_us) AT TIME ZONE 'UTC' AS ts, mono_us / 1e6 AS mono_s, host, boot_id,
    took_us / 1e6 AS took_s, planned_us / 1e6 AS planned_s, reason, known, unread, complete, segment_id
FROM t_snapshots JOIN t_segments USING (segment_id);

COMMENT ON VIEW snapshots IS 'Each look of the recorder at the processes';
COMMENT ON COLUMN snapshots.host IS 'Machine';
COMMENT ON COLUMN snapshots.boot_id IS 'Boot';
COMMENT ON COLUMN snapshots.ts IS 'By the recorded clock';
COMMENT ON COLUMN snapshots.mono_s IS 'Seconds of CLOCK_MONOTONIC';
COMMENT ON COLUMN snapshots.took_s IS 'Seconds that it took';
COMMENT ON COLUMN snapshots.planned_s IS 'Seconds until the next, as planned';
COMMENT ON COLUMN snapshots.reason IS 'Why it came then: steady, headroom, alarm, cooling, costly, event, new';
COMMENT ON COLUMN snapshots.known IS 'Processes that are followed, count';
COMMENT ON COLUMN snapshots.unread IS 'Of them not read for want of time, count';
COMMENT ON COLUMN snapshots.complete IS 'Whether all were told anew';
COMMENT ON COLUMN snapshots.segment_id IS 'Recording';

-- Who a process is is read just after it is first seen: until then it is who it was found to be.
CREATE OR REPLACE VIEW snapshots_processes AS
WITH first AS (
    SELECT segment_id, pid, starttime, min_by(comm, mono_us) AS comm, min_by(cmdline, mono_us) AS cmdline,
           min_by(uid, mono_us) AS uid, min_by(cgroup, mono_us) AS cgroup
    FROM t_process_identities GROUP BY ALL
)
SELECT
    make_timestamp(rows.mono_us + wall_offset_us) AT TIME ZONE 'UTC' AS ts, rows.mono_us / 1e6 AS mono_s, segments.host,
    segments.boot_id, rows.pid, rows.starttime, coalesce(now.comm, first.comm) AS comm,
    coalesce(now.cmdline, first.cmdline) AS cmdline, coalesce(now.uid, first.uid) AS uid,
    coalesce(now.cgroup, first.cgroup) AS cgroup, rows.gone, rows.vm_size_kb, rows.rss_anon_kb, rows.rss_file_kb,
    rows.rss_shmem_kb, rows.pgtables_kb, rows.swap_kb, rows.oom_score_adj, rows.oom_score, rows.segment_id
FROM t_process_samples AS rows
JOIN t_segments AS segments USING (segment_id)
LEFT JOIN first USING (segment_id, pid, starttime)
ASOF LEFT JOIN t_process_identities AS now
  ON now.segment_id = rows.segment_id AND now.pid = rows.pid AND now.starttime = rows.starttime AND now.mono_us <= rows.mono_us;

COMMENT ON VIEW snapshots_processes IS 'A process whose values changed, or that is gone; until its next row it has these values';
COMMENT ON COLUMN snapshots_processes.host IS 'Machine';
COMMENT ON COLUMN snapshots_processes.boot_id IS 'Boot';
COMMENT ON COLUMN snapshots_processes.ts IS 'By the recorded clock';
COMMENT ON COLUMN snapshots_processes.mono_s IS 'Seconds of CLOCK_MONOTONIC';
COMMENT ON COLUMN snapshots_processes.pid IS 'Process';
COMMENT ON COLUMN snapshots_processes.starttime IS 'Clock ticks since boot: a pid comes again, the two together do not';
COMMENT ON COLUMN snapshots_processes.comm IS 'Name of the process';
COMMENT ON COLUMN snapshots_processes.cmdline IS 'Command line, at most 4096 characters';
COMMENT ON COLUMN snapshots_processes.uid IS 'User id';
COMMENT ON COLUMN snapshots_processes.cgroup IS 'Control group of the memory controller';
COMMENT ON COLUMN snapshots_processes.gone IS 'Whether it was gone then';
COMMENT ON COLUMN snapshots_processes.vm_size_kb IS 'KiB: address space';
COMMENT ON COLUMN snapshots_processes.rss_anon_kb IS 'KiB: resident, anonymous';
COMMENT ON COLUMN snapshots_processes.rss_file_kb IS 'KiB: resident, of files; before Linux 4.5 with shared memory';
COMMENT ON COLUMN snapshots_processes.rss_shmem_kb IS 'KiB: resident, shared memory and tmpfs';
COMMENT ON COLUMN snapshots_processes.pgtables_kb IS 'KiB: page tables';
COMMENT ON COLUMN snapshots_processes.swap_kb IS 'KiB: swapped out';
COMMENT ON COLUMN snapshots_processes.oom_score_adj IS '-1000 to 1000';
COMMENT ON COLUMN snapshots_processes.oom_score IS 'As /proc/PID/oom_score showed it';
COMMENT ON COLUMN snapshots_processes.segment_id IS 'Recording';

CREATE OR REPLACE VIEW snapshots_cgroups AS
SELECT
    make_timestamp(mono_us + wall_offset_us) AT TIME ZONE 'UTC' AS ts, mono_us / 1e6 AS mono_s, host, boot_id, cgroup,
    version, gone, usage_bytes, limit_bytes, swap_bytes, swap_limit_bytes, anon_bytes, file_bytes, shmem_bytes, slab_bytes,
    oom_kill, under_oom, segment_id
FROM t_cgroup_samples JOIN t_segments USING (segment_id);

COMMENT ON VIEW snapshots_cgroups IS 'Counters of a control group; until its next row it has these values';
COMMENT ON COLUMN snapshots_cgroups.host IS 'Machine';
COMMENT ON COLUMN snapshots_cgroups.boot_id IS 'Boot';
COMMENT ON COLUMN snapshots_cgroups.ts IS 'By the recorded clock';
COMMENT ON COLUMN snapshots_cgroups.mono_s IS 'Seconds of CLOCK_MONOTONIC';
COMMENT ON COLUMN snapshots_cgroups.cgroup IS 'Control group, from the root of what the recorder saw';
COMMENT ON COLUMN snapshots_cgroups.version IS '1 or 2';
COMMENT ON COLUMN snapshots_cgroups.gone IS 'Whether it was removed';
COMMENT ON COLUMN snapshots_cgroups.usage_bytes IS 'memory.usage_in_bytes or memory.current, bytes';
COMMENT ON COLUMN snapshots_cgroups.limit_bytes IS 'memory.limit_in_bytes or memory.max, bytes; NULL: none';
COMMENT ON COLUMN snapshots_cgroups.swap_bytes IS 'Version 2: swap. Version 1: memory and swap together. In bytes';
COMMENT ON COLUMN snapshots_cgroups.swap_limit_bytes IS 'Limit of swap_bytes, bytes; NULL: none';
COMMENT ON COLUMN snapshots_cgroups.anon_bytes IS 'Anonymous memory in bytes, by memory.stat, with descendants';
COMMENT ON COLUMN snapshots_cgroups.file_bytes IS 'Page cache in bytes, by memory.stat, with descendants';
COMMENT ON COLUMN snapshots_cgroups.shmem_bytes IS 'Shared memory and tmpfs in bytes, by memory.stat, with descendants';
COMMENT ON COLUMN snapshots_cgroups.slab_bytes IS 'Slab in bytes, by memory.stat; version 2';
COMMENT ON COLUMN snapshots_cgroups.oom_kill IS 'Processes killed in it so far, count';
COMMENT ON COLUMN snapshots_cgroups.under_oom IS 'Whether its tasks wait because its OOM killer is disabled; version 1';
COMMENT ON COLUMN snapshots_cgroups.segment_id IS 'Recording';

CREATE OR REPLACE VIEW snapshots_system AS
SELECT
    make_timestamp(mono_us + wall_offset_us) AT TIME ZONE 'UTC' AS ts, mono_us / 1e6 AS mono_s, host, boot_id,
    mem_total_kb, mem_free_kb, mem_available_kb, swap_total_kb, swap_free_kb, cached_kb, shmem_kb, anon_kb, slab_kb,
    sunreclaim_kb, pgtables_kb, committed_as_kb, oom_kill, pgmajfault, some_avg10_percent, full_avg10_percent, segment_id
FROM t_system_samples JOIN t_segments USING (segment_id);

COMMENT ON VIEW snapshots_system IS 'The whole machine: /proc/meminfo, /proc/vmstat, /proc/pressure/memory';
COMMENT ON COLUMN snapshots_system.host IS 'Machine';
COMMENT ON COLUMN snapshots_system.boot_id IS 'Boot';
COMMENT ON COLUMN snapshots_system.ts IS 'By the recorded clock';
COMMENT ON COLUMN snapshots_system.mono_s IS 'Seconds of CLOCK_MONOTONIC';
COMMENT ON COLUMN snapshots_system.mem_total_kb IS 'KiB: MemTotal';
COMMENT ON COLUMN snapshots_system.mem_free_kb IS 'KiB: MemFree';
COMMENT ON COLUMN snapshots_system.mem_available_kb IS 'KiB: MemAvailable, since Linux 3.14';
COMMENT ON COLUMN snapshots_system.swap_total_kb IS 'KiB: SwapTotal';
COMMENT ON COLUMN snapshots_system.swap_free_kb IS 'KiB: SwapFree';
COMMENT ON COLUMN snapshots_system.cached_kb IS 'KiB: Cached';
COMMENT ON COLUMN snapshots_system.shmem_kb IS 'KiB: Shmem';
COMMENT ON COLUMN snapshots_system.anon_kb IS 'KiB: AnonPages';
COMMENT ON COLUMN snapshots_system.slab_kb IS 'KiB: Slab';
COMMENT ON COLUMN snapshots_system.sunreclaim_kb IS 'KiB: SUnreclaim';
COMMENT ON COLUMN snapshots_system.pgtables_kb IS 'KiB: PageTables';
COMMENT ON COLUMN snapshots_system.committed_as_kb IS 'KiB: Committed_AS';
COMMENT ON COLUMN snapshots_system.oom_kill IS 'Processes that the OOM killer killed since boot, count; since Linux 4.13';
COMMENT ON COLUMN snapshots_system.pgmajfault IS 'Major faults since boot, count';
COMMENT ON COLUMN snapshots_system.some_avg10_percent IS 'Percent of 10 s in which some task waited for memory';
COMMENT ON COLUMN snapshots_system.full_avg10_percent IS 'Percent of 10 s in which all tasks waited for memory';
COMMENT ON COLUMN snapshots_system.segment_id IS 'Recording';

CREATE OR REPLACE VIEW incident_recordings AS
SELECT
    incident_id, segment_id, uptime_s + coalesce(kmsg_offset_us, 0) / 1e6 AS mono_s,
    mono_s - began_us / 1e6 AS into_s, ended_us / 1e6 - mono_s AS left_s
FROM t_incidents AS incidents JOIN t_segments AS segments
  ON segments.boot_id = incidents.boot_id
 AND uptime_s * 1e6 + coalesce(kmsg_offset_us, 0) BETWEEN began_us - 10000000 AND ended_us + 300000000;

COMMENT ON VIEW incident_recordings IS 'Which recordings show an incident or the five minutes before it, and when it was by their clock';
COMMENT ON COLUMN incident_recordings.incident_id IS 'Incident';
COMMENT ON COLUMN incident_recordings.segment_id IS 'Recording';
COMMENT ON COLUMN incident_recordings.mono_s IS 'Seconds of CLOCK_MONOTONIC at which the report began';
COMMENT ON COLUMN incident_recordings.into_s IS 'Seconds from the recording''s begin to it';
COMMENT ON COLUMN incident_recordings.left_s IS 'Seconds from it to the recording''s end; negative: the recording ended before';

CREATE OR REPLACE VIEW growth AS
SELECT
    incident_id, kind, who, start_bytes, end_bytes, slope AS slope_bytes_per_s, slope_low AS slope_low_bytes_per_s,
    slope_high AS slope_high_bytes_per_s, shape, share, samples, seen_in, source, pid, processes,
    end_bytes - start_bytes AS grown_bytes, from_s, until_s, onset_s, change_points_s
FROM t_growth;

COMMENT ON VIEW growth IS 'Whose anonymous memory, resident and swapped out, changed before an incident: of each process that matters, and of all of one command, systemd unit, control group or user in sum. From task tables before Linux 6.8 all resident memory and swap';
COMMENT ON COLUMN growth.incident_id IS 'Incident';
COMMENT ON COLUMN growth.kind IS 'process, command, unit, cgroup, user; scope: all that was charged to the limit or the machine, without page cache';
COMMENT ON COLUMN growth.who IS 'NAME (pid N), NAME, unit, control group or uid N';
COMMENT ON COLUMN growth.start_bytes IS 'What it had at from_s, bytes; a process born later had 0';
COMMENT ON COLUMN growth.end_bytes IS 'What it had at until_s, bytes';
COMMENT ON COLUMN growth.slope_bytes_per_s IS 'Bytes a second since onset_s: median of the slopes between all pairs of samples (Theil-Sen); of two samples, their slope';
COMMENT ON COLUMN growth.slope_low_bytes_per_s IS 'Low end of its 95 % interval, bytes a second, widened for samples that depend on each other; NULL: too few samples';
COMMENT ON COLUMN growth.slope_high_bytes_per_s IS 'High end of that interval, bytes a second';
COMMENT ON COLUMN growth.shape IS 'leak: steady over most of the time seen; burst: most of it at once, shortly before the kill; plateau, shrinking, noise; ended: before the kill; insufficient: too few samples to tell';
COMMENT ON COLUMN growth.share IS 'Part of all growth, 0 to 1: of the scope''s counter, or of what the processes gained in sum where that is more; negative: it shrank; NULL: it ended, or nothing grew';
COMMENT ON COLUMN growth.samples IS 'Readings that it rests on, count';
COMMENT ON COLUMN growth.seen_in IS 'recording: samples of capture; reports: the task tables of two reports of one boot';
COMMENT ON COLUMN growth.source IS 'The recording, or the log of the earlier report';
COMMENT ON COLUMN growth.pid IS 'Process; NULL: several';
COMMENT ON COLUMN growth.processes IS 'Processes seen whose memory it adds up, count';
COMMENT ON COLUMN growth.grown_bytes IS 'end_bytes - start_bytes, bytes';
COMMENT ON COLUMN growth.from_s IS 'Seconds from the report''s first line to the first sample: negative';
COMMENT ON COLUMN growth.until_s IS 'Seconds from the report''s first line to the last sample';
COMMENT ON COLUMN growth.onset_s IS 'Seconds from the report''s first line to when it began to grow as it did at the end';
COMMENT ON COLUMN growth.change_points_s IS 'Seconds from the report''s first line to the moments in which its rate changed';

CREATE OR REPLACE VIEW growth_verdicts AS
SELECT
    incident_id, culprit, culprit_kind, shape, share, inevitable_from_s, inevitable_low_s, inevitable_high_s,
    coalesce(text, 'Who grew before this kill is not known.') AS text,
    coalesce(not_known, [
        'no_recording: No recording shows the time before this kill.',
        'no_earlier_report: No earlier report of this boot lists the same processes.'
    ]) AS not_known, seen_in, culprit_pid, total_bytes AS grown_bytes, left_bytes, from_s, until_s
FROM t_incidents LEFT JOIN t_growth_verdicts USING (incident_id);

COMMENT ON VIEW growth_verdicts IS 'Whose growth used the memory up, in a row for each incident. The culprit is often not the victim';
COMMENT ON COLUMN growth_verdicts.incident_id IS 'Incident';
COMMENT ON COLUMN growth_verdicts.culprit IS 'The narrowest of process, command, unit, control group and user that has half of all growth or more, as growth.who; NULL: nobody has, or it is not known';
COMMENT ON COLUMN growth_verdicts.culprit_kind IS 'process, command, unit, cgroup, user';
COMMENT ON COLUMN growth_verdicts.shape IS 'How the culprit grew, as growth.shape';
COMMENT ON COLUMN growth_verdicts.share IS 'Its part of all growth, 0 to 1';
COMMENT ON COLUMN growth_verdicts.inevitable_from_s IS 'Seconds from the report''s first line, negative: what was left when the culprit''s growth began, over the rate at which it went. From then on the end was certain unless something stopped it';
COMMENT ON COLUMN growth_verdicts.inevitable_low_s IS 'The same, seconds, at the slowest rate of the 95 % interval: earliest; NULL: not known';
COMMENT ON COLUMN growth_verdicts.inevitable_high_s IS 'The same, seconds, at the fastest rate of the 95 % interval: latest; NULL: not known';
COMMENT ON COLUMN growth_verdicts.text IS 'The same in sentences';
COMMENT ON COLUMN growth_verdicts.not_known IS 'What cannot be said, each a word and why';
COMMENT ON COLUMN growth_verdicts.seen_in IS 'recording: samples of capture; reports: the task tables of two reports of one boot; NULL: nothing shows it';
COMMENT ON COLUMN growth_verdicts.culprit_pid IS 'The culprit, where it is one process';
COMMENT ON COLUMN growth_verdicts.grown_bytes IS 'All growth, bytes: see growth.share';
COMMENT ON COLUMN growth_verdicts.left_bytes IS 'What was left when the culprit''s growth began, bytes: below the limit and in swap, or MemAvailable and free swap; page cache counts as left';
COMMENT ON COLUMN growth_verdicts.from_s IS 'Seconds from the report''s first line to the first sample: negative';
COMMENT ON COLUMN growth_verdicts.until_s IS 'Seconds from the report''s first line to the last sample';
