//! Request bodies: [`JsonBody`], and the deadline that every body has.

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::{ConnectionType, StatusCode, header};
use actix_web::middleware::Next;
use actix_web::web::{Bytes, BytesMut};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::Stream;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, Sleep};

use crate::problem::{Problem, Violation};

/// No command of ours is longer.
const JSON_LIMIT: usize = 1024 * 1024;
/// A body may take this long, and then as long as it arrives at [`SLOWEST`].
const GRACE: Duration = Duration::from_secs(10);
/// Bytes a second below which a sender is taken for a slow attacker.
const SLOWEST: u64 = 16 * 1024;

/// A JSON body. What does not fit is a [`Problem`] that names the field by a JSON Pointer.
///
/// No body at all reads as `{}`, so that a command whose fields are all optional can be sent bare.
#[derive(Debug, Clone)]
pub struct JsonBody<T>(pub T);

impl<T> JsonBody<T> {
    /// The body itself.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for JsonBody<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            let bytes = read(payload, JSON_LIMIT).await?;
            if bytes.is_empty() {
                return parse_json(b"{}").map(Self);
            }
            refuse_other_types(&request)?;
            parse_json(&bytes).map(Self)
        })
    }
}

fn refuse_other_types(request: &HttpRequest) -> Result<(), Problem> {
    let sent = request.content_type();
    let (kind, subtype) = sent.split_once('/').unwrap_or_default();
    if kind == "application" && (subtype == "json" || subtype.ends_with("+json")) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported-media-type",
        "This kind of body is not understood",
    )
    .detail(format!("Send `Content-Type: application/json`; it was `{sent}`")))
}

/// Reads a whole body into memory, up to `limit` bytes.
pub async fn read(mut payload: Payload, limit: usize) -> Result<Bytes, Problem> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| from_payload_error(&error))?;
        if bytes.len() + chunk.len() > limit {
            return Err(too_large(limit));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

/// 413: the body is longer than `limit` bytes.
pub fn too_large(limit: usize) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is too large")
        .detail(format!("At most {limit} bytes are accepted"))
        .with("limit_bytes", limit)
}

/// What a body that broke off means.
pub fn from_payload_error(error: &PayloadError) -> Problem {
    match error {
        PayloadError::Io(cause) if cause.kind() == io::ErrorKind::TimedOut => {
            Problem::new(StatusCode::REQUEST_TIMEOUT, "body-too-slow", "The body came too slowly")
                .detail(format!(
                    "A body has {} s, and then must keep up {SLOWEST} bytes a second",
                    GRACE.as_secs()
                ))
        }
        PayloadError::Overflow => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is too large")
        }
        error => Problem::bad_request(format!("The body cannot be read: {error}")),
    }
}

/// Reads a JSON object; for bodies that do not come through [`JsonBody`].
pub fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(no_object(bytes));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let pointer = pointer(error.path());
        not_fitting(&pointer, error.inner())
    })?;
    reader.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

/// serde would take an array for a struct, value by value.
fn no_object(bytes: &[u8]) -> Problem {
    match serde_json::from_slice::<serde::de::IgnoredAny>(bytes) {
        Ok(_) => Problem::invalid_field("", "the body must be a JSON object"),
        Err(error) => malformed(&error),
    }
}

fn not_fitting(pointer: &str, error: &serde_json::Error) -> Problem {
    if !error.is_data() {
        return malformed(error);
    }
    let message = without_place(&error.to_string());
    let field = match quoted_after(&message, &["missing field", "unknown field", "duplicate field"])
    {
        Some(name) if !pointer.ends_with(&format!("/{name}")) => format!("{pointer}/{name}"),
        _ => pointer.to_owned(),
    };
    Problem::invalid(vec![Violation { field, message }])
}

fn malformed(error: &serde_json::Error) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "malformed-json", "The body is not JSON")
        .detail(error.to_string())
        .with("line", error.line())
        .with("column", error.column())
}

/// serde_json says where in the text; the pointer says it better.
pub(crate) fn without_place(message: &str) -> String {
    match message.rfind(" at line ") {
        Some(end) => message[..end].to_owned(),
        None => message.to_owned(),
    }
}

pub(crate) fn quoted_after<'a>(message: &'a str, prefixes: &[&str]) -> Option<&'a str> {
    let rest = prefixes.iter().find_map(|prefix| message.strip_prefix(prefix))?;
    rest.split('`').nth(1)
}

