-- Which orders a recipient was sent and has not said to have in its books, since when: the watchdog looks for old ones every
-- few seconds, and must not read all open orders for that. The relay writes a row when the broker has the message; the
-- acknowledgement removes it, and the watchdog removes what needs none any more.
CREATE TABLE write.awaited_acknowledgements (
    order_id  uuid        NOT NULL,
    recipient text        NOT NULL,   -- 'crm'
    sent_at   timestamptz NOT NULL,
    PRIMARY KEY (order_id, recipient)
);

CREATE INDEX awaited_acknowledgements_since_idx ON write.awaited_acknowledgements (sent_at);

GRANT SELECT, INSERT, DELETE ON write.awaited_acknowledgements TO mes_consumer;
GRANT SELECT, DELETE ON write.awaited_acknowledgements TO mes_write;
