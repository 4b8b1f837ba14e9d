//! Quotas: how often a caller may ask, and a middleware that recognises the caller and counts.
//!
//! The headers follow draft-ietf-httpapi-ratelimit-headers: `RateLimit-Policy` says the rule,
//! `RateLimit` what is left of it. Each instance counts for itself.

use std::future::{Ready, ready};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{FromRequest, HttpMessage, HttpRequest, ResponseError};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use moka::future::Cache;
use serde::{Deserialize, Serialize};

use crate::caller::{Authenticator, Caller};
use crate::health;
use crate::problem::{Problem, whole_seconds};

/// More callers at once than this are not remembered one by one.
const MOST_CALLERS: u64 = 20_000;

/// How often one caller may ask.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct QuotaConfig {
    /// In the long run.
    pub requests_per_second: NonZeroU32,
    /// At once, after a pause.
    pub burst: NonZeroU32,
}

type Bucket = RateLimiter<NotKeyed, InMemoryState, DefaultClock, StateInformationMiddleware>;

/// A bucket for each caller.
#[derive(Clone)]
pub(crate) struct Quotas {
    config: QuotaConfig,
    buckets: Cache<String, Arc<Bucket>>,
}

/// What is left for a caller.
struct Standing {
    config: QuotaConfig,
    left: u32,
    wait: Option<Duration>,
}

impl Quotas {
    pub(crate) fn new(config: QuotaConfig) -> Self {
        // A bucket that was not asked for longer than it takes to fill is as good as a new one.
        let idle = refill_time(config) + Duration::from_secs(1);
        let buckets = Cache::builder().max_capacity(MOST_CALLERS).time_to_idle(idle).build();
        Self { config, buckets }
    }

    async fn bucket(&self, caller: String) -> Arc<Bucket> {
        let quota =
            Quota::per_second(self.config.requests_per_second).allow_burst(self.config.burst);
        let new = async { Arc::new(RateLimiter::direct(quota).with_middleware()) };
        self.buckets.get_with(caller, new).await
    }

    async fn take(&self, caller: String) -> Standing {
        match self.bucket(caller).await.check() {
            Ok(state) => {
                Standing { config: self.config, left: state.remaining_burst_capacity(), wait: None }
            }
            Err(not_until) => Standing {
                config: self.config,
                left: 0,
                wait: Some(not_until.wait_time_from(DefaultClock::default().now())),
            },
        }
    }
}

/// What a request may still take of its caller's quota, for requests that are worth more than one.
#[derive(Clone)]
pub struct Allowance(Option<(Quotas, String)>);

impl Allowance {
    /// Counts as `requests` more, or as all that may come at once if that is less.
    ///
    /// # Errors
    /// 429 when that is not left; then nothing is taken.
    pub async fn take(&self, requests: u32) -> Result<(), Problem> {
        let Some((quotas, caller)) = &self.0 else { return Ok(()) };
        let Some(requests) = NonZeroU32::new(requests) else { return Ok(()) };
        let bucket = quotas.bucket(caller.clone()).await;
        match bucket.check_n(requests.min(quotas.config.burst)) {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(not_until)) => {
                Err(too_many(not_until.wait_time_from(DefaultClock::default().now())))
            }
            // Never: no more than a burst is asked for.
            Err(_) => Err(too_many(refill_time(quotas.config))),
        }
    }
}

impl FromRequest for Allowance {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let allowance = request.extensions().get::<Self>().cloned();
        ready(Ok(allowance.unwrap_or(Self(None))))
    }
}

impl Standing {
    fn write_to(&self, headers: &mut HeaderMap) {
        let QuotaConfig { requests_per_second, burst } = self.config;
        let missing = u64::from(burst.get() - self.left.min(burst.get()));
        let full_in = missing.div_ceil(u64::from(requests_per_second.get()));
        let window = whole_seconds(refill_time(self.config)).max(1);
        let policy = format!("\"caller\";q={burst};w={window}");
        let limit = format!("\"caller\";r={};t={full_in}", self.left);
        for (name, value) in [("ratelimit-policy", policy), ("ratelimit", limit)] {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
}

fn refill_time(config: QuotaConfig) -> Duration {
    Duration::from_secs(1) * config.burst.get() / config.requests_per_second.get()
}

/// Middleware: recognises the caller, leaves it to the extractor, and counts the request. Whoever is not
/// recognised is counted by address, which also slows down guessing.
pub(crate) async fn admit<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
    authenticator: Option<Authenticator>,
    quotas: Option<Quotas>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    if health::is_probe(request.path()) {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let recognised = match &authenticator {
        Some(authenticator) => authenticator.recognise(request.headers()).await,
        None => None,
    };
    let name = match &recognised {
        Some(Ok(caller)) => Caller::id(caller),
        _ => by_address(&request),
    };
    if let Some(recognised) = recognised {
        request.extensions_mut().insert(recognised);
    }
    let Some(quotas) = quotas else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    request.extensions_mut().insert(Allowance(Some((quotas.clone(), name.clone()))));
    let standing = quotas.take(name).await;
    let mut response = match standing.wait {
        Some(wait) => request.into_response(too_many(wait).error_response()),
        None => next.call(request).await?.map_into_boxed_body(),
    };
    standing.write_to(response.headers_mut());
    Ok(response)
}

fn by_address(request: &ServiceRequest) -> String {
    request.peer_addr().map_or_else(|| "unknown".to_owned(), |address| address.ip().to_string())
}

fn too_many(wait: Duration) -> Problem {
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "Too many requests")
        .detail("The quota of this caller is used up for the moment")
        .retry_after(wait)
}
