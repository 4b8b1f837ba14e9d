-- no-transaction
-- The parked messages of one group, for replaying and discarding them together.
CREATE INDEX CONCURRENTLY waiting_messages_group_idx
    ON write.waiting_messages (write.message_fingerprint(reason_code, kind, reason), waiting_id)
    WHERE state = 'parked';
