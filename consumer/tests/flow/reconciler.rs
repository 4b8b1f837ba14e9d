//! Lists of others, compared with ours; and what is behind is sent again.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use consumer::reconciler::Reconciler;
use serde_json::{Value, json};
use shared::actor::Actor;
use shared::ids::{PartnerId, ReconciliationId, TimeOrderedIds};
use shared::order::{Status, samples};
use shared::platform::shutdown::Shutdown;
use shared::reconciliation::{Line, Party};
use testkit::{DatabaseRole, PATIENCE, eventually};
use uuid::Uuid;
use write_api::commands::RedriveList;
use write_api::store::{
    Cause, CommandContext, CommandError, ReconciliationRefusal, RedriveAnswer, Store,
};

use crate::log;
use crate::world::World;

fn line(external_id: &str, status: Status) -> Line {
    Line { external_id: external_id.to_owned(), status, version: None, at: None }
}

impl World {
    fn write_store(&self) -> Store {
        let pool = self.database.pool(DatabaseRole::Write);
        Store::new(pool, Arc::new(self.clock.clone()), Arc::new(TimeOrderedIds))
    }

    fn reconciler(&self) -> Reconciler {
        let pool = self.database.pool(DatabaseRole::Consumer);
        Reconciler::new(pool, Arc::new(self.clock.clone()))
    }

    /// An order with so many events, under the name that the shop or a partner gave it.
    async fn order(&self, number: u128, events: usize) {
        log::live(&mut self.database.connection().await, number, events).await;
        sqlx::query(
            "INSERT INTO write.order_references (source, external_id, order_id) VALUES ($1, $2, $3)",
        )
        .bind(log::origin(number).partner_id().map_or("shop".to_owned(), |id| format!("partner:{id}")))
        .bind(format!("X-{number}"))
        .bind(log::order_id(number).as_uuid())
        .execute(&self.pool)
        .await
        .unwrap();
    }

    async fn compare(&self, party: Party, key: &str, lines: &[Line]) -> ReconciliationId {
        let (store, by) = (self.write_store(), Actor::Shop);
        let start = store.start_reconciliation(party, key, &by).await.unwrap();
        store.keep_lines(&start, 0, lines).await.unwrap();
        store.finish_loading(&start, lines.len() as u64, &[7; 32]).await.unwrap();
        self.reconciler().drain().await.unwrap();
        start.id
    }

    async fn found(&self, id: ReconciliationId) -> Vec<(String, String)> {
        sqlx::query_as(
            "SELECT external_id, kind FROM read.reconciliation_rows
             WHERE reconciliation_id = $1 ORDER BY row_no",
        )
        .bind(id.as_uuid())
        .fetch_all(&self.pool)
        .await
        .unwrap()
    }

    async fn counts(&self, id: ReconciliationId) -> Value {
        sqlx::query_scalar(
            "SELECT counts FROM write.reconciliations WHERE reconciliation_id = $1 AND state = 'done'",
        )
        .bind(id.as_uuid())
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }

    async fn redrive(
        &self,
        by: Actor,
        id: ReconciliationId,
        key: &str,
        limit: u16,
    ) -> Result<RedriveAnswer, CommandError> {
        let command = RedriveList {
            reconciliation_id: id,
            kinds: vec!["behind".to_owned(), "missing".to_owned()],
            limit,
            reason: None,
        };
        let context = CommandContext {
            actor: by,
            cause: Cause::new("test", key, &[]),
            trace_context: None,
            expected_version: None,
        };
        let handled = self.write_store().execute(&context, &command).await?;
        Ok(handled.parse().unwrap())
    }

    /// A webhook with this number.
    async fn webhook(&self, number: u128, partner_id: PartnerId, event_types: &[&str]) {
        sqlx::query(
            "INSERT INTO write.webhooks
                 (webhook_id, partner_id, url, event_types, state, created_at, changed_at)
             VALUES ($1, $2, 'https://example.org', $3, 'active', now(), now())",
        )
        .bind(Uuid::from_u128(number))
        .bind(partner_id.as_uuid())
        .bind(event_types)
        .execute(&self.pool)
        .await
        .unwrap();
    }
}

fn pairs(found: &[(&str, &str)]) -> Vec<(String, String)> {
    found.iter().map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned())).collect()
}

