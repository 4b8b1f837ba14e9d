//! What changed after a position, as frames that are written once for all streams.

use std::collections::{BTreeMap, HashMap};

use bytes::{Bytes, BytesMut};
use shared::ids::PartnerId;
use shared::order::Status;
use shared::position::Position;
use shared::views::BoardRow;
use sqlx::types::{Json, JsonRawValue};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::frames::{LiveCounts, LiveOrder};
use crate::filter::Scope;
use crate::replicas::{AskError, Head, Question, Snapshot, order_from};

/// The orders that changed after a position, oldest change first.
#[derive(Debug)]
pub struct ChangesSince {
    pub after: Position,
    pub limit: u32,
    pub scope: Scope,
    /// Whose counts to read as well.
    pub counts: Vec<Scope>,
}

/// What changed. An order that changed twice is there once, as it is now.
#[derive(Debug)]
pub struct Changes {
    /// Everything up to here is in.
    pub position: Position,
    /// Whether everything that the snapshot shows is in; otherwise the limit was met.
    pub is_complete: bool,
    orders: Vec<Changed>,
    counts: HashMap<Scope, Bytes>,
    /// All frames in a row, for those who may see all.
    for_all: Bytes,
}

#[derive(Debug)]
struct Changed {
    position: u64,
    partner_id: Option<PartnerId>,
    frame: Bytes,
}

impl Changes {
    /// How many orders changed.
    pub fn len(&self) -> usize {
        self.orders.len()
    }

    /// What a stream may see of it that has seen everything up to `after`; `None` for nothing.
    pub fn frames(&self, scope: Scope, after: Position) -> Option<Bytes> {
        let same_life = after.epoch == self.position.epoch;
        let seen = if same_life { after.position } else { 0 };
        if seen >= self.position.position {
            return None;
        }
        let is_new = |changed: &&Changed| changed.position > seen;
        if scope == Scope::All && self.orders.first().is_none_or(|first| is_new(&first)) {
            return (!self.for_all.is_empty()).then(|| self.for_all.clone());
        }
        let mut frames = BytesMut::new();
        let visible = self.orders.iter().filter(is_new).filter(|c| scope.sees(c.partner_id));
        visible.for_each(|changed| frames.extend_from_slice(&changed.frame));
        if !frames.is_empty() {
            frames.extend_from_slice(self.counts.get(&scope).map_or(&[], |counts| &counts[..]));
        }
        (!frames.is_empty()).then(|| frames.freeze())
    }
}

impl Question for ChangesSince {
    type Answer = Changes;

    async fn ask(&self, connection: &mut PgConnection) -> Result<Snapshot<Changes>, AskError> {
        let mut snapshot =
            connection.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
        let head = head(&mut snapshot).await?;
        let orders = self.orders(&mut snapshot).await?;
        let is_complete = orders.len() < usize::try_from(self.limit).unwrap_or(usize::MAX);
        let position = match orders.last() {
            Some(last) if !is_complete => Position { position: last.position, ..head.position },
            _ => head.position,
        };
        // Whoever resumes after the counts must not miss rows that the limit has cut off.
        let counts = self.counts(&mut snapshot, position).await?;
        snapshot.commit().await?;
        let for_all = orders.iter().map(|changed| &changed.frame).chain(counts.get(&Scope::All));
        let for_all = for_all.fold(BytesMut::new(), |mut all, frame| {
            all.extend_from_slice(frame);
            all
        });
        let for_all = for_all.freeze();
        Ok(Snapshot { head, answer: Changes { position, is_complete, orders, counts, for_all } })
    }
}

async fn head(snapshot: &mut PgConnection) -> Result<Head, AskError> {
    let row = sqlx::query!("SELECT epoch, position, current_at FROM read.checkpoint")
        .fetch_one(snapshot)
        .await?;
    Head::new(row.epoch, row.position, row.current_at, None)
}

impl ChangesSince {
    async fn orders(&self, snapshot: &mut PgConnection) -> Result<Vec<Changed>, AskError> {
        let rows = sqlx::query!(
            r#"SELECT o.order_id, o.position, o.partner_id, v.version AS "version?",
                      o.state AS "state: Json<Box<JsonRawValue>>"
               FROM read.orders AS o
               LEFT JOIN read.views AS v ON v.view = 'status:' || o.status
               WHERE o.position > $1 AND ($2::uuid IS NULL OR o.partner_id = $2)
               ORDER BY o.position LIMIT $3"#,
            i64::try_from(self.after.position).unwrap_or(i64::MAX),
            self.scope.partner().map(|partner_id| partner_id.as_uuid()),
            i64::from(self.limit),
        )
        .fetch_all(snapshot)
        .await?;
        let changed = rows.into_iter().map(|row| {
            let version = row.version.unwrap_or(row.position);
            self.changed(row.order_id, row.position, row.partner_id, version, &row.state.0)
        });
        changed.collect()
    }

    fn changed(
        &self,
        order_id: Uuid,
        position: i64,
        partner_id: Option<Uuid>,
        version: i64,
        state: &JsonRawValue,
    ) -> Result<Changed, AskError> {
        let position = u64::try_from(position).unwrap_or(0);
        let order = LiveOrder {
            row: BoardRow::from(&order_from(order_id, state)?),
            position: Position { position, ..self.after },
            view_version: u64::try_from(version).unwrap_or(0),
        };
        let partner_id = partner_id.map(PartnerId::new);
        Ok(Changed { position, partner_id, frame: order.to_frame() })
    }

    async fn counts(
        &self,
        snapshot: &mut PgConnection,
        position: Position,
    ) -> Result<HashMap<Scope, Bytes>, AskError> {
        let names: Vec<String> = self.counts.iter().map(Scope::to_string).collect();
        let rows = sqlx::query!(
            "SELECT scope, status, orders FROM read.status_counts WHERE scope = ANY($1)",
            &names,
        )
        .fetch_all(snapshot)
        .await?;
        let counts = self.counts.iter().zip(names).map(|(scope, name)| {
            let mut counts: BTreeMap<Status, u64> = Status::ALL.map(|status| (status, 0)).into();
            for row in rows.iter().filter(|row| row.scope == name) {
                if let Ok(status) = row.status.parse() {
                    counts.insert(status, u64::try_from(row.orders).unwrap_or(0));
                }
            }
            (*scope, LiveCounts { counts, position }.to_frame())
        });
        Ok(counts.collect())
    }
}
