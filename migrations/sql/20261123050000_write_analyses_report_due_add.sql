-- A price no longer waits for the printability report: it is made afterwards by the worker that measured the model, and
-- when that worker dies or has too much in hand, by whoever finds it overdue. `report_due` is when to look for it;
-- NULL: it is there, or was given up after a few beginnings.
ALTER TABLE write.analyses
    ADD COLUMN report_due   timestamptz,
    ADD COLUMN report_begun smallint NOT NULL DEFAULT 0 CHECK (report_begun >= 0);
