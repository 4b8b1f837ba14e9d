//! How far the read model has come: moved in the transaction of each batch, so that on any replica
//! `checkpoint >= p` means "event p is visible here".

use chrono::{DateTime, Utc};
use shared::position::Position;
use sqlx::PgConnection;

/// The read model's place, and the follower's, in one snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What readers are told.
    pub checkpoint: Position,
    /// Where the follower's cursor is.
    pub cursor: u64,
}

/// Takes over the epoch of the log, which promotion and restore change, and tells where things stand.
pub async fn adopt_epoch(
    connection: &mut PgConnection,
    follower: &str,
) -> Result<Standing, sqlx::Error> {
    sqlx::query!(
        "UPDATE checkpoint AS c SET epoch = s.epoch FROM write.system AS s WHERE c.epoch <> s.epoch",
    )
    .execute(&mut *connection)
    .await?;
    let row = sqlx::query!(
        r#"
        SELECT c.epoch, c.position, f.cursor
        FROM checkpoint AS c CROSS JOIN write.followers AS f
        WHERE f.name = $1
        "#,
        follower,
    )
    .fetch_one(connection)
    .await?;
    let checkpoint = Position {
        epoch: u32::try_from(row.epoch).map_err(|error| sqlx::Error::Decode(error.into()))?,
        position: row.position.cast_unsigned(),
    };
    Ok(Standing { checkpoint, cursor: row.cursor.cast_unsigned() })
}

/// Moves the checkpoint from one position to another within an epoch; `false` when it is not there any more.
/// `current_at` is given when nothing was left behind the batch.
pub async fn advance(
    connection: &mut PgConnection,
    from: Position,
    to: u64,
    current_at: Option<DateTime<Utc>>,
) -> Result<bool, sqlx::Error> {
    let moved = sqlx::query!(
        "UPDATE checkpoint SET position = $3, current_at = COALESCE($4, current_at)
         WHERE epoch = $1 AND position = $2",
        i64::from(from.epoch),
        from.position.cast_signed(),
        to.cast_signed(),
        current_at,
    )
    .execute(connection)
    .await?;
    Ok(moved.rows_affected() == 1)
}

/// Notes that nothing is left to apply; `false` when the checkpoint, or the log's epoch, is another by now.
pub async fn touch(
    connection: &mut PgConnection,
    at: Position,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let touched = sqlx::query!(
        "UPDATE checkpoint AS c SET current_at = $3 FROM write.system AS s
         WHERE c.epoch = $1 AND c.position = $2 AND s.epoch = c.epoch",
        i64::from(at.epoch),
        at.position.cast_signed(),
        now,
    )
    .execute(connection)
    .await?;
    Ok(touched.rows_affected() == 1)
}
