-- Messages that could not be applied: `waiting` ones are tried again, per order and in order, with
-- growing delays; `parked` ones need a human. Raw bytes and cause are kept, nothing is dropped.
CREATE TABLE write.waiting_messages (
    waiting_id   bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    state        text        NOT NULL CHECK (state IN ('waiting', 'parked', 'applied', 'discarded')),
    order_key    text,                 -- what the message calls its order; NULL when undecodable
    source       text,
    message_id   text,
    kind         text,
    body         bytea       NOT NULL,
    headers      jsonb       NOT NULL,
    reason_code  text        NOT NULL,
    reason       text        NOT NULL,
    attempts     integer     NOT NULL CHECK (attempts >= 0),
    next_attempt timestamptz,
    received_at  timestamptz NOT NULL,
    settled_at   timestamptz,
    CHECK ((state = 'waiting') = (next_attempt IS NOT NULL))
);

-- The oldest waiting message of each order that is due.
CREATE INDEX waiting_messages_due_idx ON write.waiting_messages (next_attempt, waiting_id) WHERE state = 'waiting';
-- "Does this order already have a message waiting?": then a newer one waits behind it.
CREATE INDEX waiting_messages_order_idx ON write.waiting_messages (order_key, waiting_id)
    WHERE state IN ('waiting', 'parked');
CREATE INDEX waiting_messages_parked_idx ON write.waiting_messages (reason_code, waiting_id) WHERE state = 'parked';

GRANT SELECT, INSERT, UPDATE ON write.waiting_messages TO mes_consumer, mes_write;
