-- Lists that the shop, the CRM or a partner sent of the orders as they believe them to be, and what was found.
-- Loaded in batches, compared in steps: `cursor_row` and `cursor_name` say how far, so that another
-- process goes on where one ended. Old ones are deleted with their rows.
CREATE TABLE write.reconciliations (
    reconciliation_id uuid        PRIMARY KEY,
    party             text        NOT NULL,   -- 'shop', 'crm' or 'partner:<id>'
    request_key       text        NOT NULL,   -- the Idempotency-Key: the same list again is the same reconciliation
    body_hash         bytea,                  -- of the whole list, when it has come
    state             text        NOT NULL CHECK (state IN ('loading', 'comparing', 'done', 'failed')),
    created_by        jsonb       NOT NULL,
    created_at        timestamptz NOT NULL,
    touched_at        timestamptz NOT NULL,
    finished_at       timestamptz,
    row_count         bigint      NOT NULL DEFAULT 0,
    cursor_row        bigint      NOT NULL DEFAULT 0,
    cursor_name       text        NOT NULL DEFAULT '',
    listed_all        boolean     NOT NULL DEFAULT false,
    counts            jsonb,
    UNIQUE (party, request_key)
);

CREATE INDEX reconciliations_work_idx ON write.reconciliations (created_at) WHERE state IN ('loading', 'comparing');
CREATE INDEX reconciliations_age_idx ON write.reconciliations (created_at);

CREATE TABLE write.reconciliation_rows (
    reconciliation_id uuid        NOT NULL,
    row_no            bigint      NOT NULL,   -- as in the list; orders that are missing there follow after its end
    external_id       text        NOT NULL,
    status            text,                   -- as they believe; NULL when the order is missing in the list
    version           bigint,
    seen_at           timestamptz,
    kind              text        CHECK (kind IN ('same', 'missing', 'unknown', 'behind', 'duplicated', 'ahead')),
    order_id          uuid,
    our_status        text,
    our_version       bigint,
    resent_at         timestamptz,
    PRIMARY KEY (reconciliation_id, row_no)
);

-- The same name twice in one list; and "is this order in the list?".
CREATE INDEX reconciliation_rows_name_idx ON write.reconciliation_rows (reconciliation_id, external_id, row_no);
-- Pages of what was found.
CREATE INDEX reconciliation_rows_kind_idx ON write.reconciliation_rows (reconciliation_id, kind, row_no)
    WHERE kind <> 'same';

GRANT SELECT, INSERT, UPDATE, DELETE ON write.reconciliations, write.reconciliation_rows TO mes_write, mes_consumer;
