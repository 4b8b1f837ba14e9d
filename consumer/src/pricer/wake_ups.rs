//! "Look": the lanes' queues, and PostgreSQL's notices. Both carry nothing, because the job rows are the truth; a message
//! is acknowledged at once.
//!
//! A notice comes within a millisecond or two of the commit and may be lost; a message takes the way through the log and
//! the relay, and waits while no worker listens. Behind both, workers look by themselves.

use std::sync::Arc;
use std::time::Duration;

use shared::platform::shutdown::Shutdown;
use sqlx::PgPool;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use write_api::store::{Lane, PRICING_CHANNEL};

use crate::delivery::{Backoff, Broker, DeliveryError};
use crate::notices;

const PREFETCH: u16 = 100;
/// Wake-ups that come together are one.
const WINDOW: Duration = Duration::from_millis(5);

const fn queue_of(lane: Lane) -> &'static str {
    match lane {
        Lane::ShopShort => "mes.pricing.shop-short",
        Lane::ShopLong => "mes.pricing.shop-long",
        Lane::PartnerShort => "mes.pricing.partner-short",
        Lane::PartnerLong => "mes.pricing.partner-long",
    }
}

/// Wakes workers up until the soft stop. A broker that is away costs a second of waiting, never a job.
pub fn listen(
    lanes: &[Lane],
    broker: &Broker,
    pool: &PgPool,
    shutdown: &Shutdown,
    wake: &Arc<Notify>,
) {
    for lane in lanes.iter().copied() {
        let (broker, stop, wake) = (broker.clone(), shutdown.soft().clone(), wake.clone());
        shutdown.spawn(async move { keep_listening(&broker, queue_of(lane), &stop, &wake).await });
    }
    notices::hear(PRICING_CHANNEL, pool, shutdown, wake);
}

async fn keep_listening(
    broker: &Broker,
    queue: &'static str,
    stop: &CancellationToken,
    wake: &Notify,
) {
    let mut backoff = Backoff::default();
    while !stop.is_cancelled() {
        let listening = listen_once(broker, queue, &mut backoff, wake);
        if let Some(Err(error)) = stop.run_until_cancelled(listening).await {
            tracing::warn!(
                queue.name = queue,
                error = &error as &(dyn std::error::Error + 'static),
                "wake-ups pause; workers look by themselves"
            );
            backoff.pause(stop).await;
        }
    }
}

async fn listen_once(
    broker: &Broker,
    queue: &'static str,
    backoff: &mut Backoff,
    wake: &Notify,
) -> Result<(), DeliveryError> {
    broker.declare_topology().await?;
    let mut inbox = broker.inbox(queue, PREFETCH).await?;
    backoff.reset();
    loop {
        let wake_ups = inbox.collect(PREFETCH.into(), WINDOW).await?;
        if let Some(last) = wake_ups.last() {
            inbox.acknowledge_up_to(last).await?;
        }
        wake.notify_waiters();
    }
}
