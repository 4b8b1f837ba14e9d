//! What becomes of one quote, as server-sent events: a short stream that ends with the answer.
//!
//! One task looks at all watched quotes together, by one statement, and only while somebody watches. A stream
//! lasts some minutes at most and then says `resume`.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use bytes::Bytes;
use futures_util::{Stream, stream};
use shared::clock::{Clock, SystemClock};
use shared::ids::QuoteId;
use shared::platform::shutdown::Shutdown;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use web::Problem;

use super::frames::{self, Resume};
use super::streaming;
use crate::context::{Context, Reader};
use crate::metrics::OpenStream;
use crate::queries::quote::{QuotesById, SeenQuote, find};
use crate::replicas::Replicas;

const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Places in the queue are counted, which costs more: with each tenth look only.
const PLACES_EVERY: u64 = 10;
const AFTER_A_FAILURE: Duration = Duration::from_millis(500);
const HEARTBEAT_EVERY: Duration = Duration::from_secs(10);
const LONGEST_STREAM: Duration = Duration::from_mins(10);
const RETRY_AFTER: Duration = Duration::from_secs(1);
const HEARTBEAT: Bytes = Bytes::from_static(b": alive\n\n");

type Seen = Option<Arc<SeenQuote>>;

/// The quotes that somebody watches.
#[derive(Clone)]
pub struct WatchedQuotes(Arc<Room>);

struct Room {
    replicas: Replicas,
    seats: Arc<Semaphore>,
    watched: Mutex<HashMap<QuoteId, Watched>>,
    somebody_came: Notify,
    stop: CancellationToken,
}

struct Watched {
    watching: usize,
    news: watch::Sender<Seen>,
}

impl WatchedQuotes {
    /// Room for so many streams.
    pub fn new(replicas: Replicas, max_streams: usize, shutdown: &Shutdown) -> Self {
        let room = Arc::new(Room {
            replicas,
            seats: Arc::new(Semaphore::new(max_streams)),
            watched: Mutex::default(),
            somebody_came: Notify::new(),
            stop: shutdown.soft().clone(),
        });
        let looking = Arc::clone(&room);
        shutdown.spawn(async move { looking.look_until_stopped().await });
        Self(room)
    }

    fn take_seat(&self) -> Result<OwnedSemaphorePermit, Problem> {
        Arc::clone(&self.0.seats)
            .try_acquire_owned()
            .map_err(|_| Problem::unavailable("Too many open streams", RETRY_AFTER))
    }
}

impl Room {
    async fn look_until_stopped(&self) {
        let mut looks = 0_u64;
        while !self.stop.is_cancelled() {
            let ids: Vec<QuoteId> = self.watched().keys().copied().collect();
            if ids.is_empty() {
                self.stop.run_until_cancelled(self.somebody_came.notified()).await;
                continue;
            }
            let pause = if self.look(ids, looks.is_multiple_of(PLACES_EVERY)).await {
                LOOK_EVERY
            } else {
                AFTER_A_FAILURE
            };
            looks += 1;
            self.stop.run_until_cancelled(tokio::time::sleep(pause)).await;
        }
    }

    async fn look(&self, ids: Vec<QuoteId>, with_places: bool) -> bool {
        let reading = match self.replicas.ask(&QuotesById { ids, with_places }, None).await {
            Ok(reading) => reading,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "quotes cannot be read");
                return false;
            }
        };
        let watched = self.watched();
        for (quote_id, seen) in reading.snapshot.answer {
            if let Some(watched) = watched.get(&quote_id) {
                watched.news.send_if_modified(|known| {
                    let is_news = known.as_deref() != Some(&seen);
                    if is_news {
                        *known = Some(Arc::new(seen));
                    }
                    is_news
                });
            }
        }
        true
    }

    fn watched(&self) -> MutexGuard<'_, HashMap<QuoteId, Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One stream's interest in a quote; ends when dropped.
struct Interest {
    room: Arc<Room>,
    quote_id: QuoteId,
    news: watch::Receiver<Seen>,
    _seat: OwnedSemaphorePermit,
}

