//! A session is never served from behind its floor without being told, whatever is down.

use std::time::Duration;

use consumer::announcer::Announcer;
use shared::position::Position;
use testkit::{DatabaseRole, PATIENCE, Proxy, TestDatabase, eventually};

use crate::support::{ReadModel, Setup, TestApp, order_id};

const BOARD: &str = "/v1/board?status=SUBMITTED";

/// `host:port` of a URL.
fn host_of(url: &str) -> &str {
    let rest = url.rsplit_once('@').unwrap().1;
    rest.split('/').next().unwrap()
}

fn through(proxy: &Proxy, url: &str) -> String {
    url.replace(host_of(url), &proxy.address().to_string())
}

/// Nobody listens there.
fn closed_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[tokio::test]
async fn a_reader_waits_until_a_replica_has_what_it_saw_elsewhere() {
    let mut app = Setup::usual().await.with("freshness.wait_ms", 20_000).start().await;
    let floor = Position { epoch: 1, position: 1 };
    let request = app.request(BOARD).header("mes-min-position", floor.to_string());
    let reading = tokio::spawn(crate::support::Answer::of(request));
    app.read_model.submit(1).await;
    let answer = reading.await.unwrap();
    assert_eq!(answer.orders(), [order_id(1).to_string()]);
    assert!(answer.position().covers(&floor) && !answer.is_stale());
    assert_ne!(answer.served_by(), "primary");
}

#[tokio::test]
async fn an_order_that_may_exist_above_what_is_seen_is_not_said_to_be_missing() {
    let mut app = TestApp::start().await;
    let position = app.read_model.submit(1).await;
    app.caught_up().await;
    let unknown = format!("/v1/orders/{}", order_id(2));
    assert_eq!(app.get_from(&unknown, position).await.status.as_u16(), 404);
    let floor = Position { position: position.position + 1, ..position };
    for path in [unknown.clone(), format!("{unknown}/timeline")] {
        assert_eq!(app.get_from(&path, floor).await.status.as_u16(), 503, "{path}");
    }
}

#[tokio::test]
async fn a_floor_that_nobody_reaches_is_answered_and_marked_stale() {
    let mut app = TestApp::start().await;
    let position = app.read_model.submit(1).await;
    app.caught_up().await;
    let floor = Position { position: position.position + 100, ..position };
    for _ in 0..3 {
        let answer = app.get_from(BOARD, floor).await;
        assert_eq!(answer.orders(), [order_id(1).to_string()]);
        assert!(answer.is_stale());
        assert_eq!(answer.position(), position);
    }
    assert!(!app.get_from(BOARD, position).await.is_stale());
}

#[tokio::test]
async fn what_no_replica_has_yet_is_read_from_the_primary() {
    // Another database stands in for a replica that lags.
    let lagging = TestDatabase::create().await;
    let mut behind = ReadModel::of(&lagging);
    behind.submit(1).await;
    let setup = Setup::usual().await;
    let setup = setup.with("database.replicas", lagging.url(DatabaseRole::Read));
    let mut app = setup.start().await;
    app.read_model.submit(1).await;
    let floor = app.read_model.submit(2).await;

    assert_eq!(app.get(BOARD).await.orders().len(), 1, "without a floor a replica will do");
    let answer = app.get_from(BOARD, floor).await;
    assert_eq!(answer.orders().len(), 2);
    assert_eq!(answer.served_by(), "primary");
    assert!(answer.position().covers(&floor) && !answer.is_stale());
    let card = app.get_from(&format!("/v1/orders/{}", order_id(2)), floor).await;
    assert_eq!((card.status.as_u16(), card.is_stale()), (200, false));
    let search = app.get_from("/v1/orders?reference=S-2", floor).await;
    assert_eq!((search.orders().len(), search.is_stale()), (1, false));
}

#[tokio::test]
async fn with_one_replica_ahead_and_one_behind_no_session_goes_back() {
    let lagging = TestDatabase::create().await;
    let setup = Setup::usual().await;
    let replicas = [lagging.url(DatabaseRole::Read), setup.database.url(DatabaseRole::Read)];
    let setup = setup.with("database.replicas", replicas.join(","));
    let mut app = setup.with("freshness.wait_ms", 20_000).start().await;
    let mut floor = app.read_model.position();
    for number in 1..=20 {
        let written = app.read_model.submit(number).await;
        for path in [BOARD.to_owned(), format!("/v1/orders/{}", order_id(number))] {
            let answer = app.get_from(&path, written).await;
            assert_eq!((answer.status.as_u16(), answer.is_stale()), (200, false), "{path}");
            assert!(answer.position().covers(&floor));
            floor = answer.position();
        }
    }
}

#[tokio::test]
async fn without_any_replica_the_primary_answers_and_its_pages_are_cached() {
    let setup = Setup::usual().await;
    let nowhere = format!("postgres://mes_read@127.0.0.1:{}/mes", closed_port());
    let mut app = setup.with("database.replicas", nowhere).start().await;
    let position = app.read_model.submit(1).await;
    let answer = app.get_from(BOARD, position).await;
    assert_eq!(answer.orders(), [order_id(1).to_string()]);
    assert!(!answer.is_stale());
    app.caught_up().await;
    app.get(BOARD).await.ok();
    assert_eq!(app.get(BOARD).await.served_by(), "cache");
}

