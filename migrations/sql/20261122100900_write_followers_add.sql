-- Where each follower of the log stands. A follower with its effect in this database moves the
-- cursor in the effect's transaction, another one after its effect is confirmed. `touched_at` is the
-- small write that waits for the synchronous standby before an effect leaves the database.
CREATE TABLE write.followers (
    name       text        PRIMARY KEY,
    cursor     bigint      NOT NULL CHECK (cursor >= 0),
    moved_at   timestamptz NOT NULL,
    touched_at timestamptz NOT NULL
);

GRANT SELECT, INSERT, UPDATE ON write.followers TO mes_consumer;
GRANT SELECT ON write.followers TO mes_write;
