use std::time::Duration;

use shared::position::Position;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use crate::support::{Setup, TestApp, order_id, partner_id};

#[tokio::test]
async fn a_change_is_on_the_stream_as_the_board_shows_it() {
    let mut app = TestApp::start().await;
    app.caught_up().await;
    let mut stream = app.live(None).await;
    let headers = stream.headers();
    assert_eq!(headers["content-type"], "text/event-stream");
    assert_eq!(headers["content-encoding"], "identity");

    let began = tokio::time::Instant::now();
    let position = app.read_model.submit(1).await;
    let event = stream.next_named("order").await;
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(event.id, position.to_string());
    assert_eq!(event.data["position"], position.to_string());
    assert_eq!(event.data["view_version"], position.position);
    let row = app.board("status=SUBMITTED").await.ok()["orders"][0].clone();
    for (name, value) in row.as_object().unwrap() {
        assert_eq!(&event.data[name], value, "{name}");
    }
    let counts = stream.next_named("counts").await;
    assert_eq!(counts.data["counts"]["SUBMITTED"], 1);
}

#[tokio::test]
async fn a_quiet_stream_beats_and_tells_how_old_its_data_is() {
    let mut app = TestApp::start().await;
    let position = app.read_model.submit(1).await;
    app.caught_up().await;
    let mut stream = app.live(None).await;
    for _ in 0..2 {
        let beat = stream.next_named("heartbeat").await;
        assert!(beat.data["as_of"].is_string());
        let told: Position = beat.data["position"].as_str().unwrap().parse().unwrap();
        assert!(told.covers(&position) || told.position == 0, "{told}");
    }
}

#[tokio::test]
async fn whoever_comes_back_is_given_what_was_missed() {
    let mut app = TestApp::start().await;
    let seen = app.read_model.submit(1).await;
    app.read_model.submit(2).await;
    let last = app.read_model.approve(1).await;
    app.caught_up().await;

    let mut stream = app.live(Some(seen)).await;
    let second = stream.next_named("order").await;
    assert_eq!(second.data["order_id"], order_id(2).to_string());
    let first = stream.next_named("order").await;
    assert_eq!(first.data["status"], "MANUFACTURING_APPROVED", "as it is now");
    assert_eq!(first.id, last.to_string());
    app.read_model.submit(3).await;
    let next = stream.next_named("order").await;
    assert_eq!(next.data["order_id"], order_id(3).to_string(), "and then goes on");
}

#[tokio::test]
async fn whoever_missed_too_much_is_told_to_fetch_anew() {
    let mut app = Setup::usual().await.with("live.max_resume_orders", 2).start().await;
    let seen = app.read_model.submit(1).await;
    for number in 2..=4 {
        app.read_model.submit(number).await;
    }
    app.caught_up().await;
    let mut stream = app.live(Some(seen)).await;
    let first = stream.next().await.unwrap();
    assert_eq!(first.name, "resync");
    let position = app.read_model.submit(5).await;
    // What the instance had not sent yet when the stream began may come first.
    while stream.next_named("order").await.id != position.to_string() {}
}

#[tokio::test]
async fn another_life_of_the_log_means_fetching_anew() {
    let mut app = TestApp::start().await;
    app.read_model.submit(1).await;
    app.caught_up().await;
    let elsewhere = Position { epoch: 7, position: 1 };
    assert_eq!(app.live(Some(elsewhere)).await.next().await.unwrap().name, "resync");

    let mut open = app.live(None).await;
    app.read_model.begin_epoch(2).await;
    let resync = open.next_named("resync").await;
    assert_eq!(resync.data["position"], app.read_model.position().to_string());
    let position = app.read_model.submit(2).await;
    assert_eq!(open.next_named("order").await.id, position.to_string());
}

#[tokio::test]
async fn a_partner_hears_of_its_own_orders_only() {
    let mut app = TestApp::start().await;
    app.sign_in_partner(partner_id(1)).await;
    let missed = app.read_model.position();
    app.read_model.submit_for(partner_id(2), 1).await;
    app.read_model.submit_for(partner_id(1), 2).await;
    app.caught_up().await;
    let mut stream = app.live(Some(missed)).await;
    assert_eq!(stream.next_named("order").await.data["order_id"], order_id(2).to_string());
    assert_eq!(stream.next_named("counts").await.data["counts"]["SUBMITTED"], 1);

    app.read_model.submit_for(partner_id(2), 3).await;
    app.read_model.submit(4).await;
    app.read_model.submit_for(partner_id(1), 5).await;
    assert_eq!(stream.next_named("order").await.data["order_id"], order_id(5).to_string());
    assert_eq!(stream.next_named("counts").await.data["counts"]["SUBMITTED"], 2);
}

#[tokio::test]
async fn a_stream_ends_when_the_process_stops() {
    let app = TestApp::start().await;
    let mut stream = app.live(None).await;
    app.stop();
    stream.ended().await;
}

#[tokio::test]
async fn there_are_only_so_many_seats_and_they_are_given_back() {
    let app = Setup::usual().await.with("live.max_clients", 1).start().await;
    let stream = app.live(None).await;
    let refused = app.get("/v1/live").await;
    assert_eq!(refused.status, 503);
    assert!(refused.header("retry-after").is_some());
    drop(stream);
    let free = || async { app.request("/v1/live").send().await.unwrap().status() == 200 };
    testkit::eventually("the seat is free again", free, testkit::PATIENCE).await;
}

#[tokio::test]
async fn an_id_that_is_no_position_is_refused() {
    let app = TestApp::start().await;
    let request = app.request("/v1/live").header("last-event-id", "yesterday");
    let answer = crate::support::Answer::of(request).await;
    assert_eq!(answer.status, 422);
    assert_eq!(answer.json()["violations"][0]["field"], "last-event-id");
}

#[tokio::test]
async fn whoever_reads_too_slowly_is_sent_away_to_resume() {
    let setup = Setup::usual().await.with("live.buffered_batches", 2);
    let mut app = setup.with("live.heartbeat_ms", 60_000).start().await;
    app.caught_up().await;
    // A reader with a tiny window that does not read at all.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(2_048).unwrap();
    let request = app.request("/v1/live").build().unwrap();
    let url = request.url();
    let address = format!("127.0.0.1:{}", url.port().unwrap()).parse().unwrap();
    let mut reader = socket.connect(address).await.unwrap();
    let authorization = request.headers()["authorization"].to_str().unwrap();
    let head = format!(
        "GET /v1/live HTTP/1.1\r\nhost: {address}\r\nauthorization: {authorization}\r\nconnection: close\r\n\r\n"
    );
    reader.write_all(head.as_bytes()).await.unwrap();
    let mut begin = [0; 16];
    reader.read_exact(&mut begin).await.unwrap();

    // Some 5 MB: more than the kernel holds for a connection.
    for batch in 0..16_u128 {
        app.read_model.submit_many(batch * 400..batch * 400 + 400).await;
        app.caught_up().await;
    }
    let mut bytes = Vec::new();
    let all = tokio::time::timeout(Duration::from_mins(1), reader.read_to_end(&mut bytes)).await;
    all.expect("the stream ends").unwrap();
    let told = String::from_utf8_lossy(&bytes);
    assert!(told.contains("event: resume\n"), "{} bytes", told.len());
}
