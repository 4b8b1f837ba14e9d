-- What is known of an uploaded 3D model; the bytes lie in the object store under the same id,
-- which is their SHA-256. The facet count chooses the pricing lane.
CREATE TABLE write.models (
    model_id    text        PRIMARY KEY CHECK (model_id ~ '^[0-9a-f]{64}$'),
    bytes       bigint      NOT NULL CHECK (bytes > 0),
    format      text        NOT NULL,
    facets      bigint      NOT NULL CHECK (facets > 0),
    uploaded_by jsonb       NOT NULL,
    created_at  timestamptz NOT NULL
);

GRANT SELECT, INSERT ON write.models TO mes_write;
GRANT SELECT ON write.models TO mes_consumer;
