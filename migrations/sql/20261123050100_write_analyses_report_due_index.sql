-- no-transaction
-- Workers look for overdue reports every few seconds; almost no row has one.
CREATE INDEX CONCURRENTLY analyses_report_due_idx ON write.analyses (report_due) WHERE report_due IS NOT NULL;
