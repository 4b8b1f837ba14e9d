-- Where partners want to be told of their orders. `failing_since` is the first failure after the last success; one that
-- fails for long is paused, and what waits is kept until somebody resumes it.
CREATE TABLE write.webhooks (
    webhook_id    uuid        PRIMARY KEY,
    partner_id    uuid        NOT NULL,
    url           text        NOT NULL CHECK (length(url) BETWEEN 8 AND 500),
    event_types   text[]      NOT NULL,   -- empty: all
    state         text        NOT NULL CHECK (state IN ('active', 'paused')),
    paused_reason text,
    paused_at     timestamptz,
    failing_since timestamptz,
    created_at    timestamptz NOT NULL,
    changed_at    timestamptz NOT NULL,
    deleted_at    timestamptz
);

CREATE INDEX webhooks_partner_idx ON write.webhooks (partner_id) WHERE deleted_at IS NULL;

GRANT SELECT, INSERT, UPDATE ON write.webhooks TO mes_write;
GRANT SELECT, UPDATE, DELETE ON write.webhooks TO mes_consumer;
