-- What people ask of a message that could not be applied: how often it came, when last, and what it said before
-- somebody edited it. `begun` counts tries that were begun and did not come to an end: a message that
-- ends the process must not be tried again and again by each process that takes over.
ALTER TABLE write.waiting_messages
    ADD COLUMN seen          integer NOT NULL DEFAULT 1 CHECK (seen > 0),
    ADD COLUMN last_seen_at  timestamptz,
    ADD COLUMN begun         integer NOT NULL DEFAULT 0 CHECK (begun >= 0),
    ADD COLUMN original_body bytea;    -- NULL until it is edited
