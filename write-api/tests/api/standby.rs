//! A repeated command is answered when the synchronous standby has its order, and not before. A session that is cut
//! off while it waits for the standby has committed here, and a failover would forget it: a kept answer that was merely
//! read would acknowledge an order that is lost a moment later.
//!
//! The standby is a real one, `pg_receivewal`, which the test starts when it wants to. The test servers know it by name;
//! only sessions that ask for `synchronous_commit` wait for it.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use shared::actor::Actor;
use shared::clock::SystemClock;
use shared::ids::TimeOrderedIds;
use shared::order::spec::WorkSpec;
use shared::order::{Origin, samples};
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use testkit::{DatabaseRole, PATIENCE, TestDatabase, eventually};
use write_api::commands::SubmitOrder;
use write_api::store::{Cause, CommandContext, Store};

use crate::support::new_key;

/// As the settings of test servers name it.
const STANDBY: &str = "standby_of_a_test";

/// A standby that confirms whatever it has written down.
struct Standby {
    process: Child,
    folder: PathBuf,
}

impl Standby {
    fn start(database: &TestDatabase) -> Self {
        let folder = std::env::temp_dir().join(format!("{}-standby", database.name()));
        std::fs::create_dir_all(&folder).expect("a folder for the log");
        let server =
            format!("{}?application_name={STANDBY}", database.url(DatabaseRole::Superuser));
        let process = Command::new(program())
            .args(["--synchronous", "--no-loop", "-d", &server, "-D"])
            .arg(&folder)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("pg_receivewal starts");
        Self { process, folder }
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn program() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL's programs");
    let programs = versions.flatten().map(|version| version.path().join("bin/pg_receivewal"));
    programs.filter(|program| program.exists()).max().expect("pg_receivewal is there")
}

/// A store whose commits wait for the standby.
async fn synchronous(database: &TestDatabase) -> Store {
    let options: PgConnectOptions = database.url(DatabaseRole::Write).parse().expect("a URL");
    let options = options.options([("synchronous_commit", "on")]);
    let pool = PgPoolOptions::new().max_connections(4).connect_with(options);
    let pool = pool.await.expect("the database answers");
    Store::new(pool, Arc::new(SystemClock), Arc::new(TimeOrderedIds))
}

/// Sessions of this test that wait for the standby.
async fn waiting(database: &TestDatabase, but: Option<i32>) -> Option<i32> {
    let query = "SELECT pid FROM pg_stat_activity
                 WHERE wait_event = 'SyncRep' AND datname = $1 AND pid IS DISTINCT FROM $2 LIMIT 1";
    let mut connection = database.connection().await;
    let waiting = sqlx::query_scalar(query).bind(database.name()).bind(but);
    waiting.fetch_optional(&mut connection).await.expect("sessions can be listed")
}

async fn orders(pool: &PgPool) -> i64 {
    let count = sqlx::query_scalar("SELECT count(*) FROM write.orders").fetch_one(pool);
    count.await.expect("orders can be counted")
}

#[tokio::test]
async fn a_repeated_command_waits_for_the_standby_that_the_first_one_did_not_reach() {
    let database = TestDatabase::create().await;
    let spec = samples::spec();
    sqlx::query(
        "INSERT INTO write.models (model_id, bytes, format, facets, uploaded_by, created_at)
         VALUES ($1, 1, 'stl-binary', 12, '{}', now())",
    )
    .bind(spec.model_id.as_str())
    .execute(&mut database.connection().await)
    .await
    .expect("a model can be added");
    let store = synchronous(&database).await;
    let command =
        SubmitOrder { origin: Origin::Shop { external_id: new_key() }, spec: WorkSpec { ..spec } };
    let context = CommandContext {
        actor: Actor::Shop,
        cause: Cause::new("shop", new_key(), &[]),
        trace_context: None,
        expected_version: None,
    };
    let submit = || {
        let (store, context, command) = (store.clone(), context.clone(), command.clone());
        tokio::spawn(async move { store.execute(&context, &command).await })
    };

    let first = submit();
    let waits = || waiting(&database, None);
    let session = eventually("the commit waits for the standby", waits, PATIENCE).await;
    sqlx::query("SELECT pg_terminate_backend($1)")
        .bind(session)
        .execute(&mut database.connection().await)
        .await
        .expect("the session can be cut off");
    let here = database.pool(DatabaseRole::Superuser);
    let committed = || async { orders(&here).await == 1 };
    eventually("the order is committed here", committed, PATIENCE).await;

    // The kept answer is found, and waits in its turn.
    let waits = || waiting(&database, Some(session));
    eventually("the answer waits for the standby, too", waits, PATIENCE).await;
    let again = submit();
    assert!(!first.is_finished() && !again.is_finished(), "answered without the standby");

    let _standby = Standby::start(&database);
    let first = first.await.unwrap().expect("the first is answered");
    let again = again.await.unwrap().expect("the second is answered");
    assert!(first.replayed && again.replayed);
    assert_eq!(first.answer.get(), again.answer.get());
    assert_eq!(orders(&here).await, 1);
}
