-- The read API tells what was measured of a model, with every count behind a price or a refusal, without any right in
-- `write`: a view with its owner's rights, like that of the quotes. Leases and attempts stay inside.
CREATE VIEW read.analyses AS
    SELECT a.model_id, a.unit, a.engine_version, a.state, a.standing, a.analysis, a.report, a.refusal, a.finished_at
    FROM write.analyses AS a;

GRANT SELECT ON read.analyses TO mes_read, mes_consumer;
