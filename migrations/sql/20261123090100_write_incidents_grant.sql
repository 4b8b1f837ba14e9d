-- Healed incidents are history, and history that nobody asks for any more is deleted by the consumer's housekeeping.
GRANT DELETE ON write.incidents TO mes_consumer;
