-- no-transaction
-- Bytes that nobody can read have no key: the same bytes again are the same message, seen once more.
CREATE INDEX CONCURRENTLY waiting_messages_body_idx ON write.waiting_messages (sha256(body))
    WHERE state = 'parked' AND order_key IS NULL;
