-- An event that a recipient's queue would not take parks that (order, recipient); later events of the
-- pair queue up behind it in order, everything else goes on.
CREATE TABLE write.parked_deliveries (
    recipient    text        NOT NULL,
    order_id     uuid        NOT NULL,
    position     bigint      NOT NULL,
    reason       text        NOT NULL,
    attempts     integer     NOT NULL CHECK (attempts >= 0),
    next_attempt timestamptz NOT NULL,
    parked_at    timestamptz NOT NULL,
    PRIMARY KEY (recipient, order_id, position)
);

CREATE INDEX parked_deliveries_due_idx ON write.parked_deliveries (recipient, next_attempt);

GRANT SELECT, INSERT, UPDATE, DELETE ON write.parked_deliveries TO mes_consumer;
GRANT SELECT ON write.parked_deliveries TO mes_write;
