-- Board and card. `state` is the order folded from its events by the same code as on the write
-- side; the columns beside it are what lists filter and sort by. `status_since` never changes while the
-- order stays in a status, so a cursor over it neither skips nor repeats.
CREATE TABLE read.orders (
    order_id     uuid        PRIMARY KEY,
    version      bigint      NOT NULL,
    position     bigint      NOT NULL,
    status       text        NOT NULL,
    status_since timestamptz NOT NULL,
    partner_id   uuid,
    external_id  text        NOT NULL,
    operator_id  uuid,                  -- set while an operator has it in hand
    state        jsonb       NOT NULL
);

-- The board: one status, newest or oldest first.
CREATE INDEX orders_board_idx ON read.orders (status, status_since, order_id);
-- A partner's own list.
CREATE INDEX orders_partner_idx ON read.orders (partner_id, status, status_since, order_id) WHERE partner_id IS NOT NULL;
-- My work.
CREATE INDEX orders_operator_idx ON read.orders (operator_id, status_since, order_id) WHERE operator_id IS NOT NULL;
-- Search by the number that the shop or a partner knows.
CREATE INDEX orders_external_idx ON read.orders (external_id, order_id);
-- Live updates: what changed after the last position sent.
CREATE INDEX orders_position_idx ON read.orders (position);
