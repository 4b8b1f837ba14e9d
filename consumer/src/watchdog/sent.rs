//! Events that a recipient was never sent although the relay's cursor has passed them: somebody deleted what was parked,
//! or moved the cursor. The relay's book (`write.sent_positions`) has a bit for each position; a bit that is missing,
//! of an event that is not parked, names its order.

use serde_json::json;
use shared::contracts::outbound::Recipient;
use shared::ids::OrderId;
use shared::incident::{Finding, Owner, Subject};

use super::heal::Remedy;
use super::{Scene, Sight, Trouble, WatchdogError, age_seconds};
use crate::relay::book::{BLOCK, KEPT_BLOCKS};

pub(super) const CAUSES: &[&str] = &["not-sent"];
const PROMISED: [Recipient; 2] = [Recipient::Shop, Recipient::Crm];

pub(super) async fn look(scene: &Scene<'_>) -> Result<Sight, WatchdogError> {
    let recipients = PROMISED.map(Recipient::as_str);
    // Only blocks that are not whole are looked at: the one that the cursor stands in, and those with something parked.
    // A block without a row is one that the cursor jumped over.
    let rows = sqlx::query!(
        r#"WITH cursors AS MATERIALIZED (
               SELECT n.recipient, f.cursor,
                      (SELECT min(s.block) FROM write.sent_positions AS s WHERE s.recipient = n.recipient) AS oldest
               FROM unnest($1::text[]) AS n (recipient)
               JOIN write.followers AS f ON f.name = 'relay:' || n.recipient
           ),
           blocks AS MATERIALIZED (
               SELECT c.recipient, c.cursor, s.block, s.sent
               FROM cursors AS c JOIN write.sent_positions AS s ON s.recipient = c.recipient AND NOT s.is_whole
               UNION ALL
               SELECT c.recipient, c.cursor, b.block, 0::bit(1024)
               FROM cursors AS c
               CROSS JOIN LATERAL generate_series(greatest(c.oldest, c.cursor / $3 - $4), c.cursor / $3) AS b (block)
               WHERE NOT EXISTS (SELECT FROM write.sent_positions AS s
                                 WHERE s.recipient = c.recipient AND s.block = b.block)
           )
           SELECT b.recipient AS "recipient!", e.order_id AS "order_id!", count(*) AS "events!",
                  min(e.position) AS "first!", min(e.occurred_at) AS "since!"
           FROM blocks AS b
           JOIN write.order_events AS e
             ON e.position >= b.block * $3 AND e.position < (b.block + 1) * $3 AND e.position <= b.cursor
           WHERE get_bit(b.sent, (e.position % $3)::integer) = 0
             AND NOT EXISTS (SELECT FROM write.parked_deliveries AS p
                             WHERE p.recipient = b.recipient AND p.order_id = e.order_id
                               AND p.position = e.position)
           GROUP BY b.recipient, e.order_id ORDER BY 4 LIMIT $2"#,
        &recipients as &[&str],
        scene.limit(),
        BLOCK.cast_signed(),
        KEPT_BLOCKS.cast_signed(),
    )
    .fetch_all(scene.pool)
    .await?;
    let recipient_of = |name: &str| PROMISED.into_iter().find(|known| known.as_str() == name);
    let troubles = rows.into_iter().filter_map(|row| {
        let (order_id, recipient) = (OrderId::new(row.order_id), recipient_of(&row.recipient)?);
        let finding = Finding {
            subject: Subject::delivery(&row.recipient, order_id),
            cause: "not-sent",
            owner: Owner::OnCall,
            evidence: json!({
                "recipient": row.recipient,
                "events": row.events,
                "first_position": row.first,
                "seconds": age_seconds(row.since, scene.now),
            }),
            deadline: scene.deadline(),
        };
        let remedy = Remedy::Resend { recipient: recipient.as_str(), order_id };
        Some(Trouble { finding, remedy: Some(remedy) })
    });
    Ok(Sight::new(troubles.collect(), scene.config.limit))
}
