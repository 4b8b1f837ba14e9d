//! Feeds the cache: a view's version is the position of the last event that changed what it shows. Moved with
//! the rows, it is part of the cache key, and nothing ever needs invalidating.

use std::collections::BTreeMap;

use sqlx::PgConnection;

use super::{Change, Folded};

/// The views that show something else after the changes. A status that an order only passed through within
/// the batch was never seen.
fn touched(changes: &[Change]) -> BTreeMap<String, u64> {
    let mut touched = BTreeMap::new();
    for change in changes {
        for view in views_of(change) {
            let version = touched.entry(view).or_default();
            *version = change.position.max(*version);
        }
    }
    touched
}

fn views_of(change: &Change) -> Vec<String> {
    let after = &change.after;
    let operators = [change.before.and_then(|before| before.operator_id), after.stage.in_hand_of()];
    let mut views = vec![format!("status:{}", after.status())];
    views.extend(change.before.map(|before| format!("status:{}", before.status)));
    views.extend(after.origin.partner_id().map(|id| format!("partner:{id}")));
    views.extend(operators.into_iter().flatten().map(|id| format!("operator:{id}")));
    if change.moves() {
        views.extend(change.scopes().map(|scope| format!("counts:{scope}")));
    }
    views
}

pub(super) async fn write(
    connection: &mut PgConnection,
    folded: &Folded<'_>,
) -> Result<(), sqlx::Error> {
    let touched = touched(&folded.changes).into_iter();
    let (views, versions): (Vec<String>, Vec<i64>) =
        touched.map(|(view, version)| (view, version.cast_signed())).unzip();
    sqlx::query!(
        r#"
        INSERT INTO views (view, version)
        SELECT n.view, n.version FROM unnest($1::text[], $2::bigint[]) AS n(view, version)
        ON CONFLICT (view) DO UPDATE SET version = excluded.version
        "#,
        &views,
        &versions,
    )
    .execute(connection)
    .await?;
    Ok(())
}
