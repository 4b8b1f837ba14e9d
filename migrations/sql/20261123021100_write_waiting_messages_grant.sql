-- The intake deletes messages that were settled long ago; what was done to them stays in the audit entries.
GRANT DELETE ON write.waiting_messages TO mes_consumer;
