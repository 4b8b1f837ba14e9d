//! What partners are told of their own orders.

use proptest::prelude::*;
use serde_json::Value;
use shared::ids::PartnerId;
use shared::position::Position;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use crate::support::{Answer, EventStream, ReadModel, Setup, TestApp, order_id, partner_id};

const OURS: u128 = 1;

fn ours() -> PartnerId {
    partner_id(OURS)
}

impl TestApp {
    async fn feed(&self, query: &str) -> Answer {
        self.get(&format!("/v1/feed?{query}")).await
    }

    async fn feed_stream(&self, last: Option<Position>) -> EventStream {
        let mut request = self.request("/v1/feed/live");
        if let Some(last) = last {
            request = request.header("last-event-id", last.to_string());
        }
        EventStream::open(request).await
    }

    /// Whatever was applied is on the replica.
    async fn replicated(&self) {
        self.database.replicated().await;
    }
}

/// Order number and version of each event on a page, and the cursor behind it.
fn page(answer: &Answer) -> (Vec<(String, u64)>, String, bool) {
    let body = answer.ok();
    let events = body["events"].as_array().expect("events");
    let told = events.iter().map(|event| told(&event["event"])).collect();
    let next = body["next"].as_str().expect("a cursor").to_owned();
    (told, next, body["has_more"].as_bool().expect("more or not"))
}

fn told(event: &Value) -> (String, u64) {
    let external_id = event["data"]["external_id"].as_str().expect("an external id").to_owned();
    (external_id, event["data"]["version"].as_u64().expect("a version"))
}

fn named(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
    expected.iter().map(|(id, version)| ((*id).to_owned(), *version)).collect()
}

#[tokio::test]
async fn a_partner_reads_its_own_events_in_order_page_by_page() {
    let mut app = TestApp::start().await;
    app.sign_in_partner(ours()).await;
    app.read_model.submit_for(ours(), 1).await;
    app.read_model.submit_for(partner_id(2), 2).await;
    app.read_model.submit(3).await;
    app.read_model.approve(1).await;
    app.read_model.submit_for(ours(), 4).await;
    app.replicated().await;
    let (first, next, more) = page(&app.feed("limit=3").await);
    assert_eq!(first, named(&[("P-1", 1), ("P-1", 2), ("P-1", 3)]));
    assert!(more);
    let (second, next, more) = page(&app.feed(&format!("limit=3&after={next}")).await);
    assert_eq!(second, named(&[("P-1", 4), ("P-4", 1)]));
    assert!(!more);
    assert_eq!(next, app.read_model.position().to_string());
    let (third, again, more) = page(&app.feed(&format!("after={next}")).await);
    assert_eq!((third, again, more), (vec![], next, false));
    let event = &app.feed("limit=1").await.ok()["events"][0]["event"];
    assert_eq!(event["type"], "order.submitted");
    assert_eq!(event["id"], format!("{}:1", order_id(1)));
    assert_eq!(event["data"]["status"], "SUBMITTED");
}

#[tokio::test]
async fn what_happens_in_the_house_stays_there() {
    let mut app = TestApp::start().await;
    app.sign_in_partner(ours()).await;
    app.read_model.submit_for(ours(), 1).await;
    app.read_model.approve(1).await;
    app.read_model.take(1, crate::support::Actors::operator(7)).await;
    app.read_model.give_back(1).await;
    app.replicated().await;
    let answer = app.feed("").await;
    assert_eq!(page(&answer).0.len(), 6);
    let text = String::from_utf8(answer.body).expect("text");
    assert!(!text.contains("Operator 7") && !text.contains("operator_id"), "{text}");
    assert!(!text.contains("broken tool"), "{text}");
}

#[tokio::test]
async fn whoever_only_knows_when_begins_with_that_moment() {
    let mut app = TestApp::start().await;
    app.sign_in_partner(ours()).await;
    for number in 1..=4 {
        app.read_model.submit_for(ours(), number).await;
    }
    app.replicated().await;
    let moment = |position| ReadModel::time_of(position).to_rfc3339().replace('+', "%2B");
    let since = |position| format!("since={}", moment(position));
    let (events, ..) = page(&app.feed(&since(3)).await);
    assert_eq!(events, named(&[("P-3", 1), ("P-4", 1)]));
    let (events, next, _) = page(&app.feed(&since(100)).await);
    assert_eq!((events, next), (vec![], app.read_model.position().to_string()));
}

