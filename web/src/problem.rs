//! Problems: the one shape in which both APIs say no (RFC 9457).
//!
//! A problem tells the caller what to do differently and never how we are built inside: causes are logged
//! where the problem is made, and the `trace_id` connects the two.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::platform::{database, telemetry};
use utoipa::openapi::{RefOr, Schema};

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// An answer that says no, and why.
#[derive(Debug, Clone)]
pub struct Problem(Box<Content>);

#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
struct Content {
    /// A stable name of this kind of problem, as a URI.
    #[serde(rename = "type")]
    #[schema(example = "urn:mes:problem:not-found")]
    kind: String,
    /// What this kind of problem is, in a few words.
    title: Cow<'static, str>,
    /// The HTTP status.
    #[serde(serialize_with = "as_number")]
    #[schema(value_type = u16, example = 404)]
    status: StatusCode,
    /// What happened this time.
    #[serde(skip_serializing_if = "String::is_empty")]
    detail: String,
    /// The last part of `type`, for programs.
    #[schema(value_type = String, example = "not-found")]
    code: Cow<'static, str>,
    /// What is wrong with single fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    violations: Vec<Violation>,
    /// Names this request in our logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
    /// What a program may want to know more, such as `current_status` and `allowed`.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    extensions: Map<String, Value>,
    #[serde(skip)]
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// What is wrong with one field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Violation {
    /// Where: a JSON Pointer into the body (`/quantity`), or the name of a query parameter or header.
    pub field: String,
    /// What is wrong there.
    pub message: String,
}

impl Problem {
    /// A problem of a kind of its own.
    pub fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        title: impl Into<Cow<'static, str>>,
    ) -> Self {
        let code = code.into();
        Self(Box::new(Content {
            kind: format!("urn:mes:problem:{code}"),
            title: title.into(),
            status,
            detail: String::new(),
            code,
            violations: Vec::new(),
            trace_id: None,
            extensions: Map::new(),
            headers: Vec::new(),
        }))
    }

    /// 400: the request cannot be understood.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", "The request cannot be understood")
            .detail(detail)
    }

    /// 401: who asks is not known.
    pub fn unauthenticated(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", "It is not known who asks")
            .detail(detail)
            .header(header::WWW_AUTHENTICATE, r#"Bearer realm="mes""#)
    }

    /// 403: who asks may not do this.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "The caller may not do this").detail(detail)
    }

    /// 404: there is no such thing, or none that the caller may see.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "There is no such thing").detail(detail)
    }

    /// 409: the rules refuse this now. The domain speaks; nothing is broken.
    pub fn refused(code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, "The rules refuse this now").detail(detail)
    }

    /// 422: the request is well-formed and some of its fields make no sense.
    pub fn invalid(violations: Vec<Violation>) -> Self {
        let fields: Vec<&str> = violations.iter().map(|v| v.field.as_str()).collect();
        let mut problem = Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid",
            "Some fields of the request are not valid",
        )
        .detail(format!("See `violations`: {}", fields.join(", ")));
        problem.0.violations = violations;
        problem
    }

    /// 422 for one field: a JSON Pointer such as `/quantity`, or a parameter's name.
    pub fn invalid_field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::invalid(vec![Violation { field: field.into(), message: message.into() }])
    }

    /// 503: something we depend on is away; the same request may succeed later.
    pub fn unavailable(detail: impl Into<String>, retry_after: Duration) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not possible at the moment")
            .detail(detail)
            .retry_after(retry_after)
    }

    /// 500: our fault. The cause is logged here, with its own causes, and not shown.
    pub fn internal(cause: &(dyn Error + 'static)) -> Self {
        tracing::error!(error = cause, "a request failed");
        Self::internal_logged()
    }

    /// 500, whose cause somebody has logged already.
    pub fn internal_logged() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong on our side")
            .detail("The failure is logged under the trace id")
    }

    /// What a database error means to the caller: 503 when the database is away or busy, else 500.
    pub fn from_database(error: &sqlx::Error) -> Self {
        if database::is_unavailable(error) {
            tracing::warn!(error = error as &dyn Error, "the database is not available");
            return Self::unavailable("The database is not available", Duration::from_secs(1));
        }
        if database::is_lock_timeout(error) || database::is_lost_race(error) {
            tracing::warn!(error = error as &dyn Error, "the database is busy");
            return Self::unavailable("Somebody else works on the same", Duration::from_secs(1));
        }
        Self::internal(error)
    }

    /// Says what happened this time.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = detail.into();
        self
    }

    /// Adds a member that programs may read, such as `current_status`.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.extensions.insert(name.to_owned(), value.into());
        self
    }

    /// The same problem, of a part of a larger body: `/quantity` under `/orders/3` is `/orders/3/quantity`.
    #[must_use]
    pub fn under(mut self, pointer: &str) -> Self {
        let in_the_body = |field: &str| field.is_empty() || field.starts_with('/');
        for violation in self.0.violations.iter_mut().filter(|v| in_the_body(&v.field)) {
            violation.field.insert_str(0, pointer);
        }
        if !self.0.violations.is_empty() {
            let fields: Vec<&str> = self.0.violations.iter().map(|v| v.field.as_str()).collect();
            self.0.detail = format!("See `violations`: {}", fields.join(", "));
        }
        self
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.0.headers.push((name, value));
        }
        self
    }

    /// Says when to try again, in whole seconds, at least one.
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> Self {
        let seconds = whole_seconds(wait).max(1);
        self.header(header::RETRY_AFTER, &seconds.to_string())
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The stable name of this kind of problem.
    pub fn code(&self) -> &str {
        &self.0.code
    }
}

pub(crate) fn method_not_allowed() -> Problem {
    let title = "This method does not exist here";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", title)
}

/// Rounded up: whoever comes back after this many seconds is not too early.
pub(crate) fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn as_number<S: serde::Serializer>(status: &StatusCode, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u16(status.as_u16())
}

impl Serialize for Problem {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl utoipa::PartialSchema for Problem {
    fn schema() -> RefOr<Schema> {
        Content::schema()
    }
}

impl utoipa::ToSchema for Problem {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        Content::schemas(schemas);
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.0.status.as_u16(), self.0.title, self.0.detail)
    }
}

impl Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.0.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut answer = HttpResponse::build(self.0.status);
        answer.insert_header((header::CONTENT_TYPE, MEDIA_TYPE));
        answer.insert_header((header::CACHE_CONTROL, "no-store"));
        for (name, value) in &self.0.headers {
            answer.insert_header((name.clone(), value.clone()));
        }
        let named = Content { trace_id: telemetry::current_trace_id(), ..(*self.0).clone() };
        // A map with string keys always serialises.
        answer.body(serde_json::to_vec(&named).unwrap_or_default())
    }
}
