-- What was found, for whoever sent the list: views with their owner's rights, as for messages.
CREATE VIEW read.reconciliations AS
    SELECT r.reconciliation_id, r.party, r.state, r.created_by, r.created_at, r.finished_at, r.row_count, r.counts
    FROM write.reconciliations AS r;

CREATE VIEW read.reconciliation_rows AS
    SELECT f.reconciliation_id, f.row_no, f.external_id, f.status, f.version, f.seen_at, f.kind, f.order_id,
           f.our_status, f.our_version, f.resent_at
    FROM write.reconciliation_rows AS f;

GRANT SELECT ON read.reconciliations, read.reconciliation_rows TO mes_read, mes_consumer;
