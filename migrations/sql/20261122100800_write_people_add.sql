-- Who may act. No personal data beyond the name that colleagues see on the board.
CREATE TABLE write.operators (
    operator_id  uuid        PRIMARY KEY,
    display_name text        NOT NULL CHECK (length(display_name) BETWEEN 1 AND 100),
    wip_limit    integer     NOT NULL CHECK (wip_limit BETWEEN 1 AND 1000),
    active       boolean     NOT NULL,
    updated_at   timestamptz NOT NULL
);

CREATE TABLE write.partners (
    partner_id   uuid        PRIMARY KEY,
    display_name text        NOT NULL CHECK (length(display_name) BETWEEN 1 AND 100),
    active       boolean     NOT NULL,
    created_at   timestamptz NOT NULL
);

-- Only the SHA-256 of a key is kept. `holder` is 'partner:<id>', 'shop' or 'crm'.
CREATE TABLE write.api_keys (
    api_key_id uuid        PRIMARY KEY,
    key_hash   bytea       NOT NULL,
    holder     text        NOT NULL,
    scopes     text[]      NOT NULL,
    label      text        NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    CONSTRAINT api_keys_hash_key UNIQUE (key_hash)
);

GRANT SELECT, INSERT, UPDATE ON write.operators, write.partners, write.api_keys TO mes_write;
GRANT SELECT ON write.operators, write.partners TO mes_consumer;