/// The shop is told of all of these: drafts, a price, an approval, the end.
async fn a_busy_day(world: &World) {
    for (number, events) in [(1, 6), (2, 6), (3, 6), (4, 3), (5, 6), (7, 6), (8, 11)] {
        world.order(number, events).await;
    }
    world.advance(TimeDelta::hours(1));
}

#[tokio::test]
async fn each_row_is_judged_by_what_its_sender_was_told_by_then() {
    let world = World::new().await;
    a_busy_day(&world).await;
    let list = [
        line("X-1", Status::ManufacturingApproved),
        Line { version: Some(3), ..line("X-2", Status::Submitted) },
        line("X-404", Status::Submitted),
        line("X-4", Status::Shipped),
        line("X-1", Status::Submitted),
        // As it was two seconds after the beginning.
        Line {
            at: Some(samples::moment() + TimeDelta::seconds(2)),
            ..line("X-7", Status::Submitted)
        },
        // The partner's, whatever its number.
        line("X-3", Status::Submitted),
    ];
    let id = world.compare(Party::Shop, "first", &list).await;
    let expected = [
        ("X-1", "same"),
        ("X-2", "behind"),
        ("X-404", "unknown"),
        ("X-4", "ahead"),
        ("X-1", "duplicated"),
        ("X-7", "same"),
        ("X-3", "unknown"),
        ("X-5", "missing"),
    ];
    assert_eq!(world.found(id).await, pairs(&expected));
    let counts =
        json!({ "same": 2, "behind": 1, "unknown": 2, "ahead": 1, "duplicated": 1, "missing": 1 });
    assert_eq!(world.counts(id).await, counts);

    let partner = Party::Partner(log::origin(3).partner_id().unwrap());
    let id = world.compare(partner, "first", &[]).await;
    assert_eq!(world.found(id).await, pairs(&[("X-3", "missing")]), "nobody else's orders");

    let ours = |number| log::order_id(number).to_string();
    let list = [line(&ours(1), Status::PriceCalculated), line("no-id", Status::Submitted)];
    let id = world.compare(Party::Crm, "first", &list).await;
    let (one, others) = (ours(1), [2, 3, 4, 5, 7].map(ours));
    let mut expected = vec![(one, "behind".to_owned()), ("no-id".to_owned(), "unknown".to_owned())];
    expected.extend(others.map(|name| (name, "missing".to_owned())));
    assert_eq!(world.found(id).await, expected);
}

#[tokio::test]
async fn what_is_behind_or_missing_is_sent_again_in_order_under_the_same_ids() {
    let world = World::new().await;
    a_busy_day(&world).await;
    let shutdown = Shutdown::new();
    world.relay().run(&shutdown);
    // Of 1, 2, 5 and 7 six events each, of 4 three, of 8 eleven; 3 is a partner's.
    let ids = |messages: &[Value]| -> BTreeMap<String, Vec<(u64, String)>> {
        let mut heard = BTreeMap::<String, Vec<(u64, String)>>::new();
        for message in messages {
            let version = message["data"]["version"].as_u64().unwrap();
            let id = message["id"].as_str().unwrap().to_owned();
            let order = message["data"]["external_id"].as_str().unwrap().to_owned();
            heard.entry(order).or_default().push((version, id));
        }
        heard
    };
    let first = ids(&world.receive("mes.to.shop", 4 * 6 + 3 + 11).await);
    let list = [
        line("X-1", Status::ManufacturingApproved),
        Line { version: Some(3), ..line("X-2", Status::Submitted) },
        line("X-4", Status::Submitted),
        line("X-7", Status::ManufacturingApproved),
    ];
    let id = world.compare(Party::Shop, "first", &list).await;
    let redrive = async |key, limit| world.redrive(Actor::Shop, id, key, limit).await.unwrap();
    let told = |rows, events, left| RedriveAnswer { rows, events, left };
    assert_eq!([redrive("a", 1).await, redrive("b", 10).await], [told(1, 3, 1), told(1, 6, 0)]);
    assert_eq!(redrive("c", 10).await, told(0, 0, 0), "each row once");
    let again = ids(&world.receive("mes.to.shop", 3 + 6).await);
    assert_eq!(again["X-2"], first["X-2"][3..]);
    assert_eq!(again["X-5"], first["X-5"]);
    let nothing_parked =
        || async { world.count("SELECT count(*) FROM write.parked_deliveries").await == 0 };
    eventually("all is delivered", nothing_parked, PATIENCE).await;
    shutdown.stop();
    shutdown.drain(PATIENCE).await;
}

