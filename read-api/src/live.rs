//! Live updates: one follower an instance reads what changed, many streams pass it on.
//!
//! The follower wakes when a replica shows a new position (announced through Redis, or found by polling), reads the
//! orders behind its own position once, writes each as a frame of server-sent events, and broadcasts the batch. A
//! stream that cannot keep up with a bounded buffer is ended with a hint to resume; a stream that resumes with
//! `Last-Event-ID` is given what it missed, or, when that is too much or of another life of the log, told
//! to fetch anew (`resync`).

mod announcements;
mod changes;
pub mod feed;
pub mod frames;
pub mod quotes;
mod stream;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use bytes::Bytes;
use shared::ids::PartnerId;
use shared::platform::shutdown::Shutdown;
use shared::position::Position;
use tokio::sync::{Semaphore, broadcast};
use tokio_util::sync::CancellationToken;
use web::Problem;

pub use announcements::listen;

use crate::config::LiveSettings;
use crate::context::{Context, Reader, position_in};
use crate::filter::Scope;
use crate::replicas::{Replicas, Standing};
use changes::{Changes, ChangesSince};
use frames::{Heartbeat, Resync};
use stream::Subscription;

const LAST_EVENT_ID: &str = "last-event-id";
/// Orders that the follower reads at once; with more it goes round again.
const BATCH: u32 = 500;
const AFTER_A_FAILURE: Duration = Duration::from_millis(500);

/// A handle on the live updates of this instance.
#[derive(Clone)]
pub struct Live(Arc<Hub>);

struct Hub {
    replicas: Replicas,
    settings: LiveSettings,
    messages: broadcast::Sender<Message>,
    /// Where the follower stands. Held while a message is sent and while somebody subscribes, so that a subscriber
    /// gets exactly what came after the position it was told.
    here: Mutex<Option<Position>>,
    /// Partners with open streams, whose own counts are worth reading.
    partners: Mutex<HashMap<PartnerId, usize>>,
    seats: Arc<Semaphore>,
    stop: CancellationToken,
}

/// What goes out to all streams.
#[derive(Debug, Clone)]
enum Message {
    Changes(Arc<Changes>),
    /// To everyone, as it is.
    Frame(Bytes),
}

impl Live {
    /// Nothing is followed yet.
    pub fn new(replicas: Replicas, settings: LiveSettings, shutdown: &Shutdown) -> Self {
        Self(Arc::new(Hub {
            messages: broadcast::Sender::new(settings.buffered_batches.get()),
            seats: Arc::new(Semaphore::new(settings.max_clients)),
            here: Mutex::default(),
            partners: Mutex::default(),
            stop: shutdown.soft().clone(),
            replicas,
            settings,
        }))
    }

    /// Begins to follow, until the soft stop.
    pub fn follow(&self, shutdown: &Shutdown) {
        let hub = Arc::clone(&self.0);
        shutdown.spawn(async move { hub.follow().await });
    }
}

impl Hub {
    async fn follow(&self) {
        let mut news = self.replicas.news();
        let mut beat = tokio::time::interval(Duration::from_millis(self.settings.heartbeat_ms));
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let caught_up = self.catch_up().await;
            let again = async {
                match caught_up {
                    Ok(()) => std::future::pending().await,
                    Err(()) => tokio::time::sleep(AFTER_A_FAILURE).await,
                }
            };
            tokio::select! {
                () = self.stop.cancelled() => return,
                changed = news.changed() => if changed.is_err() { return },
                _ = beat.tick() => self.beat(),
                () = again => {}
            }
        }
    }

    /// Reads and sends on until nothing is left.
    async fn catch_up(&self) -> Result<(), ()> {
        loop {
            let Some(best) = self.replicas.best() else { return Ok(()) };
            let here = *self.here();
            match here {
                Some(here) if here.epoch == best.position.epoch => {
                    if here.covers(&best.position) {
                        return Ok(());
                    }
                    self.send_changes(here, &best).await?;
                }
                Some(_) => self.begin_anew(&best),
                None => *self.here() = Some(best.position),
            }
        }
    }

    async fn send_changes(&self, here: Position, best: &Standing) -> Result<(), ()> {
        let question = ChangesSince {
            after: here,
            limit: BATCH,
            scope: Scope::All,
            counts: self.watched_scopes(),
        };
        match self.replicas.ask(&question, Some(best.position)).await {
            Ok(reading) => {
                let changes = reading.snapshot.answer;
                if changes.position.epoch != here.epoch || !changes.position.covers(&here) {
                    // The server that answered is behind the one that promised, or lives another life.
                    return Err(());
                }
                let position = changes.position;
                let mut standing = self.here();
                // Nobody listening is no failure.
                let _ = self.messages.send(Message::Changes(Arc::new(changes)));
                *standing = Some(position);
                Ok(())
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "changes cannot be read");
                Err(())
            }
        }
    }

    /// The log began another life: positions of the old one mean nothing any more.
    fn begin_anew(&self, best: &Standing) {
        let frame = Resync::new(best.position, "the log began anew").to_frame();
        let mut standing = self.here();
        let _ = self.messages.send(Message::Frame(frame));
        *standing = Some(best.position);
    }

    fn beat(&self) {
        let here = *self.here();
        if let (Some(best), Some(here)) = (self.replicas.best(), here) {
            // Everything up to `here` was sent; what is newer is told with its own frames.
            let beat = Heartbeat { position: here, as_of: best.as_of };
            let _ = self.messages.send(Message::Frame(beat.to_frame()));
        }
    }

    fn watched_scopes(&self) -> Vec<Scope> {
        let partners = self.partners();
        std::iter::once(Scope::All).chain(partners.keys().copied().map(Scope::Partner)).collect()
    }

    fn here(&self) -> MutexGuard<'_, Option<Position>> {
        self.here.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn partners(&self) -> MutexGuard<'_, HashMap<PartnerId, usize>> {
        self.partners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream of what changes, as server-sent events: `order` (a line of the board with `position` and
/// `view_version`), `counts`, `heartbeat`, `resync` (fetch anew), `resume` (too slow: connect again with the last
/// id). The id of an event is a position. `EventSource` cannot send `Authorization`: use `fetch`.
#[utoipa::path(
    get, path = "/v1/live", operation_id = "live", tag = "live",
    params(("Last-Event-ID" = Option<Position>, Header, description = "Send what came after it")),
    responses(
        (status = 200, content_type = "text/event-stream", body = String),
        (status = "default", body = Problem),
    ),
)]
pub async fn handler(
    reader: Reader,
    request: HttpRequest,
    context: Data<Context>,
) -> Result<HttpResponse, Problem> {
    let last = position_in(request.headers(), LAST_EVENT_ID)?;
    let subscription = Subscription::open(&context.live.0, reader.scope, last).await?;
    let open = context.metrics.stream_opened();
    Ok(streaming().streaming(subscription.into_stream(open)))
}

/// The head of an answer that is a stream of events.
fn streaming() -> HttpResponseBuilder {
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // Compression would hold events back until a block is full.
        .insert_header((header::CONTENT_ENCODING, "identity"))
        .insert_header(("x-accel-buffering", "no"));
    answer
}
