-- no-transaction
-- The next job of a tenant is the one that is due longest; jobs that wait for a time lie behind it, so that a
-- claim reads one entry a tenant however many thousands are queued. Takes over from pricing_jobs_queued_idx.
CREATE INDEX CONCURRENTLY pricing_jobs_due_idx ON write.pricing_jobs (lane, tenant, not_before) WHERE state = 'queued';
