//! The wall between the sides, in PostgreSQL itself.

use shared::platform::database::{built, sqlstate, sqlstate_of};
use testkit::{DatabaseRole, TestDatabase};

#[tokio::test]
async fn the_read_apis_role_cannot_read_schema_write() {
    let database = TestDatabase::create().await;
    let mut superuser = database.connection().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT format('%I.%I', n.nspname, c.relname)
         FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
         WHERE n.nspname = 'write' AND c.relkind IN ('r', 'p', 'v', 'm', 'f')",
    )
    .fetch_all(&mut superuser)
    .await
    .unwrap();
    assert!(tables.len() > 10, "the schema is there: {tables:?}");
    let reader = database.pool(DatabaseRole::Read);
    for table in tables {
        let statement = format!("SELECT 1 FROM {table} LIMIT 1");
        let outcome = sqlx::query(built(statement)).execute(&reader).await;
        let error = outcome.expect_err(&table);
        let state = sqlstate_of(&error).unwrap_or_default().into_owned();
        assert_eq!(state, sqlstate::INSUFFICIENT_PRIVILEGE, "{table}");
    }
}

#[tokio::test]
async fn the_read_apis_role_cannot_change_what_it_reads() {
    let database = TestDatabase::create().await;
    let reader = database.pool(DatabaseRole::Read);
    let mut connection = reader.acquire().await.unwrap();
    // Even if it takes off the belt, there are the braces.
    sqlx::query("SET default_transaction_read_only = off").execute(&mut *connection).await.unwrap();
    for statement in [
        "INSERT INTO read.views (view, version) VALUES ('x', 1)",
        "UPDATE read.checkpoint SET position = 1",
        "DELETE FROM read.orders",
        "TRUNCATE read.timeline",
        "CREATE TABLE read.mine (id integer)",
        "CREATE TABLE public.mine (id integer)",
    ] {
        let error = sqlx::query(statement).execute(&mut *connection).await.expect_err(statement);
        let state = sqlstate_of(&error).unwrap_or_default().into_owned();
        assert_eq!(state, sqlstate::INSUFFICIENT_PRIVILEGE, "{statement}");
    }
}
