//! One open stream.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use futures_util::stream;
use shared::ids::PartnerId;
use shared::position::Position;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, broadcast};
use web::Problem;

use super::changes::ChangesSince;
use super::frames::{Heartbeat, RETRY, Resume, Resync};
use super::{Hub, Message};
use crate::filter::Scope;
use crate::metrics::OpenStream;
use crate::replicas::Unreadable;

const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A stream that has its first frames and is subscribed to the rest.
pub struct Subscription {
    scope: Scope,
    /// Everything up to here was sent.
    after: Position,
    first: Bytes,
    messages: broadcast::Receiver<Message>,
    hub: Arc<Hub>,
    _seat: OwnedSemaphorePermit,
    _partner: Option<WatchedPartner>,
}

impl Subscription {
    /// Takes a seat, subscribes, and reads what was missed since `last`.
    pub async fn open(
        hub: &Arc<Hub>,
        scope: Scope,
        last: Option<Position>,
    ) -> Result<Self, Problem> {
        let seat = Arc::clone(&hub.seats)
            .try_acquire_owned()
            .map_err(|_| Problem::unavailable("Too many open streams", RETRY_AFTER))?;
        let partner = scope.partner().map(|id| WatchedPartner::new(hub, id));
        let (here, messages) = {
            let here = hub.here();
            (*here, hub.messages.subscribe())
        };
        let Some(here) = here else { return Err(Problem::from(&Unreadable::Nobody)) };
        let (after, first) = first_frames(hub, scope, here, last).await;
        Ok(Self {
            scope,
            after,
            first,
            messages,
            hub: Arc::clone(hub),
            _seat: seat,
            _partner: partner,
        })
    }

    /// The frames, until the client is too slow or the process stops.
    pub fn into_stream(
        mut self,
        open: OpenStream,
    ) -> impl Stream<Item = Result<Bytes, Infallible>> {
        let first = std::mem::take(&mut self.first);
        stream::unfold(State::Begins(self, first), move |state| {
            // Counted until the stream is dropped.
            let _ = &open;
            Self::step(state)
        })
    }

    async fn step(state: State) -> Option<(Result<Bytes, Infallible>, State)> {
        match state {
            State::Begins(subscription, first) => Some((Ok(first), State::Goes(subscription))),
            State::Goes(subscription) => subscription.next().await,
            State::Ends => None,
        }
    }

    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, State)> {
        loop {
            let message = tokio::select! {
                message = self.messages.recv() => message,
                () = self.hub.stop.cancelled() => return None,
            };
            match message {
                Ok(Message::Frame(frame)) => return Some((Ok(frame), State::Goes(self))),
                Ok(Message::Changes(changes)) => {
                    let frames = changes.frames(self.scope, self.after);
                    if changes.position.covers(&self.after)
                        || changes.position.epoch != self.after.epoch
                    {
                        self.after = changes.position;
                    }
                    if let Some(frames) = frames {
                        return Some((Ok(frames), State::Goes(self)));
                    }
                }
                Err(RecvError::Lagged(_)) => {
                    let resume = Resume { reason: "the stream was read too slowly" };
                    return Some((Ok(resume.to_frame()), State::Ends));
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

enum State {
    Begins(Subscription, Bytes),
    Goes(Subscription),
    Ends,
}

/// What a new stream is told first, and the position that it then has.
async fn first_frames(
    hub: &Hub,
    scope: Scope,
    here: Position,
    last: Option<Position>,
) -> (Position, Bytes) {
    let Some(last) = last else { return (here, joined(&[beat(hub, here)])) };
    match missed(hub, scope, here, last).await {
        Ok((after, frames)) => (after, joined(&[frames, beat(hub, after)])),
        Err(reason) => (here, joined(&[Resync::new(here, reason).to_frame()])),
    }
}

/// What came after `last`, up to `here` at least. The replica that is asked must show all that the follower has
/// sent already, or the stream would have a hole.
async fn missed(
    hub: &Hub,
    scope: Scope,
    here: Position,
    last: Position,
) -> Result<(Position, Bytes), &'static str> {
    if last.epoch != here.epoch {
        return Err("the log began anew");
    }
    let limit = hub.settings.max_resume_orders.saturating_add(1);
    let question = ChangesSince { after: last, limit, scope, counts: vec![scope] };
    let reading = hub.replicas.ask(&question, Some(here)).await;
    let snapshot = reading.map_err(|_| "what was missed cannot be read")?.snapshot;
    let changes = snapshot.answer;
    if !snapshot.head.position.covers(&here) {
        return Err("what was missed cannot be read");
    }
    if !changes.is_complete || changes.len() >= usize::try_from(limit).unwrap_or(usize::MAX) {
        return Err("too much was missed");
    }
    let after = if last.covers(&changes.position) { last } else { changes.position };
    Ok((after, changes.frames(scope, last).unwrap_or_default()))
}

fn beat(hub: &Hub, position: Position) -> Bytes {
    let best = hub.replicas.best();
    best.map_or_else(Bytes::new, |best| Heartbeat { position, as_of: best.as_of }.to_frame())
}

fn joined(frames: &[Bytes]) -> Bytes {
    let mut all = BytesMut::from(&RETRY[..]);
    for frame in frames {
        all.extend_from_slice(frame);
    }
    all.freeze()
}

/// While it lives, the partner's own counts are read with every batch.
struct WatchedPartner {
    hub: Arc<Hub>,
    partner_id: PartnerId,
}

impl WatchedPartner {
    fn new(hub: &Arc<Hub>, partner_id: PartnerId) -> Self {
        *hub.partners().entry(partner_id).or_default() += 1;
        Self { hub: Arc::clone(hub), partner_id }
    }
}

impl Drop for WatchedPartner {
    fn drop(&mut self) {
        let mut partners = self.hub.partners();
        if let Some(streams) = partners.get_mut(&self.partner_id) {
            *streams -= 1;
            if *streams == 0 {
                partners.remove(&self.partner_id);
            }
        }
    }
}