#[tokio::test]
async fn a_replica_that_freezes_costs_a_moment_and_no_wrong_answer() {
    let setup = Setup::usual().await;
    let url = setup.database.replica_url(DatabaseRole::Read);
    let proxy = Proxy::to(host_of(&url)).await;
    let mut app = setup.with("database.replicas", through(&proxy, &url)).start().await;
    app.read_model.submit(1).await;
    app.caught_up().await;
    app.get(BOARD).await.ok();

    proxy.set_frozen(true);
    for number in 2..=4 {
        let floor = app.read_model.submit(number).await;
        let asked = tokio::time::Instant::now();
        let answer = app.get_from(BOARD, floor).await;
        assert_eq!(answer.orders().len(), usize::try_from(number).unwrap());
        assert!(!answer.is_stale() && answer.served_by() == "primary", "{answer:?}");
        assert!(asked.elapsed() < Duration::from_secs(5), "took {:?}", asked.elapsed());
    }

    proxy.set_frozen(false);
    let served_by_replica = || async {
        let answer = app.get(&format!("{BOARD}&limit=7")).await;
        answer.position() == app.read_model.position() && answer.served_by() != "primary"
    };
    eventually("the replica is used again", served_by_replica, PATIENCE).await;
}

#[tokio::test]
async fn with_every_database_gone_the_last_answers_are_shown_as_stale() {
    let setup = Setup::usual().await;
    let url = setup.database.replica_url(DatabaseRole::Read);
    let proxy = Proxy::to(host_of(&url)).await;
    let setup = setup.with("database.replicas", through(&proxy, &url));
    let mut app = setup.with("database.primary", "").start().await;
    app.read_model.submit(1).await;
    app.caught_up().await;
    let known = app.get(BOARD).await;
    proxy.cut();

    let not_ready = || async { app.get("/readyz").await.status == 503 };
    eventually("the instance is not ready", not_ready, PATIENCE).await;
    let answer = app.get(BOARD).await;
    assert_eq!(answer.body, known.body);
    assert!(answer.is_stale());
    let unknown = app.get("/v1/board?status=CLOSED").await;
    assert_eq!(unknown.status, 503);
    assert_eq!(unknown.header("retry-after"), Some("1"));
    assert_eq!(app.get("/livez").await.status, 200);
}

#[tokio::test]
async fn a_position_of_another_life_of_the_log_is_unknown_and_never_newer() {
    let mut app = TestApp::start().await;
    let old = app.read_model.submit(1).await;
    app.caught_up().await;
    let before = app.get(BOARD).await;
    app.read_model.begin_epoch(2).await;
    app.caught_up().await;

    let answer = app.get_from(BOARD, old).await;
    assert_eq!(answer.orders(), before.orders());
    assert!(answer.is_stale(), "nobody can tell");
    assert_eq!(answer.position().epoch, 2);
    let held = app.get_unless(BOARD, before.etag()).await;
    assert_eq!(held.status, 200, "a tag of the old life means nothing");
}

#[tokio::test]
async fn a_floor_that_is_no_position_is_refused_by_name() {
    let app = TestApp::start().await;
    let answer =
        crate::support::Answer::of(app.request(BOARD).header("mes-min-position", "42")).await;
    assert_eq!(answer.status, 422);
    assert_eq!(answer.json()["violations"][0]["field"], "mes-min-position");
}

#[tokio::test]
async fn an_announcement_is_heard_at_once_and_polling_is_only_the_net() {
    let mut app = Setup::usual().await.with("freshness.poll_ms", 10_000).start().await;
    let announcer = Announcer::start(&testkit::redis_url(), &app.key_prefix).unwrap();
    let position = app.read_model.submit(1).await;
    let began = tokio::time::Instant::now();
    // Announced again and again, because nobody knows when the instance has subscribed.
    let shown = || async {
        announcer.announce(position);
        !app.get(BOARD).await.orders().is_empty()
    };
    eventually("the announced order is on the board", shown, PATIENCE).await;
    assert!(began.elapsed() < Duration::from_secs(8), "took {:?}", began.elapsed());
}

#[tokio::test]
async fn every_answer_says_how_old_its_data_is() {
    let mut app = TestApp::start().await;
    app.read_model.submit(1).await;
    app.caught_up().await;
    let paths = [
        BOARD.to_owned(),
        "/v1/board/counts".to_owned(),
        format!("/v1/orders/{}", order_id(1)),
        format!("/v1/orders/{}/timeline", order_id(1)),
        "/v1/orders?reference=S-1".to_owned(),
    ];
    for path in paths {
        let answer = app.get(&path).await;
        let body = answer.ok();
        assert!(body["as_of"].is_string() && body["position"].is_string(), "{path}: {body}");
        assert!(answer.header("mes-as-of").is_some(), "{path}");
        assert_eq!(answer.position(), app.read_model.position(), "{path}");
    }
}
