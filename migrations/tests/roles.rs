//! What the services' roles bring with them, whatever the server's settings are.

use testkit::{DatabaseRole, TestDatabase};

/// The planner's guesses would have some looks of the watchdog compiled for seconds.
#[tokio::test]
async fn no_service_has_its_statements_compiled() {
    let database = TestDatabase::create().await;
    for role in [DatabaseRole::Write, DatabaseRole::Consumer, DatabaseRole::Read] {
        let jit: String =
            sqlx::query_scalar("SHOW jit").fetch_one(&database.pool(role)).await.unwrap();
        assert_eq!(jit, "off", "{}", role.name());
    }
}
