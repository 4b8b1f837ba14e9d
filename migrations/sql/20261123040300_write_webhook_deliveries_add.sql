-- What each webhook is told, and what became of it: the queue and the delivery log in one. The body is made from the log
-- each time, and is always the same. `next_attempt` moves into the future before an attempt leaves the house.
CREATE TABLE write.webhook_deliveries (
    webhook_id   uuid        NOT NULL REFERENCES write.webhooks (webhook_id) ON DELETE CASCADE,
    position     bigint      NOT NULL,
    order_id     uuid        NOT NULL,
    version      bigint      NOT NULL,
    kind         text        NOT NULL,
    state        text        NOT NULL CHECK (state IN ('waiting', 'delivered', 'failed')),
    attempts     integer     NOT NULL DEFAULT 0 CHECK (attempts >= 0),   -- since it was last put into the queue
    sent         integer     NOT NULL DEFAULT 0 CHECK (sent >= 0),       -- ever
    next_attempt timestamptz NOT NULL,
    occurred_at  timestamptz NOT NULL,
    last_sent_at timestamptz,
    last_status  integer,
    last_error   text,
    finished_at  timestamptz,
    PRIMARY KEY (webhook_id, position)
);

-- Which webhooks have something to do.
CREATE INDEX webhook_deliveries_due_idx ON write.webhook_deliveries (next_attempt, webhook_id) WHERE state = 'waiting';
-- The oldest event of each order that waits.
CREATE INDEX webhook_deliveries_waiting_idx ON write.webhook_deliveries (webhook_id, order_id, position) WHERE state = 'waiting';
-- By what they are called in `webhook-id`.
CREATE INDEX webhook_deliveries_event_idx ON write.webhook_deliveries (webhook_id, order_id, version);
-- What is old enough to be forgotten.
CREATE INDEX webhook_deliveries_finished_idx ON write.webhook_deliveries (finished_at) WHERE finished_at IS NOT NULL;

GRANT SELECT, UPDATE ON write.webhook_deliveries TO mes_write;
GRANT SELECT, INSERT, UPDATE, DELETE ON write.webhook_deliveries TO mes_consumer;
