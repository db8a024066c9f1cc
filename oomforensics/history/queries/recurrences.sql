-- What happens again: the same host, place, limit and victim's name?
-- $least = 2  so many incidents at least
-- host  Host name; NULL: no log names it
-- place  Container, unit or control group; NULL: the machine
-- victim_comm  Name of the first process killed
-- memory_limit_kb  Limit of the control group, KiB
-- incidents  Runs of the OOM killer, count
-- kills  Processes killed, count
-- mean_between_s  Seconds between two incidents, on average
-- last_ts  Wall-clock time of the last, UTC
-- largest_comm  Who had most memory and swap in most of the reports
-- latest_id  The last incident, for `oomforensics report`
SELECT host, place, victim_comm, memory_limit_kb, incidents, kills, mean_between_s, last_ts, largest_comm, latest_id
FROM recurrences
WHERE incidents >= $least::BIGINT
ORDER BY incidents DESC, host, place NULLS FIRST, victim_comm, memory_limit_kb;
