-- The history of metal prices shows why a person confirmed one. A column at the end: the old code asks for the others.
CREATE OR REPLACE VIEW read.metal_fixings AS
    SELECT f.fixing_id, f.metal, f.price_per_gram, f.currency, f.source, f.observed_at, f.received_at, f.published_by,
           f.state, f.reason, f.change_percent, f.set_id, f.decided_by, f.decided_at, f.decided_because
    FROM write.metal_fixings AS f;
