-- The heartbeat's order needs a model, which it uploads as anybody does: through the write API's own code, in the
-- consumer's role.
GRANT INSERT, UPDATE ON write.models TO mes_consumer;
