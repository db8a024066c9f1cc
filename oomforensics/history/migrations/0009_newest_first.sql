-- Schema 9. The order in time within a source: a log may run from its newest line to its oldest. NULL, of older rows: it does not.

ALTER TABLE t_incidents ADD COLUMN newest_first BOOLEAN;
ALTER TABLE t_incident_sources ADD COLUMN newest_first BOOLEAN;
ALTER TABLE t_kills ADD COLUMN seq INTEGER;           -- order in the incident, from 0
