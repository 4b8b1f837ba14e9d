//! Who asks, and what they may.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::HttpResponse;
use actix_web::web::{self, Data, ServiceConfig};
use chrono::{DateTime, TimeDelta};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use shared::clock::Clock;
use shared::ids::PartnerId;
use shared::platform::shutdown::Shutdown;
use testkit::{DatabaseRole, ManualClock, PATIENCE, TestDatabase, eventually, jwt};
use uuid::Uuid;
use web_kit::{AuthConfig, Caller, Health, HttpConfig, Kit, Problem, Role, Scope};

use crate::support::{self, Options, TestServer, problem};
use ::web as web_kit;

/// A key made for this test and used nowhere else.
const EC_KEY: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgq66Sq849t2WqBs33
ftFlMJVwrEu9nTZIlmYfDafeyoahRANCAARK8pMpfpli06ilHourUp+D88VUCwg2
klisnCPIGUCz/9WZQOc8+Bs4oPFOYP5BIch0GQ+Do2/9r1D3JaKYF5j4
-----END PRIVATE KEY-----
";

fn routes(config: &mut ServiceConfig) {
    config
        .route("/v1/me", web::get().to(me))
        .route("/v1/sellers", web::get().to(sellers))
        .route("/v1/orders", web::get().to(orders));
}

async fn me(caller: Caller) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "id": caller.id() }))
}

async fn sellers(caller: Caller) -> Result<HttpResponse, Problem> {
    caller.require_role(&[Role::Seller, Role::Admin])?;
    Ok(HttpResponse::Ok().finish())
}

async fn orders(caller: Caller) -> Result<HttpResponse, Problem> {
    caller.require(&[Role::Operator], Some(Scope::OrdersRead))?;
    Ok(HttpResponse::Ok().finish())
}

fn signed(claims: &Value, secret: &str) -> String {
    encode(&Header::default(), claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
}

const FAR: i64 = 4_102_444_800;

#[tokio::test]
async fn a_person_is_known_by_their_token() {
    let server = TestServer::start(Options::default(), routes);
    let id = Uuid::from_u128(7);
    let answer = server.get_as("/v1/me", &jwt("operator", id, "Ada")).await;
    assert_eq!(answer.json::<Value>().await.unwrap()["id"], format!("operator:{id}"));
}

#[tokio::test]
async fn without_credentials_nobody_is_known() {
    let server = TestServer::start(Options::default(), routes);
    let answer = server.get("/v1/me").await;
    assert!(answer.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
    problem(answer, 401, "unauthenticated").await;
}

#[tokio::test]
async fn a_token_that_cannot_be_trusted_is_refused_with_a_reason() {
    let server = TestServer::start(Options::default(), routes);
    let claims = json!({ "sub": Uuid::nil(), "name": "Ada", "role": "operator", "exp": FAR });
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        signed(&claims, testkit::JWT_SECRET)
    };
    let mut without_exp = claims.clone();
    without_exp.as_object_mut().unwrap().remove("exp");
    let cases = [
        (signed(&claims, "another secret, also longer than 32 bytes"), "signature"),
        (with("exp", json!(1)), "expired"),
        (with("role", json!("king")), "unknown variant `king`"),
        (with("sub", json!("Ada")), "claims"),
        (with("name", json!("")), "name"),
        (signed(&without_exp, testkit::JWT_SECRET), "exp"),
        ("not.a.token".to_owned(), "not a JSON Web Token"),
        // Header `{"alg":"none"}`.
        ("eyJhbGciOiJub25lIn0.e30.".to_owned(), "refused"),
    ];
    for (token, reason) in cases {
        let problem = problem(server.get_as("/v1/me", &token).await, 401, "unauthenticated").await;
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(reason), "{reason}: {detail}");
    }
}

#[tokio::test]
async fn issuer_and_audience_are_checked_when_configured() {
    let auth = AuthConfig {
        issuer: "https://id.example".to_owned(),
        audience: "mes".to_owned(),
        ..support::auth()
    };
    let server = TestServer::start(Options { auth: Some(auth), ..Options::default() }, routes);
    let token = |iss: &str, aud: &str| {
        let claims = json!({ "sub": Uuid::nil(), "name": "Ada", "role": "operator", "exp": FAR,
                             "iss": iss, "aud": aud });
        signed(&claims, testkit::JWT_SECRET)
    };
    let good = server.get_as("/v1/me", &token("https://id.example", "mes")).await;
    assert_eq!(good.status(), 200);
    for bad in [token("https://evil.example", "mes"), token("https://id.example", "other")] {
        problem(server.get_as("/v1/me", &bad).await, 401, "unauthenticated").await;
    }
    let neither = jwt("operator", Uuid::nil(), "Ada");
    problem(server.get_as("/v1/me", &neither).await, 401, "unauthenticated").await;
}

