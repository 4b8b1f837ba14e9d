//! A body that never comes.

use std::net::SocketAddr;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::{self, Bytes, ServiceConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Options, TestServer};

fn routes(config: &mut ServiceConfig) {
    config.route("/v1/bytes", web::post().to(take));
}

async fn take(body: Bytes) -> HttpResponse {
    HttpResponse::Ok().body(body.len().to_string())
}

#[tokio::test]
async fn a_body_that_stops_coming_is_cut_off_and_its_connection_closed() {
    let server = TestServer::start(Options::default(), routes);
    let address: SocketAddr = server.base.trim_start_matches("http://").parse().unwrap();
    let mut connection = TcpStream::connect(address).await.unwrap();
    let head = "POST /v1/bytes HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nab";
    connection.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = connection.read_to_string(&mut answer);
    tokio::time::timeout(Duration::from_secs(20), read).await.expect("it is closed").unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("body-too-slow"), "{answer}");
}
