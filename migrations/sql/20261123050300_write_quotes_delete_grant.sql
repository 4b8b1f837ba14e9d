-- The consumers' housekeeping deletes old quotes; nobody else does.
GRANT DELETE ON write.quotes TO mes_consumer;
