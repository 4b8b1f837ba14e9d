-- no-transaction
-- Messages that were applied or discarded are deleted after 90 days, the oldest first.
CREATE INDEX CONCURRENTLY waiting_messages_settled_idx ON write.waiting_messages (settled_at)
    WHERE state IN ('applied', 'discarded');