#[tokio::test]
async fn a_missing_right_is_named() {
    let server = TestServer::start(Options::default(), routes);
    let operator = jwt("operator", Uuid::nil(), "Ada");
    let refused = problem(server.get_as("/v1/sellers", &operator).await, 403, "forbidden").await;
    assert_eq!(refused["required_roles"], json!(["seller", "admin"]));
    let seller = jwt("seller", Uuid::nil(), "Sam");
    assert_eq!(server.get_as("/v1/sellers", &seller).await.status(), 200);
    let refused = problem(server.get_as("/v1/orders", &seller).await, 403, "forbidden").await;
    assert_eq!(refused["required_scope"], "orders:read");
}

#[tokio::test]
async fn a_system_is_known_by_its_api_key_within_its_scopes() {
    let database = TestDatabase::create().await;
    let partner = PartnerId::new(Uuid::from_u128(9));
    let reader = database.add_partner(partner, "Goldsmith", &["orders:read"]).await;
    let writer = database.add_api_key("shop", &["models:write", "of:a:later:version"]).await;
    // Both services' roles can look keys up.
    for role in [DatabaseRole::Write, DatabaseRole::Read] {
        let options = Options { pools: vec![database.pool(role)], ..Options::default() };
        let server = TestServer::start(options, routes);
        let answer = server.get_as("/v1/me", &reader).await;
        assert_eq!(answer.json::<Value>().await.unwrap()["id"], format!("partner:{partner}"));
        assert_eq!(server.get_as("/v1/orders", &reader).await.status(), 200);
        let by_header = server.client.get(server.url("/v1/me")).header("x-api-key", &writer);
        let answer: Value = by_header.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["id"], "shop");
        problem(server.get_as("/v1/orders", &writer).await, 403, "forbidden").await;
    }
}

#[tokio::test]
async fn an_unknown_revoked_or_expired_key_is_refused() {
    let database = TestDatabase::create().await;
    let revoked = database.add_api_key("shop", &[]).await;
    let mut connection = database.connection().await;
    sqlx::query("UPDATE write.api_keys SET revoked_at = now()")
        .execute(&mut connection)
        .await
        .unwrap();
    let expired = database.add_api_key("crm", &[]).await;
    sqlx::query("UPDATE write.api_keys SET expires_at = now() WHERE holder = 'crm'")
        .execute(&mut connection)
        .await
        .unwrap();
    let pools = vec![database.pool(DatabaseRole::Write)];
    let server = TestServer::start(Options { pools, ..Options::default() }, routes);
    for key in [revoked, expired, "mes_invented".to_owned()] {
        for _ in 0..2 {
            problem(server.get_as("/v1/me", &key).await, 401, "unauthenticated").await;
        }
    }
}

#[tokio::test]
async fn keys_are_looked_up_in_the_next_pool_when_one_is_away() {
    let database = TestDatabase::create().await;
    let key = database.add_api_key("shop", &[]).await;
    let away = shared::platform::database::DatabaseConfig::new("postgres://x@127.0.0.1:1/x", 1);
    let away = shared::platform::database::pool(&away, "test").unwrap();
    let pools = vec![away.clone(), database.pool(DatabaseRole::Write)];
    let server = TestServer::start(Options { pools, ..Options::default() }, routes);
    assert_eq!(server.get_as("/v1/me", &key).await.status(), 200);
    let alone = TestServer::start(Options { pools: vec![away], ..Options::default() }, routes);
    let answer = alone.get_as("/v1/me", &key).await;
    assert!(answer.headers().contains_key("retry-after"));
    problem(answer, 503, "unavailable").await;
}

