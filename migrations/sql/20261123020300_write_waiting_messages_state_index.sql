-- no-transaction
-- Pages of messages in one state, the newest first.
CREATE INDEX CONCURRENTLY waiting_messages_state_idx ON write.waiting_messages (state, waiting_id);
