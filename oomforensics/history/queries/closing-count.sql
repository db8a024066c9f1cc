-- Do the counts close? Kills with and without a report, what was lost, and the machine's own counter
-- host  Host name; NULL: not named
-- boot_id  Boot; NULL: no log names it
-- kills  Processes killed, count
-- kills_in_reports  Of them, those whose incident has a report
-- kills_without_report  Those of which only the kill line is there
-- reports  Incidents that have a report, count
-- reports_without_kill  Of them, those without a kill line
-- reports_suppressed  Reports that the kernel's rate limiter says it dropped, count
-- lost_lines  Lines that logs say they lost, count
-- counted  Kills by the machine's own counter (/proc/vmstat), where a bundle has it: count
-- difference  counted - kills
SELECT
    host, boot_id, kills, kills_in_reports, kills_without_report, reports, reports_without_kill, reports_suppressed, lost_lines,
    counted, counted - kills AS difference
FROM (
    SELECT host, boot_id, count(*) FILTER (NOT bare) AS reports, sum(killed)::BIGINT AS kills,
           coalesce(sum(killed) FILTER (NOT bare), 0)::BIGINT AS kills_in_reports,
           coalesce(sum(killed) FILTER (bare), 0)::BIGINT AS kills_without_report,
           count(*) FILTER (NOT bare AND killed = 0) AS reports_without_kill
    FROM (
        SELECT host, boot_id, list_contains(missing, 'report') AS bare,
               (SELECT count(*) FROM kills WHERE kills.incident_id = incidents.incident_id) AS killed
        FROM incidents
    )
    GROUP BY ALL
) AS counted_here
FULL JOIN (
    SELECT host AS on_host, boot_id AS in_boot, sum(lost) FILTER (kind = 'lost_reports')::BIGINT AS reports_suppressed,
           sum(lost) FILTER (kind NOT IN ('lost_reports', 'lost_callbacks'))::BIGINT AS lost_lines
    FROM evidence_losses GROUP BY ALL
) AS losses ON on_host IS NOT DISTINCT FROM host AND in_boot IS NOT DISTINCT FROM boot_id
LEFT JOIN (
    SELECT boot_id AS its_boot, max(counted) AS counted FROM reconciliation WHERE cgroup IS NULL GROUP BY boot_id
) AS counter ON its_boot = boot_id
ORDER BY kills DESC NULLS LAST, host, boot_id;
