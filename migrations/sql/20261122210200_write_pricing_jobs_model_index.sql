-- no-transaction
-- Whoever finishes an analysis frees all jobs that wait for it at once.
CREATE INDEX CONCURRENTLY pricing_jobs_model_idx ON write.pricing_jobs (model_id, unit) WHERE state = 'queued';
