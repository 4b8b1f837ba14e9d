-- Quotes: what a piece would cost, asked before anything is ordered. A quote has no events of its own; its row is the
-- truth, and `revision` grows with each change. `quote` holds the whole; the columns beside it are what is searched by.
--
-- The last columns are the outbox: a revision that was not announced yet is due at `announce_at`. Whoever announces
-- moves that moment into the future first, so that several relays share the work and one that dies loses nothing.
CREATE TABLE write.quotes (
    quote_id           uuid        PRIMARY KEY,
    requester          text        NOT NULL,   -- 'shop', 'partner:<id>', 'staff:<id>': the name space of references
    reference          text,
    model_id           text        NOT NULL,
    state              text        NOT NULL CHECK (state IN
                           ('requested', 'priced', 'provisional', 'refused', 'ordered', 'cancelled')),
    revision           bigint      NOT NULL CHECK (revision > 0),
    quote              jsonb       NOT NULL,
    valid_until        timestamptz,
    order_id           uuid,
    trace_context      text,
    created_at         timestamptz NOT NULL,
    changed_at         timestamptz NOT NULL,
    announced_revision bigint      NOT NULL DEFAULT 0 CHECK (announced_revision <= revision),
    announced_at       timestamptz,
    announce_at        timestamptz NOT NULL,
    announce_attempts  integer     NOT NULL DEFAULT 0 CHECK (announce_attempts >= 0),
    UNIQUE (reference, requester)
);

-- The outbox: empty when all is told.
CREATE INDEX quotes_unannounced_idx ON write.quotes (announce_at) WHERE announced_revision < revision;
-- A requester's newest quotes.
CREATE INDEX quotes_newest_idx ON write.quotes (requester, created_at DESC, quote_id DESC);

GRANT SELECT, INSERT, UPDATE ON write.quotes TO mes_write, mes_consumer;
