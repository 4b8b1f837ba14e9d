//! A client that goes away in the middle of a command.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::HttpResponse;
use actix_web::web::{self, Data, ServiceConfig};
use testkit::{PATIENCE, eventually};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use web_kit::{Detached, Problem};

use crate::support::{Options, TestServer, problem};
use ::web as web_kit;

/// What a command went through.
#[derive(Default)]
struct Story {
    begun: AtomicBool,
    may_finish: Notify,
    finished: AtomicBool,
    dropped: AtomicBool,
}

/// Tells when the future that holds it is dropped before its end.
struct Witness(Arc<Story>);

impl Drop for Witness {
    fn drop(&mut self) {
        if !self.0.finished.load(Ordering::SeqCst) {
            self.0.dropped.store(true, Ordering::SeqCst);
        }
    }
}

async fn command(story: Arc<Story>) -> Result<&'static str, Problem> {
    let witness = Witness(Arc::clone(&story));
    story.begun.store(true, Ordering::SeqCst);
    story.may_finish.notified().await;
    story.finished.store(true, Ordering::SeqCst);
    drop(witness);
    Ok("done")
}

async fn plain(story: Data<Story>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().body(command(story.into_inner()).await?))
}

async fn guarded(story: Data<Story>, detached: Detached) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().body(detached.run(command(story.into_inner())).await?))
}

async fn panicking(detached: Detached) -> Result<HttpResponse, Problem> {
    let work = async { if true { panic!("on purpose") } else { Ok::<_, Problem>(()) } };
    detached.run(work).await.map(|()| HttpResponse::Ok().finish())
}

fn server(story: Arc<Story>) -> TestServer {
    let story = Data::from(story);
    TestServer::start(Options::default(), move |config: &mut ServiceConfig| {
        config
            .app_data(story.clone())
            .route("/plain", web::post().to(plain))
            .route("/guarded", web::post().to(guarded))
            .route("/panicking", web::post().to(panicking));
    })
}

/// Sends a request, waits until the command has begun, and resets the connection.
async fn reset_in_the_middle(server: &TestServer, path: &str, story: &Story) {
    let address: SocketAddr = server.base.trim_start_matches("http://").parse().unwrap();
    let mut connection = TcpStream::connect(address).await.unwrap();
    let request = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n");
    connection.write_all(request.as_bytes()).await.unwrap();
    let begun = || async { story.begun.load(Ordering::SeqCst) };
    eventually("the command has begun", begun, PATIENCE).await;
    // No lingering: the kernel sends RST instead of FIN.
    connection.set_zero_linger().unwrap();
    drop(connection);
}

/// The trap: should actix-web mend it one day, this test fails and the guard may go.
#[tokio::test]
async fn a_plain_handler_dies_with_its_client() {
    let story = Arc::new(Story::default());
    let server = server(Arc::clone(&story));
    reset_in_the_middle(&server, "/plain", &story).await;
    let dropped = || async { story.dropped.load(Ordering::SeqCst) };
    eventually("the handler was dropped halfway", dropped, PATIENCE).await;
}

#[tokio::test]
async fn a_detached_command_outlives_its_client() {
    let story = Arc::new(Story::default());
    let server = server(Arc::clone(&story));
    reset_in_the_middle(&server, "/guarded", &story).await;
    // The server has noticed the reset before the command goes on.
    assert_eq!(server.get("/livez").await.status(), 200);
    story.may_finish.notify_one();
    let finished = || async { story.finished.load(Ordering::SeqCst) };
    eventually("the command has finished", finished, PATIENCE).await;
    assert!(!story.dropped.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_client_that_stays_gets_the_result() {
    let story = Arc::new(Story::default());
    let server = server(Arc::clone(&story));
    story.may_finish.notify_one();
    let answer = server.post("/guarded", "").await;
    assert_eq!(answer.text().await.unwrap(), "done");
}

#[tokio::test]
async fn a_panic_in_a_command_is_a_problem() {
    let server = server(Arc::default());
    problem(server.post("/panicking", "").await, 500, "internal").await;
}
