//! How often a caller may ask.

use std::num::NonZeroU32;

use actix_web::HttpResponse;
use actix_web::web::{self, ServiceConfig};
use testkit::jwt;
use uuid::Uuid;
use web_kit::QuotaConfig;

use crate::support::{Options, TestServer, problem};
use ::web as web_kit;

fn routes(config: &mut ServiceConfig) {
    config.route("/v1/thing", web::get().to(HttpResponse::Ok));
}

fn server(burst: u32) -> TestServer {
    let quotas = QuotaConfig {
        requests_per_second: NonZeroU32::MIN,
        burst: NonZeroU32::new(burst).unwrap(),
    };
    TestServer::start(Options { quotas: Some(quotas), ..Options::default() }, routes)
}

#[tokio::test]
async fn whoever_asks_too_often_is_told_when_to_come_back() {
    let server = server(3);
    let ada = jwt("operator", Uuid::from_u128(1), "Ada");
    for left in [2, 1, 0] {
        let answer = server.get_as("/v1/thing", &ada).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["ratelimit-policy"], r#""caller";q=3;w=3"#);
        let limit = answer.headers()["ratelimit"].to_str().unwrap();
        assert!(limit.starts_with(&format!(r#""caller";r={left};t="#)), "{limit}");
    }
    let refused = server.get_as("/v1/thing", &ada).await;
    assert_eq!(refused.headers()["retry-after"], "1");
    assert!(refused.headers().contains_key("ratelimit"));
    problem(refused, 429, "too-many-requests").await;
    let sam = jwt("seller", Uuid::from_u128(2), "Sam");
    assert_eq!(server.get_as("/v1/thing", &sam).await.status(), 200);
}

#[tokio::test]
async fn whoever_guesses_credentials_is_slowed_down_by_address() {
    let server = server(2);
    for _ in 0..2 {
        server.get_as("/v1/thing", &jwt("operator", Uuid::nil(), "")).await;
    }
    problem(server.get_as("/v1/thing", "another.bad.token").await, 429, "too-many-requests").await;
    problem(server.get("/v1/thing").await, 429, "too-many-requests").await;
}

#[tokio::test]
async fn probes_are_not_counted() {
    let server = server(1);
    for _ in 0..5 {
        assert_eq!(server.get("/livez").await.status(), 200);
    }
}
