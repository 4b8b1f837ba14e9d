//! A database of one's own, cloned from the migrated template.

use std::str::FromStr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use shared::ids::PartnerId;
use shared::platform::database::{self, DatabaseConfig, built};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection, PgPool};
use uuid::Uuid;

use crate::credentials::new_api_key;
use crate::eventually::{PATIENCE, eventually};
use crate::names;
use crate::servers::variable;

const TEMPLATE: &str = "mes_template";
/// Enough for a service under test; the cluster is shared by all tests.
const CONNECTIONS: u32 = 10;
const CONNECT_DEADLINE: Duration = Duration::from_secs(20);
const CLEANUP_DEADLINE: Duration = Duration::from_secs(10);

/// As whom to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseRole {
    /// May do everything: to prepare and to look.
    Superuser,
    /// `mes_write`, the write API's role.
    Write,
    /// `mes_consumer`, the consumer's role.
    Consumer,
    /// `mes_read`, the read API's role.
    Read,
}

impl DatabaseRole {
    /// The role's name in PostgreSQL.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Superuser => "postgres",
            Self::Write => "mes_write",
            Self::Consumer => "mes_consumer",
            Self::Read => "mes_read",
        }
    }
}

/// A database that this test alone uses; dropped with the value.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    primary: PgConnectOptions,
    replica: PgConnectOptions,
}

impl TestDatabase {
    /// A database with the current schema and no rows beyond the schema's own.
    pub async fn create() -> Self {
        Self::clone_of(TEMPLATE).await
    }

    /// A database without any schema.
    pub async fn empty() -> Self {
        Self::clone_of("template0").await
    }

    async fn clone_of(template: &str) -> Self {
        let database = Self {
            name: names::unique(),
            primary: server("MES_TEST_POSTGRES_URL"),
            replica: server("MES_TEST_REPLICA_URL"),
        };
        let mut connection = connect(&database.primary).await;
        drop_abandoned(&mut connection).await;
        let name = &database.name;
        run(&mut connection, format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        // Rights on a database itself are not cloned.
        run(&mut connection, format!("GRANT CREATE ON DATABASE {name} TO mes_consumer")).await;
        database
    }

    /// The database's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A URL on the primary.
    pub fn url(&self, role: DatabaseRole) -> String {
        url(&self.primary, role, &self.name)
    }

    /// A URL on the streaming replica; see [`Self::replicated`].
    pub fn replica_url(&self, role: DatabaseRole) -> String {
        url(&self.replica, role, &self.name)
    }

    /// A pool on the primary, made as the services make theirs.
    pub fn pool(&self, role: DatabaseRole) -> PgPool {
        pool(self.url(role))
    }

    /// A pool on the replica. Await [`Self::replicated`] before its first use.
    pub fn replica_pool(&self, role: DatabaseRole) -> PgPool {
        pool(self.replica_url(role))
    }

    /// Waits until the replica has replayed all that is committed on the primary by now.
    pub async fn replicated(&self) {
        let mut primary = connect(&self.primary).await;
        let wanted: String = sqlx::query_scalar("SELECT pg_current_wal_lsn()::text")
            .fetch_one(&mut primary)
            .await
            .expect("the primary says how far its log is");
        let replica = pool(url(&self.replica, DatabaseRole::Superuser, "postgres"));
        let caught_up = || async {
            sqlx::query_scalar("SELECT coalesce(pg_last_wal_replay_lsn() >= $1::pg_lsn, false)")
                .bind(&wanted)
                .fetch_one(&replica)
                .await
                .unwrap_or(false)
        };
        eventually("the replica has replayed the primary's log", caught_up, PATIENCE).await;
    }

    /// Adds a partner and an API key of theirs with these scopes; returns the key.
    pub async fn add_partner(&self, partner_id: PartnerId, name: &str, scopes: &[&str]) -> String {
        let mut connection = self.connection().await;
        sqlx::query(
            "INSERT INTO write.partners (partner_id, display_name, active, created_at)
             VALUES ($1, $2, true, now()) ON CONFLICT DO NOTHING",
        )
        .bind(partner_id.as_uuid())
        .bind(name)
        .execute(&mut connection)
        .await
        .expect("a partner can be added");
        self.add_api_key(&format!("partner:{partner_id}"), scopes).await
    }

    /// Adds an API key for `holder` (`shop`, `crm` or `partner:<id>`); returns the key.
    pub async fn add_api_key(&self, holder: &str, scopes: &[&str]) -> String {
        let (key, hash) = new_api_key();
        sqlx::query(
            "INSERT INTO write.api_keys (api_key_id, key_hash, holder, scopes, label, created_at)
             VALUES ($1, $2, $3, $4, 'test', now())",
        )
        .bind(Uuid::from_slice(&hash[..16]).expect("16 bytes are a UUID"))
        .bind(hash.as_slice())
        .bind(holder)
        .bind(scopes)
        .execute(&mut self.connection().await)
        .await
        .expect("an API key can be added");
        key
    }

    /// A connection of the superuser.
    pub async fn connection(&self) -> PgConnection {
        connect(&self.primary.clone().database(&self.name)).await
    }
}

impl Drop for TestDatabase {
    /// Best effort; what is left is dropped by the next test that starts.
    fn drop(&mut self) {
        let (server, name) = (self.primary.clone(), self.name.clone());
        in_the_background(async move {
            if let Ok(mut connection) = server.connect().await {
                let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                let _ = sqlx::raw_sql(built(drop)).execute(&mut connection).await;
                let _ = connection.close().await;
            }
        });
    }
}

/// Runs clean-up outside the test's runtime, which may be gone, and waits for it.
pub(crate) fn in_the_background(work: impl Future<Output = ()> + Send + 'static) {
    let thread = std::thread::spawn(move || {
        if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
            let limited = async { tokio::time::timeout(CLEANUP_DEADLINE, work).await };
            let _ = runtime.block_on(limited);
        }
    });
    let _ = thread.join();
}

