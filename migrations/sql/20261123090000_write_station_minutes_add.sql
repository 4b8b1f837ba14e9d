-- How many events of each minute the log accepted, and how many of them each later station has, with the exclusive or of
-- their hashes: equal sums are equal events. The watchdog writes it when a minute is over and all followers have passed
-- it, and counts again what differs; a person reads where on the way something is missing. Kept for two days.
CREATE TABLE write.station_minutes (
    minute        timestamptz NOT NULL,
    station       text        NOT NULL,   -- 'accepted', 'sent-shop', 'sent-crm', 'awaited-crm', 'applied-crm', 'projected'
    events        bigint      NOT NULL CHECK (events >= 0),
    checksum      bigint      NOT NULL,
    last_position bigint      NOT NULL,   -- of the minute's events in the log: the next minute is looked for from there
    counted_at    timestamptz NOT NULL,
    PRIMARY KEY (minute, station)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON write.station_minutes TO mes_consumer;
