-- The log that everything else follows. Hash-partitioned by order_id so that (order_id, version)
-- can be unique, which is what forbids a hole or a fork in one order's history (and so that
-- the table can be distributed by order_id later).
-- CACHE 1 is a precondition of the log reader: a cached block of positions would be
-- handed out long after higher ones have committed.
CREATE SEQUENCE write.log_position AS bigint CACHE 1;

CREATE TABLE write.order_events (
    position      bigint      NOT NULL DEFAULT nextval('write.log_position'),
    order_id      uuid        NOT NULL,
    version       bigint      NOT NULL CHECK (version > 0),
    kind          text        NOT NULL,
    data          jsonb       NOT NULL,
    actor         jsonb       NOT NULL,
    cause         text        NOT NULL,
    trace_context text,
    occurred_at   timestamptz NOT NULL,
    CONSTRAINT order_events_order_version_key UNIQUE (order_id, version)
) PARTITION BY HASH (order_id);

CREATE TABLE write.order_events_p0 PARTITION OF write.order_events FOR VALUES WITH (MODULUS 8, REMAINDER 0);
CREATE TABLE write.order_events_p1 PARTITION OF write.order_events FOR VALUES WITH (MODULUS 8, REMAINDER 1);
CREATE TABLE write.order_events_p2 PARTITION OF write.order_events FOR VALUES WITH (MODULUS 8, REMAINDER 2);
CREATE TABLE write.order_events_p3 PARTITION OF write.order_events FOR VALUES WITH (MODULUS 8, REMAINDER 3);
CREATE TABLE write.order_events_p4 PARTITION OF write.order_events FOR VALUES WITH (MODULUS 8, REMAINDER 4);
CREATE TABLE write.order_events_p5 PARTITION OF write.order_events FOR VALUES WITH (MODULUS 8, REMAINDER 5);
CREATE TABLE write.order_events_p6 PARTITION OF write.order_events FOR VALUES WITH (MODULUS 8, REMAINDER 6);
CREATE TABLE write.order_events_p7 PARTITION OF write.order_events FOR VALUES WITH (MODULUS 8, REMAINDER 7);

-- Followers read `position > cursor ORDER BY position LIMIT n`: a merge over the partitions.
CREATE INDEX order_events_position_idx ON write.order_events (position);

GRANT SELECT, INSERT ON write.order_events TO mes_write, mes_consumer;
GRANT USAGE ON SEQUENCE write.log_position TO mes_write, mes_consumer;
