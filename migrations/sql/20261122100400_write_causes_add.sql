-- "Was this handled, and what was the answer?" for HTTP (caller + Idempotency-Key) and for AMQP
-- (source + message id) alike, kept in the transaction of the work itself. Partitioned by the
-- hash of its key: by day the key could not be unique, and a retry after midnight would run twice.
CREATE TABLE write.causes (
    source       text        NOT NULL,
    key          text        NOT NULL,
    fingerprint  bytea       NOT NULL,
    order_id     uuid,
    answer       json,       -- json, not jsonb: a replayed answer is equal to the byte
    -- allow types: json keeps the text of the answer as it was
    created_at   timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    PRIMARY KEY (source, key)
) PARTITION BY HASH (source, key);

CREATE TABLE write.causes_p0 PARTITION OF write.causes FOR VALUES WITH (MODULUS 4, REMAINDER 0);
CREATE TABLE write.causes_p1 PARTITION OF write.causes FOR VALUES WITH (MODULUS 4, REMAINDER 1);
CREATE TABLE write.causes_p2 PARTITION OF write.causes FOR VALUES WITH (MODULUS 4, REMAINDER 2);
CREATE TABLE write.causes_p3 PARTITION OF write.causes FOR VALUES WITH (MODULUS 4, REMAINDER 3);

-- Old causes are deleted in batches, oldest first.
CREATE INDEX causes_last_seen_idx ON write.causes (last_seen_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON write.causes TO mes_write, mes_consumer;
