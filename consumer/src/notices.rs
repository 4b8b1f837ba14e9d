//! PostgreSQL's notices: "look now". They carry nothing and may be lost; whoever is woken also looks by itself.

use std::sync::Arc;
use std::time::Duration;

use shared::platform::shutdown::Shutdown;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgListener};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::delivery::Backoff;

/// How often a listener looks whether it listens to the primary.
const LOOK: Duration = Duration::from_secs(1);

/// Wakes those who wait for `wake` with each notice of a channel, until the soft stop.
pub fn hear(channel: &'static str, pool: &PgPool, shutdown: &Shutdown, wake: &Arc<Notify>) {
    let (pool, stop, wake) = (pool.clone(), shutdown.soft().clone(), wake.clone());
    shutdown.spawn(async move { keep_hearing(channel, &pool, &stop, &wake).await });
}

async fn keep_hearing(channel: &str, pool: &PgPool, stop: &CancellationToken, wake: &Notify) {
    let mut backoff = Backoff::default();
    while !stop.is_cancelled() {
        let primary = pool.connect_options();
        let hearing = async {
            tokio::select! {
                result = hear_once(channel, pool, &mut backoff, wake) => result,
                () = replaced(pool, &primary) => Ok(()),
            }
        };
        if let Some(Err(error)) = stop.run_until_cancelled(hearing).await {
            tracing::warn!(
                channel,
                error = &error as &(dyn std::error::Error + 'static),
                "no notices from the database; who waits for them looks by itself"
            );
            backoff.pause(stop).await;
        }
    }
}

/// A primary that was replaced may never say so to those who only listen.
async fn replaced(pool: &PgPool, primary: &PgConnectOptions) {
    let is_another = || {
        let present = pool.connect_options();
        (present.get_host(), present.get_port()) != (primary.get_host(), primary.get_port())
    };
    while !is_another() {
        tokio::time::sleep(LOOK).await;
    }
}

async fn hear_once(
    channel: &str,
    pool: &PgPool,
    backoff: &mut Backoff,
    wake: &Notify,
) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(channel).await?;
    backoff.reset();
    loop {
        wake.notify_waiters();
        // `None` is a connection that was made anew: something may have been missed.
        let _notice = listener.try_recv().await?;
    }
}
