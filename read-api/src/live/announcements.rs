//! The projector announces each position it commits. An announcement only means "look now": one that is lost costs a
//! polling interval, and one that is forged or garbled costs a look.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use shared::position::Position;
use tokio_util::sync::CancellationToken;

use crate::replicas::Replicas;

const CONNECT_WITHIN: Duration = Duration::from_secs(2);
const CONNECT_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Passes announcements on to the pollers until told to stop. Subscribing pins a connection, so this one is not
/// shared (ADR 0009).
pub async fn listen(
    client: redis::Client,
    channel: String,
    replicas: Replicas,
    stop: CancellationToken,
) {
    let listening = async {
        loop {
            if let Err(error) = listen_once(&client, &channel, &replicas).await {
                tracing::debug!(%error, "announcements cannot be heard; polling goes on");
            }
            tokio::time::sleep(CONNECT_AGAIN_AFTER).await;
        }
    };
    stop.run_until_cancelled(listening).await;
}

async fn listen_once(
    client: &redis::Client,
    channel: &str,
    replicas: &Replicas,
) -> Result<(), redis::RedisError> {
    let subscribing = async {
        let mut subscription = client.get_async_pubsub().await?;
        subscription.subscribe(channel).await?;
        Ok::<_, redis::RedisError>(subscription)
    };
    let subscribed = tokio::time::timeout(CONNECT_WITHIN, subscribing).await;
    let Ok(subscription) = subscribed else {
        return Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into());
    };
    let mut announcements = subscription?.into_on_message();
    while let Some(mut newest) = announcements.next().await {
        while let Some(Some(newer)) = announcements.next().now_or_never() {
            newest = newer;
        }
        // The primary has it; looks hurry until a replica has replayed it, too.
        match newest.get_payload::<String>().ok().and_then(|text| text.parse::<Position>().ok()) {
            Some(position) => drop(replicas.best_for(Some(position)).await),
            None => replicas.look_now(),
        }
    }
    Ok(())
}