impl Interest {
    fn new(watched_quotes: &WatchedQuotes, quote_id: QuoteId) -> Result<Self, Problem> {
        let seat = watched_quotes.take_seat()?;
        let room = Arc::clone(&watched_quotes.0);
        let news = {
            let mut watched = room.watched();
            let watched = watched
                .entry(quote_id)
                .or_insert_with(|| Watched { watching: 0, news: watch::Sender::new(None) });
            watched.watching += 1;
            watched.news.subscribe()
        };
        room.somebody_came.notify_one();
        Ok(Self { room, quote_id, news, _seat: seat })
    }
}

impl Drop for Interest {
    fn drop(&mut self) {
        let mut watched = self.room.watched();
        if let Some(entry) = watched.get_mut(&self.quote_id) {
            entry.watching -= 1;
            if entry.watching == 0 {
                watched.remove(&self.quote_id);
            }
        }
    }
}

/// Where a stream is.
enum State {
    /// To be shown next.
    Shows(Interest, Box<SeenQuote>),
    /// Waits for something newer than this revision and place.
    Waits(Interest, Box<SeenQuote>),
    Ends,
}

fn frames_of(
    interest: Interest,
    first: SeenQuote,
    open: OpenStream,
) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let until = Instant::now() + LONGEST_STREAM;
    stream::unfold(State::Shows(interest, Box::new(first)), move |state| {
        // Counted until the stream is dropped.
        let _ = &open;
        step(state, until)
    })
}

async fn step(state: State, until: Instant) -> Option<(Result<Bytes, Infallible>, State)> {
    let (frame, next) = match state {
        State::Shows(interest, seen) => {
            let frame = frame_of(&seen);
            let is_settled = seen.quote.state.is_settled();
            (frame, if is_settled { State::Ends } else { State::Waits(interest, seen) })
        }
        State::Waits(interest, shown) => wait(interest, shown, until).await?,
        State::Ends => return None,
    };
    Some((Ok(frame), next))
}

/// What ends a wait.
enum Woken {
    ByNews(Arc<SeenQuote>),
    ByTheClock,
    AtTheEnd,
}

/// `None` when the process stops.
async fn wait(
    mut interest: Interest,
    shown: Box<SeenQuote>,
    until: Instant,
) -> Option<(Bytes, State)> {
    match interest.woken(&shown, until).await? {
        Woken::ByNews(newer) => {
            let newer = Box::new(SeenQuote::clone(&newer));
            let (frame, is_settled) = (frame_of(&newer), newer.quote.state.is_settled());
            Some((frame, if is_settled { State::Ends } else { State::Waits(interest, newer) }))
        }
        Woken::ByTheClock => Some((HEARTBEAT, State::Waits(interest, shown))),
        Woken::AtTheEnd => {
            let resume = Resume { reason: "the price takes longer than one stream lasts" };
            Some((resume.to_frame(), State::Ends))
        }
    }
}

impl Interest {
    async fn woken(&mut self, shown: &SeenQuote, until: Instant) -> Option<Woken> {
        let is_newer = |seen: &Seen| seen.as_deref().is_some_and(|seen| seen.follows(shown));
        tokio::select! {
            newer = self.news.wait_for(is_newer) => newer.ok()?.clone().map(Woken::ByNews),
            () = self.room.stop.cancelled() => None,
            () = tokio::time::sleep_until(until) => Some(Woken::AtTheEnd),
            () = tokio::time::sleep(HEARTBEAT_EVERY) => Some(Woken::ByTheClock),
        }
    }
}

fn frame_of(seen: &SeenQuote) -> Bytes {
    let answer = seen.answer(SystemClock.now());
    frames::quote(&answer.quote.state, answer.quote.revision, &answer)
}

/// A stream of what becomes of a quote: an event named after its state at once, another with each change, and
/// the end after the final one. The id of an event is the quote's revision.
#[utoipa::path(
    get, path = "/v1/quotes/{quote_id}/events", operation_id = "quote_events", tag = "quotes",
    params(("quote_id" = QuoteId, Path)),
    responses(
        (status = 200, content_type = "text/event-stream", body = String),
        (status = "default", body = Problem),
    ),
)]
pub async fn handler(
    reader: Reader,
    quote_id: Path<QuoteId>,
    context: Data<Context>,
) -> Result<HttpResponse, Problem> {
    let first = find(&context.replicas, &reader.caller, *quote_id).await?;
    let interest = Interest::new(&context.quotes, *quote_id)?;
    let open = context.metrics.stream_opened();
    Ok(streaming().streaming(frames_of(interest, first, open)))
}
