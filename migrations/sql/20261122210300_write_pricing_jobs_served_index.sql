-- no-transaction
-- Turns between tenants: who of the lane was served longest ago comes next.
CREATE INDEX CONCURRENTLY pricing_jobs_served_idx ON write.pricing_jobs (lane, tenant, started_at) WHERE started_at IS NOT NULL;
