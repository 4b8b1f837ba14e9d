//! The tables of a rebuild: made like the live ones, with the same names of indexes and the same grants, and swapped
//! with them. Names of tables are run-time data here, so PostgreSQL writes the statements and quotes the names.

use chrono::{DateTime, Utc};
use shared::platform::database::built;
use shared::position::Position;
use sqlx::{Connection, PgConnection};

/// Where the new tables are filled.
pub(super) const NEXT: &str = "read_next";

/// Against a second rebuild; ends with the session.
pub(super) async fn lock(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT pg_try_advisory_lock(hashtextextended('mes.rebuild', 0)) AS "alone!""#,
    )
    .fetch_one(connection)
    .await
}

/// Lets the next rebuild begin at once, instead of when the server notices that the connection has gone.
pub(super) async fn unlock(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_advisory_unlock_all()").execute(connection).await?;
    Ok(())
}

/// What a rebuild that died, or this one, left behind.
pub(super) async fn drop_leftovers(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let drop = "DROP SCHEMA IF EXISTS read_next CASCADE; DROP SCHEMA IF EXISTS read_past CASCADE";
    sqlx::raw_sql(drop).execute(connection).await?;
    Ok(())
}

/// Empty tables like the live ones. Indexes are made now, while that costs nothing.
pub(super) async fn create(
    connection: &mut PgConnection,
    tables: &[&str],
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    sqlx::raw_sql("CREATE SCHEMA read_next").execute(&mut *transaction).await?;
    for statement in creating(&mut transaction, tables).await? {
        sqlx::raw_sql(built(statement)).execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

/// A copy by `LIKE` would give indexes other names, which later migrations would not find, and no grants.
async fn creating(
    connection: &mut PgConnection,
    tables: &[&str],
) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        WITH live AS (
            SELECT c.oid, c.relname, c.relowner, c.relacl
            FROM pg_class AS c
            WHERE c.relnamespace = 'read'::regnamespace AND c.relname = ANY($1)
        )
        SELECT made.statement AS "statement!"
        FROM (
            SELECT 1 AS step, l.relname::text AS name, format(
                'CREATE TABLE read_next.%I (LIKE read.%I INCLUDING ALL EXCLUDING INDEXES)',
                l.relname, l.relname) AS statement
            FROM live AS l
            UNION ALL
            SELECT 2, k.conname::text, format('ALTER TABLE read_next.%I ADD CONSTRAINT %I %s',
                l.relname, k.conname, pg_get_constraintdef(k.oid))
            FROM live AS l JOIN pg_constraint AS k ON k.conrelid = l.oid
            WHERE k.contype IN ('p', 'u')
            UNION ALL
            SELECT 3, i.indexrelid::regclass::text, replace(pg_get_indexdef(i.indexrelid),
                format(' ON read.%I ', l.relname), format(' ON read_next.%I ', l.relname))
            FROM live AS l JOIN pg_index AS i ON i.indrelid = l.oid
            WHERE NOT EXISTS (SELECT 1 FROM pg_constraint AS k WHERE k.conindid = i.indexrelid)
            UNION ALL
            SELECT 4, l.relname::text, format('GRANT %s ON read_next.%I TO %I',
                a.privilege_type, l.relname, pg_get_userbyid(a.grantee))
            FROM live AS l CROSS JOIN LATERAL aclexplode(l.relacl) AS a
            WHERE a.grantee NOT IN (l.relowner, 0)
        ) AS made
        ORDER BY made.step, made.name
        "#,
        tables as &[&str],
    )
    .fetch_all(connection)
    .await
}

/// Fresh tables have no statistics, and the first readers would get bad plans.
pub(super) async fn analyze(
    connection: &mut PgConnection,
    tables: &[&str],
) -> Result<(), sqlx::Error> {
    for table in tables {
        sqlx::raw_sql(built(format!("ANALYZE read_next.{table}")))
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Holds the follower's cursor: whoever leads waits with its next batch until this transaction ends.
pub(crate) async fn hold_cursor(
    connection: &mut PgConnection,
    follower: &str,
    now: DateTime<Utc>,
) -> Result<u64, sqlx::Error> {
    let cursor = sqlx::query_scalar!(
        "INSERT INTO write.followers (name, cursor, moved_at, touched_at) VALUES ($1, 0, $2, $2)
         ON CONFLICT (name) DO UPDATE SET touched_at = excluded.touched_at
         RETURNING cursor",
        follower,
        now,
    )
    .fetch_one(connection)
    .await?;
    Ok(cursor.cast_unsigned())
}

/// New tables in, old ones out. The checkpoint is locked first: whoever has read it goes on in one world, the old
/// tables with the old epoch, and we wait. Gives up sooner than PostgreSQL looks for deadlocks, so that a reader who holds
/// one of the tables and wants another is never the one that fails.
pub(super) async fn swap(
    connection: &mut PgConnection,
    tables: &[&str],
) -> Result<(), sqlx::Error> {
    let begin = "SET LOCAL lock_timeout = '500ms';
         LOCK TABLE read.checkpoint IN ACCESS EXCLUSIVE MODE;
         CREATE SCHEMA read_past";
    sqlx::raw_sql(begin).execute(&mut *connection).await?;
    for table in tables {
        let swap = format!(
            "ALTER TABLE read.{table} SET SCHEMA read_past;
             ALTER TABLE read_next.{table} SET SCHEMA read"
        );
        sqlx::raw_sql(built(swap)).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Another life of the read model: the epoch, the checkpoint and the cursor move together.
pub(crate) async fn begin_epoch(
    connection: &mut PgConnection,
    follower: &str,
    position: u64,
    now: DateTime<Utc>,
) -> Result<Position, sqlx::Error> {
    let epoch = sqlx::query_scalar!("UPDATE write.system SET epoch = epoch + 1 RETURNING epoch")
        .fetch_one(&mut *connection)
        .await?;
    sqlx::query!(
        "UPDATE read.checkpoint SET epoch = $1, position = $2",
        epoch,
        position.cast_signed(),
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "UPDATE write.followers SET cursor = $2, moved_at = $3 WHERE name = $1",
        follower,
        position.cast_signed(),
        now,
    )
    .execute(connection)
    .await?;
    let epoch = u32::try_from(epoch).map_err(|error| sqlx::Error::Decode(error.into()))?;
    Ok(Position { epoch, position })
}
