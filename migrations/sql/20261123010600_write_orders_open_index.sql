-- no-transaction
-- The census and the deadlines look at open orders only, every few seconds; most orders are closed.
CREATE INDEX CONCURRENTLY orders_open_idx ON write.orders (status, status_since) INCLUDE (order_id, version, operator_id) WHERE status NOT IN ('CLOSED', 'CANCELLED');
