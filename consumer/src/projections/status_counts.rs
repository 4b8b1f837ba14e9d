//! Feeds the counts over the board: how many orders a status has, for everybody and for each partner.
//! Maintained by difference, never counted.

use std::collections::BTreeMap;

use shared::order::Status;
use sqlx::PgConnection;

use super::{Change, Folded};

/// By how much each count changes; counts that stay are left out.
fn differences(changes: &[Change]) -> BTreeMap<(String, Status), i64> {
    let mut differences = BTreeMap::new();
    for change in changes.iter().filter(|change| change.moves()) {
        for scope in change.scopes() {
            write_api::planted!(CountsDrift, {
                if change.after.status() == Status::Cancelled {
                    continue;
                }
            });
            if let Some(before) = change.before {
                *differences.entry((scope.clone(), before.status)).or_default() -= 1;
            }
            *differences.entry((scope, change.after.status())).or_default() += 1;
        }
    }
    differences.retain(|_, difference| *difference != 0);
    differences
}

pub(super) async fn write(
    connection: &mut PgConnection,
    folded: &Folded<'_>,
) -> Result<(), sqlx::Error> {
    let (mut scopes, mut statuses, mut by) = (Vec::new(), Vec::new(), Vec::new());
    for ((scope, status), difference) in differences(&folded.changes) {
        scopes.push(scope);
        statuses.push(status.as_str());
        by.push(difference);
    }
    if scopes.is_empty() {
        return Ok(());
    }
    // Not an upsert: the table's check would refuse a negative difference before the conflict is seen.
    sqlx::query!(
        r#"
        MERGE INTO status_counts AS c
        USING unnest($1::text[], $2::text[], $3::bigint[]) AS d(scope, status, by)
        ON c.scope = d.scope AND c.status = d.status
        WHEN MATCHED THEN UPDATE SET orders = c.orders + d.by
        WHEN NOT MATCHED THEN INSERT (scope, status, orders) VALUES (d.scope, d.status, d.by)
        "#,
        &scopes,
        &statuses as &[&str],
        &by,
    )
    .execute(connection)
    .await?;
    Ok(())
}
