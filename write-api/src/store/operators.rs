//! What a rule must know of an operator who asks for work.

use shared::ids::OperatorId;
use shared::order::decisions::AskingOperator;
use shared::order::stage::OperatorName;
use sqlx::PgConnection;

use super::CommandError;

/// Locks the operator first (two tabs must not pass the WIP limit together), then counts what they have in hand.
pub(super) async fn lock(
    connection: &mut PgConnection,
    operator_id: OperatorId,
) -> Result<AskingOperator, CommandError> {
    let row = sqlx::query!(
        "SELECT display_name, wip_limit, active FROM write.operators
         WHERE operator_id = $1 FOR UPDATE",
        operator_id.as_uuid(),
    )
    .fetch_optional(&mut *connection)
    .await?
    .ok_or(CommandError::UnknownOperator)?;
    let in_hand = sqlx::query_scalar!(
        r#"SELECT count(*) AS "in_hand!" FROM write.orders
           WHERE operator_id = $1
             AND status IN ('MANUFACTURING_STARTED', 'MANUFACTURING_COMPLETED', 'PACKAGING')"#,
        operator_id.as_uuid(),
    )
    .fetch_one(connection)
    .await?;
    Ok(AskingOperator {
        operator: OperatorName { operator_id, name: row.display_name },
        active: row.active,
        in_hand: u32::try_from(in_hand).unwrap_or(u32::MAX),
        wip_limit: u32::try_from(row.wip_limit).unwrap_or(0),
    })
}
