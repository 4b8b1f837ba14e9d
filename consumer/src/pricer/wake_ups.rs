//! The lanes' queues. A message says "look", is acknowledged at once, and carries nothing: the job rows are the truth.

use std::sync::Arc;
use std::time::Duration;

use shared::platform::shutdown::Shutdown;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use write_api::store::Lane;

use crate::delivery::{Backoff, Broker, DeliveryError};

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
pub fn listen(broker: &Broker, shutdown: &Shutdown, wake: &Arc<Notify>) {
    for lane in Lane::ALL {
        let (broker, stop, wake) = (broker.clone(), shutdown.soft().clone(), wake.clone());
        shutdown.spawn(async move { keep_listening(&broker, queue_of(lane), &stop, &wake).await });
    }
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
        // Each message is one job: as many workers as there are messages may find something.
        for _ in &wake_ups {
            wake.notify_one();
        }
        wake.notify_waiters();
    }
}
