//! Every error is a problem, whoever makes it.

use actix_web::HttpResponse;
use actix_web::web::{self, Bytes, ServiceConfig};
use serde::Deserialize;
use uuid::Uuid;
use web_kit::{JsonBody, Problem, QueryParams};

use crate::support::{Options, TestServer, problem};
use ::web as web_kit;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Thing {
    quantity: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    limit: u16,
}

fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource("/v1/things").get(list).post(create))
        .route("/v1/things/{id}", web::get().to(show))
        .route("/v1/bytes", web::post().to(bytes))
        .route("/v1/refused", web::get().to(refused))
        .route("/v1/panic", web::get().to(panics));
}

async fn create(body: JsonBody<Thing>) -> HttpResponse {
    HttpResponse::Created().json(serde_json::json!({ "quantity": body.0.quantity }))
}

async fn list(query: QueryParams<Page>) -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({ "limit": query.0.limit }))
}

async fn show(id: web::Path<Uuid>) -> HttpResponse {
    HttpResponse::Ok().body(id.to_string())
}

async fn bytes(body: Bytes) -> HttpResponse {
    HttpResponse::Ok().body(body.len().to_string())
}

async fn refused() -> Result<HttpResponse, Problem> {
    Err(Problem::refused("already-taken", "Somebody else took it")
        .with("current_status", "MANUFACTURING_STARTED")
        .with("allowed", vec!["complete", "give-back"]))
}

async fn panics() -> HttpResponse {
    panic!("on purpose")
}

fn server() -> TestServer {
    TestServer::start(Options::default(), routes)
}

#[tokio::test]
async fn a_body_that_fits_is_taken() {
    let answer = server().post("/v1/things", r#"{"quantity":3}"#).await;
    assert_eq!(answer.status(), 201);
}

#[tokio::test]
async fn what_is_not_json_is_named_by_its_place() {
    let answer = server().post("/v1/things", "{\"quantity\": }").await;
    let problem = problem(answer, 400, "malformed-json").await;
    assert_eq!((&problem["line"], &problem["column"]), (&1.into(), &14.into()));
}

#[tokio::test]
async fn a_field_that_does_not_fit_is_named() {
    let server = server();
    for (body, field) in [
        (r#"{"quantity":"many"}"#, "/quantity"),
        (r#"{"quantity":-1}"#, "/quantity"),
        (r#"{"quantity":1,"colour":"red"}"#, "/colour"),
        ("{}", "/quantity"),
        ("", "/quantity"),
    ] {
        let problem = problem(server.post("/v1/things", body).await, 422, "invalid").await;
        assert_eq!(problem["violations"][0]["field"], field, "{body}: {problem}");
    }
}

#[tokio::test]
async fn another_kind_of_body_is_refused() {
    let server = server();
    let request = server.client.post(server.url("/v1/things")).body("quantity=1");
    problem(request.send().await.unwrap(), 415, "unsupported-media-type").await;
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let server = server();
    for path in ["/v1/things", "/v1/bytes"] {
        let large = vec![b' '; 2 * 1024 * 1024];
        let request =
            server.client.post(server.url(path)).header("content-type", "application/json");
        problem(request.body(large).send().await.unwrap(), 413, "too-large").await;
    }
}

#[tokio::test]
async fn parameters_are_named() {
    let server = server();
    let unknown = problem(server.get("/v1/things?limit=1&colour=red").await, 422, "invalid").await;
    assert_eq!(unknown["violations"][0]["field"], "colour");
    let wrong = problem(server.get("/v1/things?limit=lots").await, 422, "invalid").await;
    assert_eq!(wrong["violations"][0]["field"], "limit");
    problem(server.get("/v1/things/not-an-id").await, 422, "invalid").await;
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let server = server();
    problem(server.get("/nowhere").await, 404, "not-found").await;
    problem(server.post("/v1/bytes/", "").await, 404, "not-found").await;
    problem(server.get("/v1/bytes").await, 405, "method-not-allowed").await;
    let answer = server.client.delete(server.url("/v1/things")).send().await.unwrap();
    let allow = answer.headers().get("allow").map(|value| value.to_str().unwrap().to_owned());
    problem(answer, 405, "method-not-allowed").await;
    assert!(allow.is_some_and(|allow| allow.contains("GET") && allow.contains("POST")));
}

#[tokio::test]
async fn a_refusal_says_what_holds_and_what_is_allowed() {
    let problem = problem(server().get("/v1/refused").await, 409, "already-taken").await;
    assert_eq!(problem["current_status"], "MANUFACTURING_STARTED");
    assert_eq!(problem["allowed"][1], "give-back");
}

#[tokio::test]
async fn a_panic_is_a_problem_and_the_server_goes_on() {
    let server = server();
    problem(server.get("/v1/panic").await, 500, "internal").await;
    assert_eq!(server.get("/livez").await.status(), 200);
}

#[tokio::test]
async fn answers_carry_security_headers() {
    let answer = server().get("/nowhere").await;
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    assert_eq!(answer.headers()["cache-control"], "no-store");
}

#[tokio::test]
async fn only_listed_origins_may_call_from_a_browser() {
    let options =
        Options { cors_origins: vec!["https://mes.example".to_owned()], ..Options::default() };
    let server = TestServer::start(options, routes);
    let preflight = |origin: &'static str| {
        server
            .client
            .request(reqwest::Method::OPTIONS, server.url("/v1/things"))
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,idempotency-key")
            .send()
    };
    let ours = preflight("https://mes.example").await.unwrap();
    assert_eq!(ours.status(), 200);
    assert_eq!(ours.headers()["access-control-allow-origin"], "https://mes.example");
    let other = preflight("https://evil.example").await.unwrap();
    assert!(!other.headers().contains_key("access-control-allow-origin"));
}
