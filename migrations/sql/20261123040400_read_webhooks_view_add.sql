-- Partners look at their webhooks and at the delivery log through views that show no secret.
CREATE VIEW read.webhooks AS
    SELECT w.webhook_id, w.partner_id, w.url, w.event_types, w.state, w.paused_reason, w.paused_at,
           w.failing_since, w.created_at, w.changed_at
    FROM write.webhooks AS w
    WHERE w.deleted_at IS NULL;

CREATE VIEW read.webhook_secrets AS
    SELECT s.secret_id, s.webhook_id, s.created_at, s.expires_at
    FROM write.webhook_secrets AS s;

CREATE VIEW read.webhook_deliveries AS
    SELECT d.webhook_id, d.position, d.order_id, d.version, d.kind, d.state, d.attempts, d.sent, d.next_attempt,
           d.occurred_at, d.last_sent_at, d.last_status, d.last_error, d.finished_at
    FROM write.webhook_deliveries AS d;

GRANT SELECT ON read.webhooks, read.webhook_secrets, read.webhook_deliveries TO mes_read;
