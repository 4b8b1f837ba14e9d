-- The read API shows what waits, what is parked and what was done about it, without any right in `write`: views
-- with their owner's rights, like the API keys (ADR 8). They show bytes and reasons; who may look is the read API's
-- to decide.
CREATE VIEW read.messages AS
    SELECT w.waiting_id AS message_no, w.state,
           write.message_fingerprint(w.reason_code, w.kind, w.reason) AS fingerprint,
           w.reason_code, w.reason, w.kind, w.source, w.message_id, w.order_key, w.attempts, w.seen,
           w.received_at, coalesce(w.last_seen_at, w.received_at) AS last_seen_at,
           w.next_attempt, w.settled_at, w.headers, w.body, w.original_body
    FROM write.waiting_messages AS w;

CREATE VIEW read.audit_entries AS
    SELECT a.audit_id, a.subject, a.action, a.by_actor, a.reason, a.detail, a.body, a.at
    FROM write.audit_entries AS a;

CREATE VIEW read.parked_deliveries AS
    SELECT d.recipient, d.order_id, d.position, d.reason, d.attempts, d.next_attempt, d.parked_at
    FROM write.parked_deliveries AS d;

GRANT SELECT ON read.messages, read.audit_entries, read.parked_deliveries TO mes_read, mes_consumer;
