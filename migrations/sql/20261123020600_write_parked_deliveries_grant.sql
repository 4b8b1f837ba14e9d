-- People ask the relay to try a parked delivery now, and to send events again to whoever is behind.
GRANT INSERT, UPDATE ON write.parked_deliveries TO mes_write;
