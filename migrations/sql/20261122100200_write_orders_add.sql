-- One row decides an order; it is locked by id for every command and never scanned by screens.
-- `state` is the whole order as the domain crate writes it; the columns beside it are copies for
-- the few questions that the write side itself asks.
CREATE TABLE write.orders (
    order_id     uuid        PRIMARY KEY,
    version      bigint      NOT NULL CHECK (version > 0),
    status       text        NOT NULL,
    operator_id  uuid,
    state        jsonb       NOT NULL,
    created_at   timestamptz NOT NULL,
    status_since timestamptz NOT NULL
);

-- The WIP limit counts what an operator has in hand, under the operator's lock.
CREATE INDEX orders_in_hand_idx ON write.orders (operator_id)
    WHERE status IN ('MANUFACTURING_STARTED', 'MANUFACTURING_COMPLETED', 'PACKAGING');

-- An outside name of an order ('shop' or 'partner:<id>' plus their own number) is unique for
-- ever: it is what makes a retried submission the same order. A table of its own, because the
-- orders table is to be distributed by order_id and could not enforce it.
CREATE TABLE write.order_references (
    source      text NOT NULL,
    external_id text NOT NULL,
    order_id    uuid NOT NULL,
    PRIMARY KEY (source, external_id)
);

GRANT SELECT, INSERT, UPDATE ON write.orders TO mes_write, mes_consumer;
GRANT SELECT, INSERT ON write.order_references TO mes_write, mes_consumer;
