//! A partner's feed as server-sent events: each event as soon as a replica shows it.
//!
//! A stream reads for itself, a page at a time, and only when the version of the partner's orders has moved. It holds a
//! few frames at most; a client that takes none of them for a while is sent away with a hint to resume.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use futures_util::{Stream, stream};
use shared::platform::shutdown::Shutdown;
use shared::position::Position;
use tokio::sync::mpsc::{self, OwnedPermit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use web::{Problem, QueryParams};

use super::frames::{self, Heartbeat, RETRY, Resume, Resync};
use super::{LAST_EVENT_ID, streaming};
use crate::config::LiveSettings;
use crate::context::{Context, Reader, position_in};
use crate::filter::View;
use crate::queries::partner_feed::{FeedPage, PartnerFeed, Start, partner_of};
use crate::replicas::Replicas;

/// Frames that wait for a client; a frame has a page of events at most.
const BUFFERED_FRAMES: usize = 4;
/// Events in a frame's page.
const PAGE: u16 = 100;
const AFTER_A_FAILURE: Duration = Duration::from_millis(500);

/// As it arrives.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Params {
    /// As in the feed; the header `Last-Event-ID` comes first. Without either the stream begins with what is new.
    after: Option<Position>,
}

/// The streams of this instance.
#[derive(Clone)]
pub struct FeedStreams {
    replicas: Replicas,
    seats: Arc<Semaphore>,
    heartbeat: Duration,
    patience: Duration,
    stop: CancellationToken,
}

impl FeedStreams {
    /// Nobody listens yet.
    pub fn new(replicas: Replicas, settings: &LiveSettings, shutdown: &Shutdown) -> Self {
        Self {
            replicas,
            seats: Arc::new(Semaphore::new(settings.max_feed_streams)),
            heartbeat: Duration::from_millis(settings.heartbeat_ms),
            patience: Duration::from_millis(settings.feed_patience_ms),
            stop: shutdown.soft().clone(),
        }
    }

    async fn open(
        &self,
        feed: PartnerFeed,
    ) -> Result<impl Stream<Item = Result<Bytes, Infallible>> + use<>, Problem> {
        let seat = Arc::clone(&self.seats).try_acquire_owned();
        let busy = |_| Problem::unavailable("Too many open streams", Duration::from_secs(1));
        let seat = seat.map_err(busy)?;
        let (frames, waiting) = mpsc::channel(BUFFERED_FRAMES + 1);
        // One place is kept for the last word.
        let last_word = frames.clone().reserve_owned().await;
        let last_word = last_word.map_err(|error| Problem::internal(&error))?;
        let teller = Teller { streams: self.clone(), feed, frames, _seat: seat };
        tokio::spawn(teller.tell(last_word));
        Ok(stream::unfold(waiting, |mut waiting| async move {
            waiting.recv().await.map(|frame| (Ok(frame), waiting))
        }))
    }
}

/// Why a stream ends.
enum End {
    /// The client is gone, or we are.
    Gone,
    /// With a last word.
    Said(Bytes),
}

/// Fills one stream.
struct Teller {
    streams: FeedStreams,
    feed: PartnerFeed,
    frames: mpsc::Sender<Bytes>,
    _seat: OwnedSemaphorePermit,
}

impl Teller {
    async fn tell(mut self, last_word: OwnedPermit<Bytes>) {
        let stop = self.streams.stop.clone();
        let end = stop.run_until_cancelled(self.tell_on()).await;
        if let Some(End::Said(frame)) = end {
            last_word.send(frame);
        }
    }

    async fn tell_on(&mut self) -> End {
        let mut news = self.streams.replicas.news();
        let mut beat = tokio::time::interval(self.streams.heartbeat);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        if let Err(end) = self.send(RETRY).await {
            return end;
        }
        loop {
            let failed = match self.catch_up().await {
                Ok(told) => !told,
                Err(end) => return end,
            };
            let again = async {
                if failed {
                    tokio::time::sleep(AFTER_A_FAILURE).await;
                } else {
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                changed = news.changed() => if changed.is_err() { return End::Gone },
                _ = beat.tick() => if let Err(end) = self.beat().await { return end },
                () = self.frames.closed() => return End::Gone,
                () = again => {}
            }
        }
    }

    /// Reads and sends on until nothing is left. `false` when the read model cannot be asked.
    async fn catch_up(&mut self) -> Result<bool, End> {
        while self.may_have_more() {
            let floor = match self.feed.start {
                Start::After(position) => Some(position),
                Start::Beginning | Start::Since(_) => None,
            };
            let Ok(reading) = self.streams.replicas.ask(&self.feed, floor).await else {
                return Ok(false);
            };
            let page = reading.snapshot.answer.map_err(|error| {
                let resync = Resync::new(error.current, "the log began anew");
                End::Said(resync.to_frame())
            })?;
            self.feed = self.feed.after(page.next);
            if !page.events.is_empty() {
                self.send(frames_of(&page)).await?;
            }
            if !page.has_more {
                break;
            }
        }
        Ok(true)
    }

    /// Whether a server shows more of this partner's orders than was told.
    fn may_have_more(&self) -> bool {
        let Some(best) = self.streams.replicas.best() else { return false };
        let Start::After(after) = self.feed.start else { return true };
        if best.position.epoch != after.epoch {
            return true;
        }
        let version = best.version_of(View::Partner(self.feed.partner_id), None);
        version.is_none_or(|version| version > after.position)
    }

    async fn beat(&self) -> Result<(), End> {
        let Start::After(position) = self.feed.start else { return Ok(()) };
        let Some(best) = self.streams.replicas.best() else { return Ok(()) };
        self.send(Heartbeat { position, as_of: best.as_of }.to_frame()).await
    }

    async fn send(&self, frame: Bytes) -> Result<(), End> {
        match tokio::time::timeout(self.streams.patience, self.frames.send(frame)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Gone),
            Err(_) => {
                Err(End::Said(Resume { reason: "the stream was read too slowly" }.to_frame()))
            }
        }
    }
}

fn frames_of(page: &FeedPage) -> Bytes {
    let frames = page.events.iter().map(|event| frames::feed_event(event.position, event));
    frames.collect::<Vec<Bytes>>().concat().into()
}

/// A partner's feed as server-sent events: `event` (as in the feed; its id is the position), `heartbeat` (everything up
/// to its position was told), `resync` (the log began anew: begin with `since`), `resume` (too slow: connect again with the
/// last id).
#[utoipa::path(
    get, path = "/v1/feed/live", operation_id = "partner_feed_live", tag = "partners",
    params(
        Params,
        ("Last-Event-ID" = Option<Position>, Header, description = "Send what came after it"),
    ),
    responses(
        (status = 200, content_type = "text/event-stream", body = String),
        (status = "default", body = Problem),
    ),
)]
pub async fn handler(
    reader: Reader,
    request: HttpRequest,
    params: QueryParams<Params>,
    context: Data<Context>,
) -> Result<HttpResponse, Problem> {
    let partner_id = partner_of(&reader)?;
    let last = position_in(request.headers(), LAST_EVENT_ID)?.or(params.0.after);
    let best = context.replicas.best().map(|best| best.position);
    let start = last.or(best).map_or(Start::Beginning, Start::After);
    let frames = context.feeds.open(PartnerFeed { partner_id, start, limit: PAGE }).await?;
    let open = context.metrics.stream_opened();
    let counted = futures_util::StreamExt::inspect(frames, move |_| {
        let _ = &open;
    });
    Ok(streaming().streaming(counted))
}