#[tokio::test]
async fn a_cursor_of_another_life_of_the_log_is_refused_and_not_guessed_at() {
    let mut app = TestApp::start().await;
    app.sign_in_partner(ours()).await;
    let old = app.read_model.submit_for(ours(), 1).await;
    app.read_model.begin_epoch(2).await;
    app.replicated().await;
    let answer = app.feed(&format!("after={old}")).await;
    assert_eq!(answer.status, 410);
    assert_eq!(answer.json()["code"], "feed-began-anew");
    assert_eq!(answer.json()["current"], app.read_model.position().to_string());
    let mut stream = app.feed_stream(Some(old)).await;
    assert_eq!(stream.next_named("resync").await.id, app.read_model.position().to_string());
    stream.ended().await;
}

#[tokio::test]
async fn nonsense_is_named_and_only_partners_have_a_feed() {
    let mut app = TestApp::start().await;
    assert_eq!(app.feed("").await.status, 403);
    assert_eq!(app.get("/v1/feed/live").await.status, 403);
    app.sign_in_partner(ours()).await;
    let bad = [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("after=yesterday", "after"),
        ("since=yesterday", "since"),
        ("after=1-0&since=2026-01-01T00:00:00Z", "since"),
        ("before=1-1", "before"),
    ];
    for (query, field) in bad {
        let answer = app.feed(query).await;
        assert_eq!(answer.status, 422, "{query}");
        assert_eq!(answer.json()["violations"][0]["field"], field, "{query}");
    }
}

#[tokio::test]
async fn the_stream_tells_what_was_missed_and_then_what_is_new() {
    let mut app = TestApp::start().await;
    app.sign_in_partner(ours()).await;
    let seen = app.read_model.submit_for(ours(), 1).await;
    let missed = app.read_model.submit_for(ours(), 2).await;
    app.read_model.submit_for(partner_id(2), 3).await;
    app.caught_up().await;
    let mut stream = app.feed_stream(Some(seen)).await;
    let event = stream.next_named("event").await;
    assert_eq!((event.id, told(&event.data["event"])), (missed.to_string(), ("P-2".into(), 1)));
    app.read_model.submit_for(partner_id(2), 4).await;
    let new = app.read_model.submit_for(ours(), 5).await;
    let event = stream.next_named("event").await;
    assert_eq!((event.id, told(&event.data["event"])), (new.to_string(), ("P-5".into(), 1)));
    // A heartbeat is a place to resume from, too.
    let beat = stream.next_named("heartbeat").await;
    let resumed = beat.id.parse::<Position>().expect("a position");
    assert!(resumed.covers(&new));
}

#[tokio::test]
async fn a_stream_without_a_cursor_begins_with_what_is_new() {
    let mut app = TestApp::start().await;
    app.sign_in_partner(ours()).await;
    app.read_model.submit_for(ours(), 1).await;
    app.caught_up().await;
    let mut stream = app.feed_stream(None).await;
    stream.next_named("heartbeat").await;
    app.read_model.submit_for(ours(), 2).await;
    assert_eq!(told(&stream.next_named("event").await.data["event"]), ("P-2".into(), 1));
}

#[tokio::test]
async fn there_are_only_so_many_streams_and_their_seats_are_given_back() {
    let mut app = Setup::usual().await.with("live.max_feed_streams", 1).start().await;
    app.sign_in_partner(ours()).await;
    let stream = app.feed_stream(None).await;
    assert_eq!(app.get("/v1/feed/live").await.status, 503);
    drop(stream);
    let free = || async { app.request("/v1/feed/live").send().await.unwrap().status() == 200 };
    testkit::eventually("the seat is free again", free, testkit::PATIENCE).await;
}

