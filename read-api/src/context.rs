//! What every handler works with: the reader who asks, and the one way in which a screen is shown.

use std::cell::Cell;
use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use serde::Serialize;
use shared::metals::AgeLimits;
use shared::position::Position;
use web::{Caller, Problem, Role, Scope as KeyScope};

use crate::cache::{Cache, Entry, Key};
use crate::error::NotShown;
use crate::filter::{Scope, View};
use crate::live::Live;
use crate::live::feed::FeedStreams;
use crate::live::quotes::WatchedQuotes;
use crate::metrics::Metrics;
use crate::replicas::{Head, Question, Reading, Replicas, Source, Standing, Unreadable};

/// "Not from before this position."
pub const MIN_POSITION: &str = "mes-min-position";
/// Everything up to this position is in the answer.
const POSITION: &str = "mes-position";
/// Everything that happened before this moment is in the answer.
const AS_OF: &str = "mes-as-of";
/// The answer is older than was asked for, or nobody can tell.
const STALE: &str = "mes-stale";
/// Who answered: `cache`, `replica` or `primary`.
const SERVED_BY: &str = "mes-served-by";

/// The parts, introduced to each other by [`crate::application`].
#[derive(Clone)]
pub struct Context {
    pub replicas: Replicas,
    pub cache: Cache,
    pub live: Live,
    pub quotes: WatchedQuotes,
    pub feeds: FeedStreams,
    /// From which age on prices of metals are doubted.
    pub fixings: AgeLimits,
    pub metrics: Metrics,
}

/// A question whose answer is a screen with a version, and so can be kept.
pub trait Screen: Question<Answer = Option<Self::Body>> {
    /// The JSON. Holds times, never ages.
    type Body: Serialize;

    /// Whose orders.
    fn scope(&self) -> Scope;
    /// The part of the read model whose version the screen has.
    fn view(&self) -> View;
    /// Everything else that tells this screen from others of the view.
    fn filter(&self) -> String;
}

/// Whoever asks, and how they want the answer.
#[derive(Debug, Clone)]
pub struct Reader {
    pub caller: Caller,
    /// What they may see.
    pub scope: Scope,
    /// They have seen this much already, here or as a command's answer.
    pub floor: Option<Position>,
    held: Vec<String>,
    takes_gzip: bool,
}

impl FromRequest for Reader {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let caller = Caller::from_request(request, payload).into_inner();
        ready(caller.and_then(|caller| Self::new(caller, request.headers())))
    }
}

impl Reader {
    fn new(caller: Caller, headers: &HeaderMap) -> Result<Self, Problem> {
        caller.require(&[Role::Operator, Role::Seller, Role::Admin], Some(KeyScope::OrdersRead))?;
        Ok(Self {
            scope: caller.partner_id().map_or(Scope::All, Scope::Partner),
            caller,
            #[cfg(not(feature = "planted-bugs"))]
            floor: position_in(headers, MIN_POSITION)?,
            #[cfg(feature = "planted-bugs")]
            floor: position_in(headers, MIN_POSITION)?
                .filter(|_| !crate::planted::is("token-ignores-lag")),
            held: held_tags(headers),
            takes_gzip: takes_gzip(headers),
        })
    }

    /// The tag that the reader holds of this content, as it was sent.
    fn holds(&self, content_tag: &str) -> Option<&str> {
        let of_content =
            |tag: &&String| tag.strip_prefix(content_tag).is_some_and(|rest| rest.starts_with('-'));
        self.held.iter().find(of_content).map(String::as_str)
    }
}

/// A position in a header: absent, or well-formed.
pub fn position_in(headers: &HeaderMap, name: &str) -> Result<Option<Position>, Problem> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    match text.parse() {
        Ok(position) => Ok(Some(position)),
        Err(error) => Err(Problem::invalid_field(name, format!("{error}"))),
    }
}

