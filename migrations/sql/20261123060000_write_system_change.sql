-- The timeline of PostgreSQL on which the epoch began. A promotion and a restore begin a new timeline, whoever does them,
-- so whoever leads first on one that is not this begins another epoch. Nobody has looked yet: NULL.
ALTER TABLE write.system ADD COLUMN timeline bigint CHECK (timeline > 0);
