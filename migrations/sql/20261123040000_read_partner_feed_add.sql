-- What each partner is told of its own orders, in the order of the log: read by cursor, pushed by webhooks.
-- Filled by the projector in the log's order, so a position that is visible has all before it.
-- `event` is json and not jsonb: what a partner is told of an event is always the same to the byte.
CREATE TABLE read.partner_feed (
    partner_id  uuid        NOT NULL,
    position    bigint      NOT NULL,
    event       json        NOT NULL,
    -- allow types: json keeps the text of the event as it was
    occurred_at timestamptz NOT NULL,
    PRIMARY KEY (partner_id, position)
);

-- Where to begin, for whoever knows only when they read last.
CREATE INDEX partner_feed_occurred_idx ON read.partner_feed (partner_id, occurred_at);

ALTER TABLE read.partner_feed OWNER TO mes_consumer;
GRANT SELECT ON read.partner_feed TO mes_read;
