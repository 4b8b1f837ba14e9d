-- no-transaction
-- The pace of a lane is measured on the jobs that it finished last.
CREATE INDEX CONCURRENTLY pricing_jobs_finished_idx ON write.pricing_jobs (lane, finished_at) WHERE finished_at IS NOT NULL;
