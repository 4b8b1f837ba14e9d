//! Bodies are kept under the version of what they show, in process and in Redis, and Redis may do what it likes.

use std::io::Read;
use std::time::Duration;

use futures_util::future::join_all;
use redis::AsyncCommands;
use testkit::redis_url;
use tokio::net::TcpListener;

use crate::support::{Answer, Setup, TestApp, order_id, partner_id};

const BOARD: &str = "/v1/board?status=SUBMITTED";

async fn filled(setup: Setup) -> TestApp {
    let mut app = setup.start().await;
    for number in 1..=30 {
        app.read_model.submit(number).await;
    }
    app.caught_up().await;
    app
}

#[tokio::test]
async fn what_the_reader_holds_is_not_sent_again_until_it_changes() {
    let mut app = filled(Setup::usual().await).await;
    let first = app.get(BOARD).await;
    let held = app.get_unless(BOARD, first.etag()).await;
    assert_eq!((held.status.as_u16(), held.body.len()), (304, 0));
    assert_eq!(held.etag(), first.etag());
    assert_eq!(held.position(), app.read_model.position());
    let list = format!("\"other\", W/{}", first.etag());
    assert_eq!(app.get_unless(BOARD, &list).await.status, 304);

    app.read_model
        .happen(1, vec![shared::order::events::OrderEvent::PricingStarted { attempt: 1 }])
        .await;
    app.caught_up().await;
    let changed = app.get_unless(BOARD, first.etag()).await;
    assert_eq!(changed.status, 200);
    assert_ne!(changed.etag(), first.etag());
}

#[tokio::test]
async fn a_change_elsewhere_leaves_a_screen_as_it_is() {
    let mut app = filled(Setup::usual().await).await;
    app.read_model.approve(1).await;
    app.caught_up().await;
    let approved = app.get("/v1/board?status=MANUFACTURING_APPROVED").await;
    app.read_model.submit(31).await;
    app.caught_up().await;
    let held = app.get_unless("/v1/board?status=MANUFACTURING_APPROVED", approved.etag()).await;
    assert_eq!(held.status, 304);
    assert_eq!(held.position(), app.read_model.position(), "it is known to hold until now");
}

#[tokio::test]
async fn a_tag_means_nothing_to_somebody_who_sees_something_else() {
    let mut app = TestApp::start().await;
    app.read_model.submit(1).await;
    app.read_model.submit_for(partner_id(1), 2).await;
    app.caught_up().await;
    let staff = app.get(BOARD).await;
    app.sign_in_partner(partner_id(1)).await;
    let partner = app.get_unless(BOARD, staff.etag()).await;
    assert_eq!(partner.orders(), [order_id(2).to_string()]);
}

#[tokio::test]
async fn cards_and_timelines_have_tags_too() {
    let mut app = TestApp::start().await;
    app.read_model.submit(1).await;
    app.caught_up().await;
    for path in
        [format!("/v1/orders/{}", order_id(1)), format!("/v1/orders/{}/timeline", order_id(1))]
    {
        let first = app.get(&path).await;
        assert_eq!(app.get_unless(&path, first.etag()).await.status, 304, "{path}");
    }
    let card = app.card(1).await;
    let timeline = format!("/v1/orders/{}/timeline", order_id(1));
    assert_eq!(app.get_unless(&timeline, card.etag()).await.status, 200, "not the same thing");
}

#[tokio::test]
async fn a_body_is_compressed_for_those_who_take_it() {
    let app = filled(Setup::usual().await).await;
    let plain = app.get(BOARD).await;
    assert_eq!(plain.header("content-encoding"), None);
    let packed = Answer::of(app.request(BOARD).header("accept-encoding", "br, gzip;q=0.8")).await;
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert!(packed.body.len() * 3 < plain.body.len());
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&packed.body[..]).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, plain.body);
    assert_ne!(packed.etag(), plain.etag(), "other bytes have another strong tag");
    assert_eq!(app.get_unless(BOARD, packed.etag()).await.status, 304);
    let refused = Answer::of(app.request(BOARD).header("accept-encoding", "gzip;q=0")).await;
    assert_eq!(refused.header("content-encoding"), None);
}

