//! The kit against the real test servers.

use std::time::Duration;

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};
use testkit::{DatabaseRole, TestDatabase, TestVhost};

#[tokio::test]
async fn a_database_has_the_schema_and_each_role_its_rights() {
    let database = TestDatabase::create().await;
    for role in [DatabaseRole::Write, DatabaseRole::Consumer, DatabaseRole::Read] {
        migrations::ensure_current(&database.pool(role)).await.expect("the schema is current");
    }
    let refused = sqlx::query("SELECT order_id FROM write.orders")
        .execute(&database.pool(DatabaseRole::Read))
        .await
        .expect_err("the read role sees nothing of `write`");
    let code = shared::platform::database::sqlstate_of(&refused).map(std::borrow::Cow::into_owned);
    assert_eq!(code.as_deref(), Some("42501"));
}

#[tokio::test]
async fn the_replica_has_what_was_committed() {
    let database = TestDatabase::create().await;
    let key = database.add_api_key("shop", &["orders:submit"]).await;
    assert!(key.starts_with("mes_"));
    database.replicated().await;
    let keys: i64 = sqlx::query_scalar("SELECT count(*) FROM read.api_keys")
        .fetch_one(&database.replica_pool(DatabaseRole::Read))
        .await
        .expect("the replica answers");
    assert_eq!(keys, 1);
}

#[tokio::test]
async fn a_vhost_takes_queues() {
    let vhost = TestVhost::create().await;
    let url = vhost.url();
    let connect = Connection::connect(&url, ConnectionProperties::default());
    let connection = tokio::time::timeout(Duration::from_secs(20), connect)
        .await
        .expect("the broker answers")
        .expect("the vhost accepts a connection");
    let channel = connection.create_channel().await.expect("a channel");
    channel
        .queue_declare("here".into(), QueueDeclareOptions::default(), FieldTable::default())
        .await
        .expect("a queue");
}
