-- The relay's book: a bit for each position of the log and each recipient with a promise, set when the recipient has it or
-- wants nothing of it, in the transaction that moves the cursor. What the cursor has passed and what is neither set nor
-- parked was lost on our side: a parked row was deleted, or the cursor was moved by hand. One row for 1024 positions.
CREATE TABLE write.sent_positions (
    recipient text      NOT NULL,   -- 'shop', 'crm'
    block     bigint    NOT NULL CHECK (block >= 0),   -- positions from block * 1024 on
    sent      bit(1024) NOT NULL,
    is_whole  boolean   GENERATED ALWAYS AS (bit_count(sent) = 1024) STORED,
    PRIMARY KEY (recipient, block)
) WITH (fillfactor = 50);

-- The few blocks that must be looked at.
CREATE INDEX sent_positions_open_idx ON write.sent_positions (recipient, block) WHERE NOT is_whole;

GRANT SELECT, INSERT, UPDATE, DELETE ON write.sent_positions TO mes_consumer;
