-- What was measured of a model, once for each unit and engine version: 50 orders of one model cost one
-- calculation, and a price is made from the kept numbers in microseconds. A worker calculates under a lease
-- like a job's, with the same token; the jobs that need the same wait until it is done. A file that cannot be
-- priced is kept as refused, and a person's "price it again" forgets that.
CREATE TABLE write.analyses (
    model_id       text        NOT NULL,
    unit           text        NOT NULL,   -- as asked for; 'file' when the file is to say
    engine_version text        NOT NULL,
    state          text        NOT NULL CHECK (state IN ('running', 'done', 'refused')),
    lease_token    uuid,
    lease_until    timestamptz,
    begun          integer     NOT NULL DEFAULT 1 CHECK (begun >= 0),   -- calculations that were begun
    analysis       jsonb,
    report         jsonb,                  -- printability
    refusal        jsonb,                  -- code and reason
    finished_at    timestamptz,
    PRIMARY KEY (model_id, unit, engine_version),
    CHECK ((state = 'running') = (lease_token IS NOT NULL AND lease_until IS NOT NULL)),
    CHECK ((state = 'done') = (analysis IS NOT NULL)),
    CHECK ((state = 'refused') = (refusal IS NOT NULL))
);

-- A heartbeat, and the end of a job, know the lease's token.
CREATE INDEX analyses_lease_idx ON write.analyses (lease_token) WHERE state = 'running';

-- A person's "price it again" is a command: it forgets a refusal.
GRANT SELECT, INSERT, UPDATE, DELETE ON write.analyses TO mes_write, mes_consumer;
