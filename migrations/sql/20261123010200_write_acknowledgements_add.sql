-- Which orders a recipient has said to have in its books. The causes know it too, but not by order; whoever looks for
-- orders that were never acknowledged asks here.
CREATE TABLE write.acknowledgements (
    order_id        uuid        NOT NULL,
    recipient       text        NOT NULL,   -- 'crm'
    acknowledged_at timestamptz NOT NULL,
    PRIMARY KEY (order_id, recipient)
);

GRANT SELECT, INSERT ON write.acknowledgements TO mes_write, mes_consumer;
