-- Who killed: the kernel, another killer, or is it only claimed?
-- mechanism  kernel, systemd-oomd, earlyoom, nohang, oomd, lowmemorykiller, lmkd, slurm; NULL: only claims
-- evidence  What shows it: report, kill line, own line, claim
-- deaths  Processes, or control groups as a whole, count
-- hosts  Hosts that are named, count
-- last_ts  Wall-clock time of the last, UTC
SELECT mechanism, evidence, count(*) AS deaths, count(DISTINCT host) AS hosts, max(ts) AS last_ts
FROM deaths
GROUP BY mechanism, evidence
ORDER BY deaths DESC, mechanism, evidence;
