-- Whoever sent a message about an order has it in its books: orders of before are not to be looked for. Only open ones are
-- asked about, so that this stays small.
INSERT INTO write.acknowledgements (order_id, recipient, acknowledged_at)
SELECT c.order_id, 'crm', min(c.created_at)
FROM write.causes AS c
JOIN write.orders AS o ON o.order_id = c.order_id AND o.status IN ('SUBMITTED', 'PRICE_CALCULATED')
WHERE c.source LIKE 'message:%crm%'
GROUP BY c.order_id
ON CONFLICT (order_id, recipient) DO NOTHING;
