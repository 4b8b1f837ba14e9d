-- The truth about pricing work; messages in the lanes' queues are only wake-ups. A worker holds a
-- job by a lease that its heartbeat renews; an expired lease puts the job back.
-- (order_id, generation) is the key: a re-pricing is a new job of the same order, and the table can be
-- distributed by order_id.
CREATE TABLE write.pricing_jobs (
    order_id      uuid        NOT NULL,
    generation    bigint      NOT NULL CHECK (generation > 0), -- 1, then + 1 for each re-pricing asked by a person
    lane          text        NOT NULL,
    tenant        text        NOT NULL,   -- 'shop' or 'partner:<id>': fairness inside a lane is between these
    state         text        NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    attempts      integer     NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    lease_token   uuid,
    lease_until   timestamptz,
    not_before    timestamptz NOT NULL,   -- a retry waits
    last_error    text,
    trace_context text,
    queued_at     timestamptz NOT NULL,
    finished_at   timestamptz,
    PRIMARY KEY (order_id, generation),
    CHECK ((state = 'running') = (lease_token IS NOT NULL AND lease_until IS NOT NULL))
);

-- The fairest next job of a lane: choose the tenant, then its oldest job.
CREATE INDEX pricing_jobs_queued_idx ON write.pricing_jobs (lane, tenant, queued_at) WHERE state = 'queued';
-- The rescuer looks for expired leases; fairness counts what each tenant has running.
CREATE INDEX pricing_jobs_running_idx ON write.pricing_jobs (lease_until) WHERE state = 'running';

GRANT SELECT, INSERT, UPDATE ON write.pricing_jobs TO mes_write, mes_consumer;
