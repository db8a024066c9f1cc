-- Schema 5. Which boot of its source a sighting is of, so that logs of one boot can lend each other their clocks.

ALTER TABLE t_incident_sources ADD COLUMN boot_index INTEGER;
