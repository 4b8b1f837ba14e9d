-- Roles belong to the cluster, not to a database: they are made once, before the first
-- migration (`migrate roles`), and parallel databases never race on them.
-- Passwords are set beside this file (`migrate roles --write-password ...`), never in it.
DO $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'mes_write') THEN
        CREATE ROLE mes_write LOGIN;          -- write-api: commands
    END IF;
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'mes_consumer') THEN
        CREATE ROLE mes_consumer LOGIN;       -- consumer: followers of the log, owner of the read model's tables
    END IF;
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'mes_read') THEN
        CREATE ROLE mes_read LOGIN;           -- read-api: SELECT in schema read and nothing else
    END IF;
END
$$;

-- A waiting statement must not block everybody behind it, and an abandoned transaction would
-- hold back the followers of the log (they wait for the oldest running transaction).
ALTER ROLE mes_write SET lock_timeout = '2s';
ALTER ROLE mes_write SET statement_timeout = '5s';
ALTER ROLE mes_write SET idle_in_transaction_session_timeout = '10s';
ALTER ROLE mes_consumer SET lock_timeout = '2s';
ALTER ROLE mes_consumer SET statement_timeout = '30s';
ALTER ROLE mes_consumer SET idle_in_transaction_session_timeout = '10s';
ALTER ROLE mes_read SET statement_timeout = '2s';
ALTER ROLE mes_read SET default_transaction_read_only = on;

-- Statements here take milliseconds. Where the planner guesses that one is large (a thousand rows of a function, say), it
-- would have it compiled first: 3.8 s for a look of the watchdog that then took 11 ms.
ALTER ROLE mes_write SET jit = off;
ALTER ROLE mes_consumer SET jit = off;
ALTER ROLE mes_read SET jit = off;
