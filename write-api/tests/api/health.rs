//! Whether it runs, whether it can work, and when it refuses to start.

use shared::platform::shutdown::Shutdown;
use testkit::{DatabaseRole, Proxy, TestDatabase};
use write_api::application::Application;

use crate::support::{ObjectFolder, Options, TestApp, config_of, through};

#[tokio::test]
async fn it_is_alive_and_ready_with_everything_it_depends_on() {
    let app = TestApp::start().await;
    assert_eq!(app.get("/livez").await.status, 200);
    let answer = app.get("/readyz").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let checks = answer.json()["checks"].clone();
    let names: Vec<_> = checks.as_array().expect("checks").iter().map(|c| &c["name"]).collect();
    assert_eq!(names, ["primary", "object store"]);
    assert!(checks.as_array().expect("checks").iter().all(|check| check["ok"] == true));
}

#[tokio::test]
async fn without_its_database_it_is_alive_but_not_ready() {
    let database = TestDatabase::create().await;
    let (proxy, options) = through(&database).await;
    let app = TestApp::on(database, options).await;
    assert_eq!(app.get("/livez").await.status, 200);
    Proxy::cut(proxy);
    let answer = app.get("/readyz").await;
    assert_eq!(answer.status, 503, "{}", answer.text);
    let report = answer.json();
    assert_eq!(
        (&report["status"], &report["checks"][0]["ok"]),
        (&"not_ready".into(), &false.into())
    );
    assert!(!answer.text.contains("127.0.0.1"), "a reason names no address: {}", answer.text);
    assert_eq!(app.get("/livez").await.status, 200);
}

#[tokio::test]
async fn it_does_not_start_on_a_schema_that_is_behind() {
    let behind = TestDatabase::create().await;
    sqlx::query(
        "DELETE FROM public._sqlx_migrations
         WHERE version = (SELECT max(version) FROM public._sqlx_migrations)",
    )
    .execute(&mut behind.connection().await)
    .await
    .expect("the history can be changed by a superuser");
    for (database, missing) in
        [(behind, "behind by 1 "), (TestDatabase::empty().await, "behind by")]
    {
        let objects = ObjectFolder::new();
        let config = config_of(&database, &objects, Options::default());
        let refused = Application::build(&config, Shutdown::new()).await;
        let error = refused.err().expect("it refuses to start");
        assert!(format!("{error:#}").contains(missing), "{error:#}");
    }
}

#[tokio::test]
async fn it_starts_on_a_schema_that_is_ahead() {
    let ahead = TestDatabase::create().await;
    sqlx::query(
        "INSERT INTO public._sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (29991231235959, 'of a later release', true, '', 0)",
    )
    .execute(&mut ahead.connection().await)
    .await
    .expect("the history can be changed by a superuser");
    let app = TestApp::on(ahead, Options::default()).await;
    assert_eq!(app.get("/readyz").await.status, 200);
}

#[tokio::test]
async fn its_role_can_write_nothing_but_what_commands_need() {
    let database = TestDatabase::create().await;
    let pool = database.pool(DatabaseRole::Write);
    for forbidden in [
        "DELETE FROM write.order_events",
        "UPDATE write.order_events SET kind = 'x'",
        "DELETE FROM write.orders",
        "UPDATE write.order_references SET external_id = 'x'",
        "UPDATE write.rate_cards SET document = '{}'",
        "DELETE FROM write.api_keys",
        "UPDATE read.checkpoint SET position = 0",
        "INSERT INTO write.followers VALUES ('x', 0, now(), now())",
    ] {
        let error = sqlx::query(forbidden).execute(&pool).await.expect_err(forbidden);
        let code = shared::platform::database::sqlstate_of(&error);
        assert_eq!(code.as_deref(), Some("42501"), "{forbidden}: {error}");
    }
}
