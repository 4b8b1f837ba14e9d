-- What can be ordered by which card, for whoever chooses: ids, names and what suits what, and no price. The read API
-- has no right in `write`, so it looks through a view, as for API keys. Names are missing on cards that have none.
CREATE VIEW read.price_lists AS
    SELECT c.version, c.valid_from,
           (SELECT jsonb_agg(jsonb_build_object(
                       'id', m.entry ->> 'id', 'kind', coalesce(m.entry ->> 'kind', 'metal'),
                       'names', c.names -> 'materials' -> (m.entry ->> 'id')) ORDER BY m.place)
            FROM jsonb_array_elements(c.document -> 'materials') WITH ORDINALITY AS m (entry, place)) AS materials,
           (SELECT jsonb_agg(jsonb_build_object(
                       'id', f.entry ->> 'id', 'only_for', coalesce(f.entry -> 'only_for', '[]'),
                       'names', c.names -> 'finishes' -> (f.entry ->> 'id')) ORDER BY f.place)
            FROM jsonb_array_elements(c.document -> 'finishes') WITH ORDINALITY AS f (entry, place)) AS finishes,
           coalesce(
               (SELECT jsonb_agg(jsonb_build_object(
                           'id', s.entry ->> 'id',
                           'names', c.names -> 'settings' -> (s.entry ->> 'id')) ORDER BY s.place)
                FROM jsonb_array_elements(c.document -> 'settings') WITH ORDINALITY AS s (entry, place)),
               '[]') AS settings,
           c.document ? 'rush' AS has_rush
    FROM write.rate_cards AS c;

GRANT SELECT ON read.price_lists TO mes_read;
