-- Administrators look at the history of metal prices and at what waits for them; the read API has no right in
-- `write`, so it looks through a view, as for API keys.
CREATE VIEW read.metal_fixings AS
    SELECT f.fixing_id, f.metal, f.price_per_gram, f.currency, f.source, f.observed_at, f.received_at, f.published_by,
           f.state, f.reason, f.change_percent, f.set_id, f.decided_by, f.decided_at
    FROM write.metal_fixings AS f;

GRANT SELECT ON read.metal_fixings TO mes_read;
