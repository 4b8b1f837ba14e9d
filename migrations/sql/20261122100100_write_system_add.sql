-- The epoch names a life of the log. Promotion, restore and rebuild move it, so that a
-- position from another life counts as unknown and never as newer.
CREATE TABLE write.system (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    epoch     bigint  NOT NULL CHECK (epoch > 0)
);

INSERT INTO write.system (epoch) VALUES (1);

GRANT SELECT ON write.system TO mes_write, mes_consumer;
GRANT UPDATE ON write.system TO mes_consumer;
