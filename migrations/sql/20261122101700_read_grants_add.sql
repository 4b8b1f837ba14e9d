-- The consumer owns the read model's tables, because a rebuild makes new ones beside them and swaps
-- the names; the read API selects, whatever the tables are called next.
ALTER TABLE read.checkpoint OWNER TO mes_consumer;
ALTER TABLE read.orders OWNER TO mes_consumer;
ALTER TABLE read.timeline OWNER TO mes_consumer;
ALTER TABLE read.status_counts OWNER TO mes_consumer;
ALTER TABLE read.views OWNER TO mes_consumer;

GRANT CREATE ON SCHEMA read TO mes_consumer;
GRANT SELECT ON ALL TABLES IN SCHEMA read TO mes_read;
ALTER DEFAULT PRIVILEGES FOR ROLE mes_consumer IN SCHEMA read GRANT SELECT ON TABLES TO mes_read;

-- Rebuilding happens in a schema of the consumer's own.
DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO mes_consumer', current_database()); END $$;
