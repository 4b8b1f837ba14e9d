-- What people did to messages, deliveries and reconciliations, and why. Written in the transaction of the deed, and
-- never changed: nobody may update or delete. `subject` is what it was done to ('message:4711'), `body` what an
-- edited message said before.
CREATE TABLE write.audit_entries (
    audit_id bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    subject  text        NOT NULL,
    action   text        NOT NULL,
    by_actor jsonb       NOT NULL,
    reason   text,
    detail   jsonb,
    body     bytea,
    cause    text        NOT NULL,
    at       timestamptz NOT NULL
);

CREATE INDEX audit_entries_subject_idx ON write.audit_entries (subject, audit_id);

GRANT SELECT, INSERT ON write.audit_entries TO mes_write, mes_consumer;
