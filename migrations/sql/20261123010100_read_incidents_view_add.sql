-- People of the house see incidents on a screen; the read API has no right in `write`, so it looks through a view, as for
-- API keys and quotes.
CREATE VIEW read.incidents AS
    SELECT i.incident_id, i.subject_kind, i.subject, i.order_id, i.cause, i.status, i.owner, i.evidence, i.attempts,
           i.tries, i.opened_at, i.last_seen_at, i.tried_at, i.deadline, i.closed_at
    FROM write.incidents AS i;

GRANT SELECT ON read.incidents TO mes_read;