/// RFC 6901.
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter().fold(String::new(), |so_far, segment| match segment {
        Segment::Seq { index } => format!("{so_far}/{index}"),
        Segment::Map { key } => format!("{so_far}/{}", escape(key)),
        Segment::Enum { variant } => format!("{so_far}/{}", escape(variant)),
        Segment::Unknown => so_far,
    })
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Middleware: actix-web waits for a body for ever. Every body is given a pace, and a connection whose body
/// was not read to its end is closed after the answer, so that its rest is not taken for a request.
pub(crate) async fn pace<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    if !has_body(&request) {
        return next.call(request).await;
    }
    let finished = Rc::new(Cell::new(false));
    let paced = Paced::new(request.take_payload(), Rc::clone(&finished));
    request.set_payload(Payload::Stream { payload: Box::pin(paced) });
    let mut response = next.call(request).await?;
    if !finished.get() {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(response)
}

fn has_body(request: &ServiceRequest) -> bool {
    let headers = request.headers();
    let length = headers.get(header::CONTENT_LENGTH).map(|value| value.as_bytes() != b"0");
    length.unwrap_or_else(|| headers.contains_key(header::TRANSFER_ENCODING))
}

struct Paced {
    inner: Payload,
    began: Instant,
    received: u64,
    deadline: Pin<Box<Sleep>>,
    finished: Rc<Cell<bool>>,
}

impl Paced {
    fn new(inner: Payload, finished: Rc<Cell<bool>>) -> Self {
        let began = Instant::now();
        Self {
            inner,
            began,
            received: 0,
            deadline: Box::pin(tokio::time::sleep_until(began + GRACE)),
            finished,
        }
    }

    fn took_in(&mut self, bytes: usize) {
        self.received += bytes as u64;
        let allowed = GRACE + Duration::from_secs(self.received / SLOWEST);
        self.deadline.as_mut().reset(self.began + allowed);
    }
}

impl Stream for Paced {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.inner.poll_next_unpin(context) {
            Poll::Ready(Some(Ok(chunk))) => {
                self.took_in(chunk.len());
                Poll::Ready(Some(Ok(chunk)))
            }
            Poll::Ready(None) => {
                self.finished.set(true);
                Poll::Ready(None)
            }
            Poll::Ready(error) => Poll::Ready(error),
            Poll::Pending => self
                .deadline
                .as_mut()
                .poll(context)
                .map(|()| Some(Err(PayloadError::Io(io::ErrorKind::TimedOut.into())))),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape is used")]
    struct Order {
        quantity: u32,
        lines: Vec<Line>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape is used")]
    struct Line {
        material: String,
    }

    fn violated(body: &str) -> (u16, serde_json::Value) {
        let problem = parse_json::<Order>(body.as_bytes()).unwrap_err();
        (problem.status().as_u16(), serde_json::to_value(&problem).unwrap())
    }

    #[test]
    fn a_wrong_type_is_named_by_a_pointer() {
        let (status, problem) =
            violated(r#"{"quantity":1,"lines":[{"material":"gold"},{"material":7}]}"#);
        assert_eq!(status, 422);
        assert_eq!(problem["violations"][0]["field"], "/lines/1/material");
    }

    #[test]
    fn a_missing_field_is_named() {
        let (_, problem) = violated(r#"{"quantity":1,"lines":[{}]}"#);
        assert_eq!(problem["violations"][0]["field"], "/lines/0/material");
        assert_eq!(problem["violations"][0]["message"], "missing field `material`");
    }

    #[test]
    fn an_unknown_field_is_named() {
        let (_, problem) =
            violated(r#"{"quantity":1,"lines":[{"material":"gold","colour":"red"}]}"#);
        assert_eq!(problem["violations"][0]["field"], "/lines/0/colour");
    }

    #[test]
    fn what_is_not_json_is_named_by_line_and_column() {
        let (status, problem) = violated("{\n  \"quantity\": ,\n}");
        assert_eq!((status, &problem["code"]), (400, &"malformed-json".into()));
        assert_eq!((&problem["line"], &problem["column"]), (&2.into(), &15.into()));
    }

    #[test]
    fn an_array_is_not_taken_for_an_object() {
        let (status, problem) = violated("[1, []]");
        assert_eq!((status, &problem["violations"][0]["field"]), (422, &"".into()));
        let (status, problem) = violated("[1,");
        assert_eq!((status, &problem["code"]), (400, &"malformed-json".into()));
    }

    #[test]
    fn something_behind_the_body_is_refused() {
        let (status, _) = violated(r#"{"quantity":1,"lines":[]} x"#);
        assert_eq!(status, 400);
    }
}
