-- What people call materials, finishes and settings, in two languages. Beside the document and not in it: no price
-- depends on a name, and the programs of the last release refuse a document with fields that they do not know.
-- Cards that were published before have none; what has no name is called by its id.
ALTER TABLE write.rate_cards ADD COLUMN names jsonb;