#[tokio::test]
async fn a_key_in_use_is_looked_up_again_while_nobody_waits_for_it() {
    let database = TestDatabase::create().await;
    let key = database.add_api_key("shop", &[]).await;
    let clock = ManualClock::at(DateTime::UNIX_EPOCH);
    let pools = vec![database.pool(DatabaseRole::Write)];
    let clocked: Arc<dyn Clock> = Arc::new(clock.clone());
    let server =
        TestServer::start(Options { pools, clock: Some(clocked), ..Options::default() }, routes);
    assert_eq!(server.get_as("/v1/me", &key).await.status(), 200);
    let mut busy = database.connection().await;
    sqlx::raw_sql("BEGIN; LOCK TABLE write.api_keys").execute(&mut busy).await.unwrap();
    clock.advance(TimeDelta::seconds(4));
    for _ in 0..3 {
        assert_eq!(server.get_as("/v1/me", &key).await.status(), 200);
    }
    let observer = database.pool(DatabaseRole::Write);
    let is_looked_up = || async {
        let query = "SELECT count(*) = 1 FROM pg_locks
                     WHERE NOT granted AND relation = 'write.api_keys'::regclass";
        sqlx::query_scalar::<_, bool>(query).fetch_one(&observer).await.unwrap()
    };
    eventually("the key is looked up again", is_looked_up, PATIENCE).await;
}

/// An identity provider that publishes its keys and counts how often it is asked.
fn provider(keys: Value, asked: Arc<AtomicUsize>) -> (String, Shutdown) {
    let shutdown = Shutdown::new();
    let kit = Kit {
        health: Health::builder(shutdown.clone()).build(),
        authenticator: None,
        quotas: None,
        shutdown: shutdown.clone(),
    };
    let config = HttpConfig::on_free_port();
    let state = Data::new((keys, asked));
    let bound = kit
        .bind(&config, move |config| {
            config.app_data(state.clone()).route("/keys", web::get().to(publish));
        })
        .unwrap();
    let url = format!("http://{}/keys", bound.address());
    tokio::spawn(bound.run());
    (url, shutdown)
}

async fn publish(state: Data<(Value, Arc<AtomicUsize>)>) -> HttpResponse {
    state.1.fetch_add(1, Ordering::SeqCst);
    HttpResponse::Ok().json(&state.0)
}

#[tokio::test]
async fn a_token_of_an_identity_provider_is_checked_with_its_published_keys() {
    let key = EncodingKey::from_ec_pem(EC_KEY.as_bytes()).unwrap();
    let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).unwrap();
    jwk.common.key_id = Some("one".to_owned());
    let asked = Arc::new(AtomicUsize::new(0));
    let keys = serde_json::to_value(JwkSet { keys: vec![jwk] }).unwrap();
    let (url, provider) = provider(keys.clone(), Arc::clone(&asked));
    let auth = AuthConfig { hs256_secret: "".into(), jwks_url: url, ..support::auth() };
    let server = TestServer::start(Options { auth: Some(auth), ..Options::default() }, routes);
    let claims = json!({ "sub": Uuid::nil(), "name": "Ada", "role": "admin", "exp": FAR });
    let token = |algorithm, kid: &str, key: &EncodingKey| {
        let header = Header { kid: Some(kid.to_owned()), ..Header::new(algorithm) };
        encode(&header, &claims, key).unwrap()
    };
    for _ in 0..3 {
        let answer = server.get_as("/v1/me", &token(Algorithm::ES256, "one", &key)).await;
        assert_eq!(answer.status(), 200);
    }
    // Invented key ids do not make us ask again and again.
    for invented in ["two", "three", "four"] {
        let answer = server.get_as("/v1/me", &token(Algorithm::ES256, invented, &key)).await;
        problem(answer, 401, "unauthenticated").await;
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    // A public key is not a secret to sign with.
    let public = EncodingKey::from_secret(keys.to_string().as_bytes());
    let forged = token(Algorithm::HS256, "one", &public);
    problem(server.get_as("/v1/me", &forged).await, 401, "unauthenticated").await;
    provider.stop();
}

#[tokio::test]
async fn a_configuration_nobody_could_sign_in_with_is_refused() {
    let clock = || Arc::new(shared::clock::SystemClock);
    for (secret, said) in [("", "neither"), ("short", "32 bytes")] {
        let auth = AuthConfig { hs256_secret: secret.into(), ..support::auth() };
        let error = web_kit::Authenticator::new(&auth, vec![], clock()).err().unwrap();
        assert!(error.to_string().contains(said), "{error}");
    }
}