#[tokio::test]
async fn fifty_readers_at_once_cost_one_question() {
    let app = filled(Setup::usual().await).await;
    let readers = (0..50).map(|_| app.get(BOARD));
    let answers = join_all(readers).await;
    let asked = answers.iter().filter(|answer| answer.served_by() != "cache").count();
    assert_eq!(asked, 1);
    assert!(answers.iter().all(|answer| answer.body == answers[0].body));
}

#[tokio::test]
async fn another_instance_finds_the_body_in_redis() {
    let setup = Setup::usual().await;
    let app = filled(setup.clone()).await;
    let made = app.get(BOARD).await;
    assert_eq!(made.served_by(), "replica");
    wait_for_copies(&app.key_prefix).await;
    let other = setup.start().await;
    let found = other.get_from(BOARD, made.position()).await;
    assert_eq!(found.served_by(), "cache");
    assert_eq!((found.etag(), &found.body), (made.etag(), &made.body));
}

async fn copies(prefix: &str) -> Vec<String> {
    let client = redis::Client::open(redis_url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    connection.keys(format!("{prefix}view:*")).await.unwrap()
}

async fn wait_for_copies(prefix: &str) {
    let there = || async { !copies(prefix).await.is_empty() };
    testkit::eventually("the body is copied to Redis", there, testkit::PATIENCE).await;
}

#[tokio::test]
async fn garbage_in_redis_is_passed_over() {
    let setup = Setup::usual().await;
    let app = filled(setup.clone()).await;
    let (board, counts) = (app.get(BOARD).await, app.counts().await);
    let both = || async { copies(&app.key_prefix).await.len() >= 2 };
    testkit::eventually("both are copied to Redis", both, testkit::PATIENCE).await;
    let client = redis::Client::open(redis_url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    for (number, key) in copies(&app.key_prefix).await.into_iter().enumerate() {
        let () = connection.del(&key).await.unwrap();
        if number % 2 == 0 {
            let () = connection.set(&key, vec![0xFF_u8; 300]).await.unwrap();
        } else {
            // Not even a string.
            let () = connection.lpush(&key, "x").await.unwrap();
        }
    }
    let other = setup.start().await;
    other.get_from(BOARD, board.position()).await.ok();
    assert_eq!(other.get(BOARD).await.orders(), board.orders());
    assert_eq!(other.counts().await.ok()["counts"], counts.ok()["counts"]);
}

/// Every answer is right and quick, whatever `redis.url` leads to.
async fn works_without_redis(redis: String) {
    let mut app = filled(Setup::usual().await.with("redis.url", redis)).await;
    assert_eq!(app.get("/readyz").await.status, 200, "Redis is not needed");
    for number in 31..=45 {
        app.read_model.submit(number).await;
        app.caught_up().await;
        let asked = tokio::time::Instant::now();
        let answer = app.get(BOARD).await;
        assert!(answer.orders().contains(&order_id(number).to_string()));
        assert!(asked.elapsed() < Duration::from_secs(1), "took {:?}", asked.elapsed());
        assert_eq!(app.get(BOARD).await.served_by(), "cache", "the cache in process goes on");
    }
}

#[tokio::test]
async fn with_redis_gone_everything_works() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    works_without_redis(format!("redis://{nobody}/0")).await;
}

#[tokio::test]
async fn with_redis_frozen_everything_works() {
    // Connections are taken, and nothing is ever said.
    let frozen = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = frozen.local_addr().unwrap();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((connection, _)) = frozen.accept().await {
            held.push(connection);
        }
    });
    works_without_redis(format!("redis://{address}/0")).await;
}

#[tokio::test]
async fn without_redis_configured_everything_works() {
    works_without_redis(String::new()).await;
}
