-- Producers number their messages, per epoch of theirs. A number that does not come is a message that was lost before it
-- reached us, which nothing else here can know. `highest` is the highest number that came; `missing` has those below it
-- that did not, since when.
CREATE TABLE write.producers (
    source       text        NOT NULL,
    epoch        bigint      NOT NULL,
    highest      bigint      NOT NULL,
    last_seen_at timestamptz NOT NULL,
    PRIMARY KEY (source, epoch)
);

CREATE TABLE write.producer_gaps (
    source       text        NOT NULL,
    epoch        bigint      NOT NULL,
    first_number bigint      NOT NULL,
    last_number  bigint      NOT NULL CHECK (last_number >= first_number),
    since        timestamptz NOT NULL,
    PRIMARY KEY (source, epoch, first_number)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON write.producers, write.producer_gaps TO mes_consumer;
GRANT SELECT ON write.producers, write.producer_gaps TO mes_write;