fn held_tags(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(header::IF_NONE_MATCH).filter_map(|value| value.to_str().ok());
    values
        .flat_map(|list| list.split(','))
        .map(|tag| tag.trim().trim_start_matches("W/").trim_matches('"').to_owned())
        .collect()
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).filter_map(|value| value.to_str().ok());
    values.flat_map(|list| list.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let refused =
            matches!(weight.trim().trim_start_matches("q=").trim(), "0" | "0.0" | "0.00" | "0.000");
        name.trim().eq_ignore_ascii_case("gzip") && !refused
    })
}

/// What is told of an answer beside its body.
#[derive(Debug, Clone, Copy)]
struct Shown {
    position: Position,
    as_of: DateTime<Utc>,
    served_by: &'static str,
    stale: bool,
}

impl Context {
    /// Shows a screen: from memory when it is known to be current, else from a replica that has seen enough, else from
    /// the primary, else marked as stale. The rarer ways are boxed, so that the usual one stays small.
    pub async fn show<S: Screen>(
        &self,
        reader: &Reader,
        screen: &S,
    ) -> Result<HttpResponse, Problem> {
        let question = question_of(screen);
        let standing = self.replicas.best_for(reader.floor).await;
        let outcome = match standing {
            Some(standing) if reader.is_covered_by(standing.position) => {
                self.show_known(reader, screen, question, &standing).await
            }
            standing => Box::pin(self.show_behind(reader, screen, question, standing)).await,
        };
        let answer = match outcome {
            Ok(answer) => answer,
            Err(error) => self.last_answer(reader, screen, &error).await?,
        };
        self.note(&answer);
        Ok(answer)
    }

    /// While no database answers, the last answer that this process gave is better than none. And an order that is
    /// not there yet is not said to be missing.
    async fn last_answer<S: Screen>(
        &self,
        reader: &Reader,
        screen: &S,
        error: &NotShown,
    ) -> Result<HttpResponse, Problem> {
        if let NotShown::Nothing(seen) = error
            && !reader.is_covered_by(*seen)
        {
            return Err(NotShown::not_yet());
        }
        let problem = Problem::from(error);
        if !matches!(error, NotShown::Unreadable(Unreadable::Nobody)) {
            return Err(problem);
        }
        let entry = self.cache.latest(&question_of(screen)).await.ok_or(problem)?;
        let shown = reader.shown(entry.head.position, entry.head.as_of, "cache");
        Ok(reader.send(&entry, Shown { stale: true, ..shown }))
    }

    fn note(&self, answer: &HttpResponse) {
        let served_by = match answer.headers().get(SERVED_BY).map(HeaderValue::as_bytes) {
            Some(b"cache") => "cache",
            Some(b"primary") => "primary",
            _ => "replica",
        };
        self.metrics.answered(served_by, answer.headers().contains_key(STALE));
    }

    /// Asks what is no screen: the answer is not kept and has no tag.
    pub async fn answer<Q>(&self, reader: &Reader, question: &Q) -> Result<HttpResponse, Problem>
    where
        Q: Question<Answer: Serialize>,
    {
        let Reading { snapshot, source } = self.read(reader, question).await?;
        self.send_unkept(reader, snapshot.head, source, &snapshot.answer)
    }

    /// As [`Context::answer`], about something that may not be there.
    pub async fn answer_if_there<Q, B>(
        &self,
        reader: &Reader,
        question: &Q,
    ) -> Result<HttpResponse, Problem>
    where
        Q: Question<Answer = Option<B>>,
        B: Serialize,
    {
        let Reading { snapshot, source } = self.read(reader, question).await?;
        let head = snapshot.head;
        match snapshot.answer {
            Some(answer) => self.send_unkept(reader, head, source, &answer),
            None if reader.is_covered_by(head.position) => {
                Err(Problem::from(&NotShown::Nothing(head.position)))
            }
            None => Err(NotShown::not_yet()),
        }
    }

    /// As [`Context::answer`], to what may be refused.
    pub async fn answer_or_refuse<Q, B, E>(
        &self,
        reader: &Reader,
        question: &Q,
    ) -> Result<HttpResponse, Problem>
    where
        Q: Question<Answer = Result<B, E>>,
        B: Serialize,
        E: Into<Problem>,
    {
        let Reading { snapshot, source } = self.read(reader, question).await?;
        let answer = snapshot.answer.map_err(Into::into)?;
        self.send_unkept(reader, snapshot.head, source, &answer)
    }

