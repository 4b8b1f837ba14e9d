-- The read API shows quotes without any right in `write`: a view runs with its owner's rights and shows just what
-- is asked for. Like the API keys it is replicated with its table (a projection would be a second truth, and
-- there is no log of quotes to make it from). The outbox and the traces stay inside.
CREATE VIEW read.quotes AS
    SELECT q.quote_id, q.requester, q.reference, q.revision, q.state, q.quote, q.created_at
    FROM write.quotes AS q;

GRANT SELECT ON read.quotes TO mes_read, mes_consumer;
