-- At which hour, on which day of the week are processes killed?
-- $timezone = UTC  the zone that hours and days are of, as Europe/Berlin
-- weekday  1 = Monday .. 7 = Sunday
-- hour  0..23
-- kills  Processes, or control groups as a whole, that were killed: count
-- days  Different days on which that happened, count
SELECT isodow(local) AS weekday, hour(local) AS hour, count(*) AS kills, count(DISTINCT local::DATE) AS days
FROM (SELECT ts AT TIME ZONE $timezone AS local FROM deaths WHERE ts IS NOT NULL)
GROUP BY ALL
ORDER BY weekday, hour;
