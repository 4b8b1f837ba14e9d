-- Prices of pure metals, as a feed or a person said them: append-only, so that the price of an order can be made
-- again from what held then. An accepted one gets the next set_id; a set is, for each metal, the newest row with at
-- most that set_id, and prices name their set. A jump waits for a person, one per metal at a time.
CREATE TABLE write.metal_fixings (
    fixing_id      bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    metal          text        NOT NULL CHECK (metal IN ('gold', 'silver', 'platinum', 'palladium')),
    price_per_gram numeric     NOT NULL CHECK (price_per_gram > 0), -- of pure metal, in minor units
    currency       text        NOT NULL,
    source         text        NOT NULL,
    observed_at    timestamptz NOT NULL,
    received_at    timestamptz NOT NULL,
    published_by   jsonb       NOT NULL,
    state          text        NOT NULL CHECK (state IN ('accepted', 'waiting', 'rejected')),
    reason         text,                -- why it waits or was rejected
    change_percent numeric,             -- against what was in force when it came
    set_id         bigint,
    decided_by     jsonb,
    decided_at     timestamptz,
    CHECK ((state = 'accepted') = (set_id IS NOT NULL)),
    CHECK ((state = 'waiting') = (decided_at IS NULL)),
    UNIQUE (metal, source, observed_at)
);

-- "What is in force, or was in force in this set?"
CREATE UNIQUE INDEX metal_fixings_set_idx ON write.metal_fixings (set_id) WHERE set_id IS NOT NULL;
CREATE INDEX metal_fixings_metal_set_idx ON write.metal_fixings (metal, set_id DESC) WHERE set_id IS NOT NULL;
-- "Which set held at that moment?"
CREATE INDEX metal_fixings_decided_idx ON write.metal_fixings (decided_at DESC, set_id DESC) WHERE set_id IS NOT NULL;
CREATE UNIQUE INDEX metal_fixings_waiting_idx ON write.metal_fixings (metal) WHERE state = 'waiting';

GRANT SELECT, INSERT, UPDATE ON write.metal_fixings TO mes_write, mes_consumer;
