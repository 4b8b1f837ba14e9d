-- The durable answer to "where is my order": one row an event, read by order.
CREATE TABLE read.timeline (
    order_id    uuid        NOT NULL,
    version     bigint      NOT NULL,
    position    bigint      NOT NULL,
    kind        text        NOT NULL,
    status      text        NOT NULL,   -- the public status that holds after the event
    actor       jsonb       NOT NULL,
    data        jsonb       NOT NULL,
    trace_id    text,
    occurred_at timestamptz NOT NULL,
    PRIMARY KEY (order_id, version)
);