    async fn read<Q: Question>(
        &self,
        reader: &Reader,
        question: &Q,
    ) -> Result<Reading<Q::Answer>, Problem> {
        self.replicas.best_for(reader.floor).await;
        self.replicas.ask(question, reader.floor).await.map_err(|e| Problem::from(&e))
    }

    fn send_unkept(
        &self,
        reader: &Reader,
        head: Head,
        source: Source,
        answer: &impl Serialize,
    ) -> Result<HttpResponse, Problem> {
        let shown = reader.shown(head.position, head.as_of, source.as_str());
        let body = serde_json::to_vec(answer).map_err(|e| Problem::internal(&e))?;
        let mut answer = HttpResponse::Ok();
        answer.insert_header((header::CONTENT_TYPE, "application/json"));
        answer.insert_header((header::CACHE_CONTROL, "private, no-store"));
        shown.write_to(&mut answer);
        let answer = answer.body(body);
        self.note(&answer);
        Ok(answer)
    }

    /// A server has what the reader wants; the screen may be in memory.
    async fn show_known<S: Screen>(
        &self,
        reader: &Reader,
        screen: &S,
        question: String,
        standing: &Standing,
    ) -> Result<HttpResponse, Arc<NotShown>> {
        let latest = match screen.view() {
            View::Order(_) => self.cache.latest(&question).await,
            _ => None,
        };
        let latest = latest.map(|entry| (entry.head.position, entry.head.version));
        let Some(version) = standing.version_of(screen.view(), latest) else {
            let unknown = self.show_unknown(reader, screen, question, standing.position);
            return Box::pin(unknown).await;
        };
        #[cfg(feature = "planted-bugs")]
        let version = if crate::planted::is("cache-without-version") { 0 } else { version };
        let key = Key { question, epoch: standing.position.epoch, version };
        if !reader.held.is_empty()
            && let Some(tag) = reader.holds(&key.content_tag())
        {
            let shown = reader.shown(standing.position, standing.as_of, "cache");
            return Ok(shown.not_modified(tag));
        }
        if let Some(entry) = self.cache.get(&key).await {
            return Ok(reader.send(&entry, shown_of(reader, &entry, standing, version, "cache")));
        }
        // Whoever finds it in Redis, or waits for another reader's question, has it from the cache.
        let served_by = Cell::new("cache");
        let fill = async {
            let reading = self.replicas.ask(screen, Some(standing.position)).await?;
            served_by.set(reading.source.as_str());
            written(&key.question, reading)
        };
        let entry = Box::pin(self.cache.get_or_fill(key.clone(), fill)).await?;
        Ok(reader.send(&entry, shown_of(reader, &entry, standing, version, served_by.get())))
    }

    /// The version of an order that nobody looked at lately is only in its row.
    async fn show_unknown<S: Screen>(
        &self,
        reader: &Reader,
        screen: &S,
        question: String,
        floor: Position,
    ) -> Result<HttpResponse, Arc<NotShown>> {
        let reading = self.replicas.ask(screen, Some(floor)).await.map_err(NotShown::from)?;
        self.send_reading(reader, question, reading).await
    }

    /// No replica has what the reader wants, or none answers at all.
    async fn show_behind<S: Screen>(
        &self,
        reader: &Reader,
        screen: &S,
        question: String,
        standing: Option<Arc<Standing>>,
    ) -> Result<HttpResponse, Arc<NotShown>> {
        let worth_asking = reader.floor.is_none_or(|floor| self.replicas.primary_may_cover(floor));
        if worth_asking
            && let Some(reading) =
                self.replicas.ask_primary(screen, reader.floor).await.map_err(NotShown::from)?
        {
            return self.send_reading(reader, question, reading).await;
        }
        match standing {
            Some(standing) => self.show_known(reader, screen, question, &standing).await,
            None => Err(Arc::new(Unreadable::Nobody.into())),
        }
    }

