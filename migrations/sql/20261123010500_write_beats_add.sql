-- Who watches says that it watches: a row for each watcher, moved with each round. Its age is what another process
-- alarms on, so that a detector that died does not look like a day without trouble.
CREATE TABLE write.watchdog_beats (
    name     text        PRIMARY KEY,   -- 'watchdog', 'heartbeat'
    beat_at  timestamptz NOT NULL,      -- the last round that was finished
    rounds   bigint      NOT NULL,
    report   jsonb       NOT NULL,      -- what the last round found
    scanned  uuid                       -- how far the slow scan over all orders is
);

CREATE VIEW read.watchdog_beats AS
    SELECT b.name, b.beat_at, b.rounds, b.report FROM write.watchdog_beats AS b;

GRANT SELECT, INSERT, UPDATE ON write.watchdog_beats TO mes_consumer;
GRANT SELECT ON write.watchdog_beats TO mes_write;
GRANT SELECT ON read.watchdog_beats TO mes_read;
