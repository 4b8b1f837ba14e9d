-- A job prices an order or a quote; a quote's id then stands in order_id. Model, unit and facets say without a
-- look at the order which jobs need the same analysis and how heavy they are; they are null in jobs of older
-- code. Start, phase and progress are what people in the queue are told.
ALTER TABLE write.pricing_jobs
    ADD COLUMN subject    text NOT NULL DEFAULT 'order',
    ADD COLUMN model_id   text,
    ADD COLUMN unit       text,
    ADD COLUMN facets     bigint,
    ADD COLUMN started_at timestamptz,   -- of the running attempt
    ADD COLUMN phase      text,          -- 'waiting', 'fetching', 'reading', 'analysing', 'pricing'
    ADD COLUMN progress   smallint;      -- percent
