//! The outermost middleware: one span and one measurement a request, one shape for every error.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use actix_web::ResponseError;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use futures_util::FutureExt;
use opentelemetry::KeyValue;
use opentelemetry::metrics::Histogram;
use shared::platform::telemetry::{self, continue_trace};
use tracing::{Instrument, Span, field};

use crate::problem::{self, Problem};
use crate::{body, health};

/// The durations of all requests.
#[derive(Clone)]
pub(crate) struct Durations(Histogram<f64>);

impl Durations {
    pub(crate) fn new() -> Self {
        let name = "http.server.request.duration";
        Self(telemetry::seconds_histogram(name, "How long requests took"))
    }
}

pub(crate) async fn observe<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
    durations: Durations,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let began = Instant::now();
    let method = method_name(request.method());
    let probe = health::is_probe(request.path());
    let span = span_of(&request, method, probe);
    let answer = answer(request, next).instrument(span.clone()).await;
    let seconds = began.elapsed().as_secs_f64();
    let (status, route) = match &answer {
        Ok(response) => (response.status(), response.request().match_pattern()),
        Err(error) => (error.as_response_error().status_code(), None),
    };
    let route = route.unwrap_or_else(|| "unmatched".to_owned());
    let answer = span.in_scope(|| {
        span.record("otel.name", format!("{method} {route}"));
        span.record("http.route", &route);
        span.record("http.response.status_code", status.as_u16());
        if !probe {
            tracing::info!(duration_ms = seconds * 1_000.0, "request");
        }
        answer.map(with_headers)
    });
    durations.0.record(
        seconds,
        &[
            KeyValue::new("http.request.method", method),
            KeyValue::new("http.route", route),
            KeyValue::new("http.response.status_code", i64::from(status.as_u16())),
        ],
    );
    answer
}

/// No path and no query: they may hold what a customer typed. The route's template is added once known.
fn span_of(request: &ServiceRequest, method: &'static str, probe: bool) -> Span {
    if probe {
        return Span::none();
    }
    let span = tracing::info_span!(
        "http.request",
        otel.kind = "server",
        otel.name = field::Empty,
        http.request.method = method,
        http.route = field::Empty,
        http.response.status_code = field::Empty,
    );
    let traceparent = request.headers().get("traceparent").and_then(|value| value.to_str().ok());
    continue_trace(&span, traceparent);
    span
}

/// Runs the rest; a panic and every error that is not one of ours becomes a problem too.
async fn answer<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    if let Ok(answer) = AssertUnwindSafe(next.call(request)).catch_unwind().await {
        return Ok(as_problem(answer?.map_into_boxed_body()));
    }
    tracing::error!("a handler panicked");
    Err(Problem::internal_logged().into())
}

fn as_problem(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) || is_problem(response.headers()) {
        return response;
    }
    // `/readyz` says 503 with reasons of its own.
    if is_json(response.headers()) {
        return response;
    }
    let allow = response.headers().get(header::ALLOW).cloned();
    let problem = match response.response().error() {
        Some(error) => of_error(status, error),
        None => of_status(status),
    };
    let mut answer = problem.error_response();
    if let Some(allow) = allow {
        answer.headers_mut().insert(header::ALLOW, allow);
    }
    ServiceResponse::new(response.into_parts().0, answer)
}

/// An error of actix-web's own extractors.
fn of_error(status: StatusCode, error: &actix_web::Error) -> Problem {
    if let Some(error) = error.as_error::<PayloadError>() {
        return body::from_payload_error(error);
    }
    let problem = of_status(status);
    if status.is_client_error() { problem.detail(error.to_string()) } else { problem }
}

fn of_status(status: StatusCode) -> Problem {
    match status {
        StatusCode::NOT_FOUND => Problem::not_found("Nothing answers here"),
        StatusCode::METHOD_NOT_ALLOWED => problem::method_not_allowed(),
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(status, "too-large", "The body is too large"),
        StatusCode::BAD_REQUEST => Problem::bad_request(""),
        status if status.is_server_error() => Problem::internal_logged(),
        status => {
            let title = status.canonical_reason().unwrap_or("The request was refused");
            Problem::new(status, title.to_lowercase().replace(' ', "-"), title)
        }
    }
}

fn is_problem(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|value| value == problem::MEDIA_TYPE)
}

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/json"))
}

fn with_headers(mut response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    add_headers(response.headers_mut());
    response
}

fn add_headers(headers: &mut HeaderMap) {
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if is_json(headers) || is_problem(headers) {
        let nothing = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
        headers.insert(header::CONTENT_SECURITY_POLICY, nothing);
    }
    let ids = [
        ("traceparent", telemetry::current_traceparent()),
        ("x-request-id", telemetry::current_trace_id()),
    ];
    for (name, value) in ids {
        if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

/// A method that somebody invented must not become a new time series.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "_OTHER",
    }
}
