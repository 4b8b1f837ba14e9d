-- What webhooks are signed with; a message is signed with each secret that lives. Whoever registers a webhook writes a
-- secret and cannot read it again: only the role that signs can.
CREATE TABLE write.webhook_secrets (
    secret_id  uuid        PRIMARY KEY,
    webhook_id uuid        NOT NULL REFERENCES write.webhooks (webhook_id) ON DELETE CASCADE,
    secret     bytea       NOT NULL CHECK (length(secret) BETWEEN 24 AND 64),
    created_at timestamptz NOT NULL,
    expires_at timestamptz            -- the newest has none
);

CREATE INDEX webhook_secrets_webhook_idx ON write.webhook_secrets (webhook_id, created_at);

GRANT INSERT, DELETE ON write.webhook_secrets TO mes_write;
GRANT SELECT (secret_id, webhook_id, created_at, expires_at), UPDATE (expires_at) ON write.webhook_secrets TO mes_write;
GRANT SELECT, DELETE ON write.webhook_secrets TO mes_consumer;
