-- no-transaction
-- The newest that a recipient has acknowledged is asked for every few seconds.
CREATE INDEX CONCURRENTLY acknowledgements_sent_idx ON write.acknowledgements (recipient, sent_at);
