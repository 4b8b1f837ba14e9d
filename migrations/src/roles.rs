//! The cluster's roles, made once before the first migration.

use std::fmt;

use sqlx::{Connection, PgConnection};

/// Passwords for the services' roles; `None` leaves a password as it is.
#[derive(Clone, Default)]
pub struct RolePasswords {
    /// For `mes_write` (write-api).
    pub write: Option<String>,
    /// For `mes_consumer` (consumer).
    pub consumer: Option<String>,
    /// For `mes_read` (read-api).
    pub read: Option<String>,
}

impl fmt::Debug for RolePasswords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RolePasswords").finish_non_exhaustive()
    }
}

/// Creates the roles that are missing, sets their time-outs, and the passwords that are given.
/// Needs a superuser (or CREATEROLE); may be repeated.
pub async fn create_roles(
    connection: &mut PgConnection,
    passwords: &RolePasswords,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    // Two stacks on one cluster would otherwise update the same catalogue rows at once.
    sqlx::query("SELECT pg_advisory_xact_lock(hashtext('mes_roles'))")
        .execute(&mut *transaction)
        .await?;
    sqlx::raw_sql(include_str!("../roles.sql")).execute(&mut *transaction).await?;
    let given = [
        ("mes_write", &passwords.write),
        ("mes_consumer", &passwords.consumer),
        ("mes_read", &passwords.read),
    ];
    for (role, password) in given {
        if let Some(password) = password {
            set_password(&mut transaction, role, password).await?;
        }
    }
    transaction.commit().await
}

/// The password travels as a parameter and never stands in a statement that the server may log.
async fn set_password(
    connection: &mut PgConnection,
    role: &str,
    password: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT set_config('mes.role', $1, true), set_config('mes.password', $2, true)")
        .bind(role)
        .bind(password)
        .execute(&mut *connection)
        .await?;
    sqlx::raw_sql(
        "DO $$ BEGIN
             EXECUTE format('ALTER ROLE %I PASSWORD %L',
                            current_setting('mes.role'), current_setting('mes.password'));
             PERFORM set_config('mes.password', '', true);
         END $$",
    )
    .execute(connection)
    .await?;
    Ok(())
}
