-- no-transaction
-- Quotes that are settled are deleted when they are old, oldest first.
CREATE INDEX CONCURRENTLY quotes_settled_idx ON write.quotes (changed_at)
    WHERE state IN ('priced', 'refused', 'ordered', 'cancelled');