#[tokio::test]
async fn whoever_takes_nothing_is_sent_away_to_resume() {
    let setup = Setup::usual().await.with("live.feed_patience_ms", 300);
    let setup = setup.with("live.max_feed_streams", 1);
    let mut app = setup.with("live.heartbeat_ms", 60_000).start().await;
    app.sign_in_partner(ours()).await;
    let start = Position { epoch: 1, position: 0 };
    // Some 8 MB: more than the kernel holds for a connection.
    for batch in 0..12_u128 {
        app.read_model.submit_many_for(ours(), batch * 1_000..(batch + 1) * 1_000).await;
    }
    app.caught_up().await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let url = app.request("/v1/feed/live").build().unwrap();
    let address = url.url().socket_addrs(|| None).unwrap()[0];
    let mut socket = socket.connect(address).await.unwrap();
    let authorization = url.headers()["authorization"].to_str().unwrap();
    let request = format!(
        "GET /v1/feed/live HTTP/1.1\r\nhost: test\r\nauthorization: {authorization}\r\nlast-event-id: {start}\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut begin = [0; 12];
    socket.read_exact(&mut begin).await.unwrap();
    assert_eq!(&begin, b"HTTP/1.1 200");
    // Not a byte more is read until the seat is free again: the stream was ended.
    let seat = || async { app.request("/v1/feed/live").send().await.unwrap().status() };
    let ended = || async { seat().await == 200 };
    testkit::eventually("the stream was ended", ended, testkit::PATIENCE).await;
    let mut text = String::new();
    let read = async {
        let mut bytes = vec![0; 64 * 1024];
        while !text.contains("event: resume") {
            let count = socket.read(&mut bytes).await.unwrap();
            assert!(count > 0, "the stream ended without a hint");
            text.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
    };
    tokio::time::timeout(testkit::PATIENCE, read).await.expect("the hint comes");
    let frames = text.matches("event: event\n").count();
    assert!((1..12_000).contains(&frames), "{frames}");
}

/// What a test does next.
#[derive(Debug, Clone)]
enum Act {
    Submit(PartnerId),
    Approve,
    Read(u16),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        3 => Just(Act::Submit(ours())),
        2 => Just(Act::Submit(partner_id(2))),
        2 => Just(Act::Approve),
        4 => (1_u16..6).prop_map(Act::Read),
    ];
    prop::collection::vec(act, 1..25)
}

/// Any interleaving of projecting and reading, with pages of any size.
#[test]
fn every_event_is_read_once_and_in_order_whenever_one_reads() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let app = std::cell::RefCell::new(runtime.block_on(TestApp::start()));
    runtime.block_on(app.borrow_mut().sign_in_partner(ours()));
    let number = std::cell::Cell::new(0);
    proptest!(ProptestConfig::with_cases(12), |(acts in acts())| {
        let app = &mut *app.borrow_mut();
        runtime.block_on(follow(app, &acts, &number));
    });
}

async fn follow(app: &mut TestApp, acts: &[Act], number: &std::cell::Cell<u128>) {
    let mut after = app.read_model.position().to_string();
    let (mut expected, mut read) = (Vec::new(), Vec::new());
    let mut submitted = Vec::new();
    for act in acts {
        match act {
            Act::Submit(partner) => {
                number.set(number.get() + 1);
                app.read_model.submit_for(*partner, number.get()).await;
                submitted.push((*partner, number.get()));
                if *partner == ours() {
                    expected.push((format!("P-{}", number.get()), 1));
                }
            }
            Act::Approve => {
                let Some((partner, number)) = submitted.pop() else { continue };
                app.read_model.approve(number).await;
                if partner == ours() {
                    expected.extend((2..=4).map(|version| (format!("P-{number}"), version)));
                }
            }
            Act::Read(limit) => {
                let query = format!("limit={limit}&after={after}");
                let (events, next, _) = page(&app.feed(&query).await);
                assert!(events.len() <= usize::from(*limit));
                read.extend(events);
                after = next;
            }
        }
    }
    app.replicated().await;
    loop {
        let (events, next, more) = page(&app.feed(&format!("limit=2&after={after}")).await);
        read.extend(events);
        after = next;
        if !more {
            break;
        }
    }
    assert_eq!(read, expected);
}