    async fn send_reading<B: Serialize>(
        &self,
        reader: &Reader,
        question: String,
        reading: Reading<Option<B>>,
    ) -> Result<HttpResponse, Arc<NotShown>> {
        let served_by = reading.source.as_str();
        let entry = Arc::new(written(&question, reading)?);
        self.cache.keep(question, Arc::clone(&entry)).await;
        let shown = reader.shown(entry.head.position, entry.head.as_of, served_by);
        Ok(reader.send(&entry, shown))
    }
}

/// The name of a screen, whatever its version.
fn question_of<S: Screen>(screen: &S) -> String {
    format!("{}|{}|{}", screen.scope(), screen.view(), screen.filter())
}

/// An answer as a body that is ready to send.
fn written<B: Serialize>(question: &str, reading: Reading<Option<B>>) -> Result<Entry, NotShown> {
    let head = reading.snapshot.head;
    let body = reading.snapshot.answer.ok_or(NotShown::Nothing(reading.snapshot.head.position))?;
    let epoch = head.position.epoch;
    let key = Key { question: question.to_owned(), epoch, version: head.version };
    Ok(Entry::new(&key.content_tag(), head, serde_json::to_vec(&body)?))
}

/// A body of the version that a server shows now is as current as that server, however old it is itself.
fn shown_of(
    reader: &Reader,
    entry: &Entry,
    standing: &Standing,
    version: u64,
    served_by: &'static str,
) -> Shown {
    let head = entry.head;
    let same = head.version == version && standing.position.covers(&head.position);
    if same {
        reader.shown(standing.position, standing.as_of.max(head.as_of), served_by)
    } else {
        reader.shown(head.position, head.as_of, served_by)
    }
}

impl Reader {
    fn is_covered_by(&self, position: Position) -> bool {
        self.floor.is_none_or(|floor| position.covers(&floor))
    }

    fn shown(&self, position: Position, as_of: DateTime<Utc>, served_by: &'static str) -> Shown {
        Shown { position, as_of, served_by, stale: !self.is_covered_by(position) }
    }

    fn send(&self, entry: &Entry, shown: Shown) -> HttpResponse {
        if let Some(tag) =
            self.held.iter().find(|tag| tag.strip_suffix("-gzip").unwrap_or(tag) == entry.etag)
        {
            return shown.not_modified(tag);
        }
        let mut answer = HttpResponse::Ok();
        answer.insert_header((header::CONTENT_TYPE, "application/json"));
        shown.write_to(&mut answer);
        write_caching(&mut answer);
        match &entry.gzip {
            Some(gzip) if self.takes_gzip => answer
                .insert_header((header::ETAG, format!("\"{}-gzip\"", entry.etag)))
                .insert_header((header::CONTENT_ENCODING, "gzip"))
                .body(gzip.clone()),
            _ => answer
                .insert_header((header::ETAG, format!("\"{}\"", entry.etag)))
                .body(entry.plain.clone()),
        }
    }
}

impl Shown {
    fn not_modified(self, tag: &str) -> HttpResponse {
        let mut answer = HttpResponse::NotModified();
        answer.insert_header((header::ETAG, format!("\"{tag}\"")));
        self.write_to(&mut answer);
        write_caching(&mut answer);
        answer.finish()
    }

    fn write_to(self, answer: &mut actix_web::HttpResponseBuilder) {
        answer.insert_header((POSITION, self.position.to_string()));
        let as_of = self.as_of.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
        answer.insert_header((AS_OF, as_of));
        answer.insert_header((SERVED_BY, self.served_by));
        if self.stale {
            answer.insert_header((STALE, "true"));
        }
    }
}

/// Kept by the reader's own cache, and asked about each time.
fn write_caching(answer: &mut actix_web::HttpResponseBuilder) {
    answer.insert_header((header::CACHE_CONTROL, "private, no-cache"));
    answer.insert_header((header::VARY, "authorization, x-api-key, accept-encoding"));
}

impl Source {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Replica => "replica",
            Self::Primary => "primary",
        }
    }
}
