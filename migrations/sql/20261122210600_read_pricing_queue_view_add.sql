-- Who waits for a price, or has it made, wants to know how far it is; job rows change too often to be projected. The
-- read API sees what is queued or running through views with their owner's rights, replicated like the rest.
CREATE VIEW read.pricing_queue AS
    SELECT j.order_id AS subject_id, j.subject, j.generation, j.lane, j.tenant, j.state, j.attempts, j.queued_at,
           j.not_before, j.started_at, j.phase, j.progress
    FROM write.pricing_jobs AS j
    WHERE j.state IN ('queued', 'running');

-- The recent pace of each lane, from the last 50 jobs that it finished: the time between two of them, without the
-- time in which nobody waited, and the time that a worker had one in hand.
CREATE VIEW read.pricing_pace AS
    SELECT lanes.lane, count(*) AS jobs,
           avg(extract(epoch FROM recent.gap))::double precision AS seconds_a_job,
           avg(extract(epoch FROM recent.in_hand))::double precision AS seconds_in_hand
    FROM unnest(ARRAY['shop-short', 'shop-long', 'partner-short', 'partner-long']) AS lanes (lane)
    CROSS JOIN LATERAL (
        SELECT greatest(interval '0', last.finished_at - greatest(last.queued_at, lag(last.finished_at) OVER (ORDER BY last.finished_at))) AS gap,
               greatest(interval '0', last.finished_at - last.started_at) AS in_hand
        FROM (SELECT j.finished_at, j.queued_at, j.started_at FROM write.pricing_jobs AS j
              WHERE j.lane = lanes.lane AND j.finished_at IS NOT NULL AND j.state IN ('done', 'failed')
              ORDER BY j.finished_at DESC LIMIT 50) AS last
    ) AS recent
    GROUP BY lanes.lane;

GRANT SELECT ON read.pricing_queue, read.pricing_pace TO mes_read, mes_consumer;
