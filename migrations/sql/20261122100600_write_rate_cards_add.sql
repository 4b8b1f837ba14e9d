-- Price books are append-only and versioned: a price names the version it was made with and can
-- be made again from it. The newest one whose valid_from has passed is in force.
CREATE TABLE write.rate_cards (
    version    bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    document   jsonb       NOT NULL,
    valid_from timestamptz NOT NULL,
    created_by jsonb       NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE INDEX rate_cards_valid_from_idx ON write.rate_cards (valid_from DESC, version DESC);

GRANT SELECT, INSERT ON write.rate_cards TO mes_write;
GRANT SELECT ON write.rate_cards TO mes_consumer;