/// Databases of tests that were killed.
async fn drop_abandoned(connection: &mut PgConnection) {
    let names: Vec<String> =
        sqlx::query_scalar("SELECT datname FROM pg_database WHERE datname LIKE 'mes\\_test\\_%'")
            .fetch_all(&mut *connection)
            .await
            .expect("databases can be listed");
    for name in names.iter().filter(|name| names::is_abandoned(name)) {
        let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        // Another test may be doing the same.
        let _ = sqlx::raw_sql(built(drop)).execute(&mut *connection).await;
    }
}

fn server(name: &str) -> PgConnectOptions {
    PgConnectOptions::from_str(&variable(name))
        .unwrap_or_else(|error| panic!("{name} is not a PostgreSQL URL: {error}"))
}

fn url(server: &PgConnectOptions, role: DatabaseRole, database: &str) -> String {
    format!("postgres://{}@{}:{}/{database}", role.name(), server.get_host(), server.get_port())
}

fn pool(url: String) -> PgPool {
    let config = DatabaseConfig {
        url: SecretString::from(url),
        max_connections: CONNECTIONS,
        acquire_timeout_ms: 10_000,
        statement_cache: 100,
    };
    database::pool(&config, "test")
        .unwrap_or_else(|error| panic!("{} cannot be used: {error}", config.url.expose_secret()))
}

async fn connect(options: &PgConnectOptions) -> PgConnection {
    tokio::time::timeout(CONNECT_DEADLINE, options.connect())
        .await
        .expect("the test database answers in time")
        .expect("the test database accepts a connection")
}

async fn run(connection: &mut PgConnection, sql: String) {
    let told = sql.clone();
    if let Err(error) = sqlx::raw_sql(built(sql)).execute(connection).await {
        panic!("`{told}` failed: {error}");
    }
}
