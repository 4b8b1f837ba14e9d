-- A damaged model may have bounds instead of a volume. When they are far apart a person looks at it and may accept the
-- upper one: for the model in this unit as this engine measures it, so for every order and quote of it.
CREATE TABLE write.accepted_models (
    model_id       text        NOT NULL,
    unit           text        NOT NULL,
    engine_version text        NOT NULL,
    reason         text        NOT NULL,
    accepted_by    jsonb       NOT NULL,
    accepted_at    timestamptz NOT NULL,
    PRIMARY KEY (model_id, unit, engine_version)
);

GRANT SELECT, INSERT ON write.accepted_models TO mes_write, mes_consumer;
