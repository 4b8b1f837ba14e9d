-- What is wrong with an order, a route, a follower or a producer, found by the system itself before anybody calls: one
-- open incident per subject and cause, with who must act, what was seen and what was tried. A closed one stays as history;
-- the same trouble later is another incident.
CREATE TABLE write.incidents (
    incident_id  uuid        PRIMARY KEY,
    subject_kind text        NOT NULL,   -- 'order', 'delivery', 'message', 'follower', 'lane', 'producer', 'system', …
    subject      text        NOT NULL,   -- which one, by its name
    order_id     uuid,                   -- the order that it is about, if it is about one
    cause        text        NOT NULL,   -- for programs: 'job-missing', 'not-acknowledged', …
    status       text        NOT NULL CHECK (status IN ('open', 'healing', 'escalated', 'acknowledged', 'healed')),
    owner        text        NOT NULL,   -- who must act when the system cannot: 'on-call', 'seller', 'workshop', …
    evidence     jsonb       NOT NULL,
    attempts     jsonb       NOT NULL DEFAULT '[]',  -- what was tried or said: when, what, and what came of it
    tries        integer     NOT NULL DEFAULT 0 CHECK (tries >= 0),  -- attempts to heal; the list above is bounded
    opened_at    timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    tried_at     timestamptz,
    deadline     timestamptz NOT NULL,   -- until when it should be healed
    closed_at    timestamptz,
    CHECK ((status = 'healed') = (closed_at IS NOT NULL))
);

-- One open incident per subject and cause, whoever finds it and however often.
CREATE UNIQUE INDEX incidents_open_idx ON write.incidents (cause, subject_kind, subject) WHERE closed_at IS NULL;
-- The list, the newest first: all of them, and those of a status.
CREATE INDEX incidents_newest_idx ON write.incidents (opened_at, incident_id);
CREATE INDEX incidents_status_idx ON write.incidents (status, opened_at, incident_id);
-- What was ever wrong with an order.
CREATE INDEX incidents_order_idx ON write.incidents (order_id, opened_at) WHERE order_id IS NOT NULL;

GRANT SELECT, INSERT, UPDATE ON write.incidents TO mes_write, mes_consumer;
