-- Two schemas are the second wall between commands and queries: the read API's role gets
-- nothing in `write`, so a query can never lock or scan what a command decides on.
CREATE SCHEMA write;
CREATE SCHEMA read;

GRANT USAGE ON SCHEMA write TO mes_write, mes_consumer;
GRANT USAGE ON SCHEMA read TO mes_write, mes_consumer, mes_read;
