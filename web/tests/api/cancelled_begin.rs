//! The trap of sqlx 0.9.0: a future dropped while it awaits `BEGIN` returns a connection inside an open
//! transaction to the pool, and writes that are acknowledged through it later are never committed.

use std::time::Duration;

use shared::platform::database::{self, DatabaseConfig};
use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection, PgPool};
use testkit::{DatabaseRole, Proxy, TestDatabase};

const ROUNDS: i32 = 30;
const NETWORK_DELAY: Duration = Duration::from_millis(10);
const GIVES_UP_AFTER: Duration = Duration::from_millis(10);

struct Set {
    database: TestDatabase,
    proxy: Proxy,
    url: String,
}

impl Set {
    /// A database behind a network that takes 10 ms each way.
    async fn up() -> Self {
        let database = TestDatabase::create().await;
        sqlx::query("CREATE TABLE public.acknowledged (id integer PRIMARY KEY)")
            .execute(&mut database.connection().await)
            .await
            .unwrap();
        let url = database.url(DatabaseRole::Superuser);
        let (user, rest) = url.split_once('@').unwrap();
        let (address, name) = rest.split_once('/').unwrap();
        let proxy = Proxy::to(address).await;
        let url = format!("{user}@{}/{name}", proxy.address());
        proxy.set_delay(NETWORK_DELAY);
        Self { database, proxy, url }
    }

    /// Cancels a `begin` before each write; then the sessions die. Returns how many acknowledged writes are
    /// not there.
    async fn lost(self, pool: PgPool) -> i64 {
        let mut acknowledged = 0;
        for id in 0..ROUNDS {
            let mut connection = pool.acquire().await.unwrap();
            // The answer to BEGIN is on its way when the caller gives up.
            let _ = tokio::time::timeout(GIVES_UP_AFTER, connection.begin()).await;
            drop(connection);
            let written = sqlx::query("INSERT INTO public.acknowledged (id) VALUES ($1)")
                .bind(id)
                .execute(&pool)
                .await;
            acknowledged += i64::from(written.is_ok());
        }
        self.proxy.cut();
        pool.close().await;
        let mut connection = self.database.connection().await;
        // Whoever still stands inside a transaction has lost it.
        sqlx::query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .execute(&mut connection)
        .await
        .unwrap();
        let there: i64 = sqlx::query_scalar("SELECT count(*) FROM public.acknowledged")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert!(acknowledged > 0, "nothing was written at all");
        acknowledged - there
    }
}

/// The trap itself: should sqlx mend it one day, this test fails and the guard may go.
#[tokio::test]
async fn a_plain_pool_loses_acknowledged_writes() {
    let set = Set::up().await;
    let plain = PgPoolOptions::new().max_connections(1).connect_lazy(&set.url).unwrap();
    assert!(set.lost(plain).await > 0);
}

#[tokio::test]
async fn a_guarded_pool_loses_none() {
    let set = Set::up().await;
    let mut config = DatabaseConfig::new(set.url.clone(), 1);
    config.acquire_timeout_ms = 10_000;
    let guarded = database::pool(&config, "test").unwrap();
    assert_eq!(set.lost(guarded).await, 0);
}

#[tokio::test]
async fn a_healthy_connection_is_kept() {
    let database = TestDatabase::create().await;
    let config = DatabaseConfig::new(database.url(DatabaseRole::Write), 1);
    let pool = database::pool(&config, "test").unwrap();
    let mut backends = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let pid: i32 =
            sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&pool).await.unwrap();
        backends.insert(pid);
    }
    assert_eq!(backends.len(), 1);
}
