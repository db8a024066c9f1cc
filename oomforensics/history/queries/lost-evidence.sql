-- Which logs lost lines, and near which incidents?
-- host  Host name; NULL: not named
-- kind  Who lost them and how, as in evidence_losses
-- notices  Notices of a loss, count
-- lost  Lines, or reports, that were lost: count; NULL: no notice says how many
-- incidents  Incidents near such a loss, which may lack lines: count
-- source  The log
SELECT losses.host, losses.kind, count(DISTINCT event_id) AS notices, any_value(all_lost) AS lost,
       count(DISTINCT incident_id) AS incidents, losses.source
FROM (SELECT *, sum(lost) OVER (PARTITION BY host, kind, source)::BIGINT AS all_lost FROM evidence_losses) AS losses
LEFT JOIN incident_losses AS near ON near.source = losses.source AND near.line = losses.line AND near.kind = losses.kind
GROUP BY losses.host, losses.kind, losses.source
ORDER BY incidents DESC, notices DESC, losses.source, losses.kind;