#[tokio::test]
async fn a_partner_that_is_behind_is_told_again_by_each_of_its_webhooks() {
    let world = World::new().await;
    a_busy_day(&world).await;
    let partner_id = log::origin(3).partner_id().unwrap();
    let list = [Line { version: Some(4), ..line("X-3", Status::Submitted) }];
    let id = world.compare(Party::Partner(partner_id), "first", &list).await;
    assert_eq!(world.found(id).await, pairs(&[("X-3", "behind")]));
    let redrive = async |key| world.redrive(Actor::Partner { partner_id }, id, key, 10).await;
    let refused = redrive("a").await.unwrap_err();
    let no_channel = CommandError::ReconciliationRefused(ReconciliationRefusal::NoChannel);
    assert_eq!(refused.to_string(), no_channel.to_string(), "it has no webhook");

    world.webhook(1, partner_id, &[]).await;
    world.webhook(2, partner_id, &["order.price-calculated"]).await;
    world.webhook(3, partner_id, &[]).await;
    world.webhook(4, PartnerId::new(Uuid::from_u128(4)), &[]).await;
    world
        .run("UPDATE write.webhooks SET deleted_at = now() WHERE webhook_id::text LIKE '%3'")
        .await;
    // The first was told of the price; the second is younger than that.
    world
        .run(
            "INSERT INTO write.webhook_deliveries
                 (webhook_id, position, order_id, version, kind, state, attempts, sent, next_attempt, occurred_at, finished_at)
             SELECT w.webhook_id, e.position, e.order_id, e.version, 'order.' || e.kind, 'delivered', 2, 2, now(), e.occurred_at, now()
             FROM write.order_events AS e, write.webhooks AS w
             WHERE e.kind = 'price-calculated' AND e.order_id = '00000000-0000-0000-0000-000000000003'
               AND w.webhook_id = '00000000-0000-0000-0000-000000000001'",
        )
        .await;
    assert_eq!(redrive("b").await.unwrap(), RedriveAnswer { rows: 1, events: 0, left: 0 });
    world.run("UPDATE write.reconciliation_rows SET resent_at = NULL").await;
    world
        .run(
            "INSERT INTO write.followers (name, cursor, moved_at, touched_at)
             SELECT 'webhooks', max(position), now(), now() FROM write.order_events",
        )
        .await;
    assert_eq!(redrive("c").await.unwrap(), RedriveAnswer { rows: 1, events: 3, left: 0 });
    let waiting: Vec<(String, i64, String, i32, i32)> = sqlx::query_as(
        "SELECT right(webhook_id::text, 1), version, kind, attempts, sent
         FROM write.webhook_deliveries WHERE state = 'waiting' AND finished_at IS NULL
         ORDER BY webhook_id, position",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    let (price, approval) = ("order.price-calculated", "order.manufacturing-approved");
    let expected = [("1", 5, price, 0, 2), ("1", 6, approval, 0, 0), ("2", 5, price, 0, 0)].map(
        |(webhook, version, kind, tried, sent)| {
            (webhook.to_owned(), version, kind.to_owned(), tried, sent)
        },
    );
    assert_eq!(waiting, expected);
    world.run("UPDATE write.reconciliation_rows SET resent_at = NULL").await;
    assert_eq!(redrive("d").await.unwrap().events, 0, "what waits is on its way already");
}

#[tokio::test]
async fn old_lists_are_deleted_with_their_rows_and_a_party_keeps_a_bounded_number() {
    let world = World::new().await;
    a_busy_day(&world).await;
    let many: Vec<Line> =
        (0..5_100).map(|number| line(&format!("U-{number}"), Status::Submitted)).collect();
    let old = world.compare(Party::Shop, "old", &many).await;
    assert_eq!(world.counts(old).await["unknown"], 5_100);
    world.advance(TimeDelta::days(31));
    for key in 0..25 {
        world.compare(Party::Shop, &format!("key-{key}"), &[]).await;
        world.advance(TimeDelta::seconds(1));
    }
    let (lists, rows): (i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM write.reconciliations),
                (SELECT count(*) FROM write.reconciliation_rows WHERE kind = 'unknown')",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert_eq!((lists, rows), (20, 0));
}
