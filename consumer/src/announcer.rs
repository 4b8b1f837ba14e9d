//! Tells the readers, over Redis, that the read model has moved: "look now", nothing more.
//!
//! Best effort by design. Every reader also polls the checkpoint of its replica, so an announcement that is
//! lost, or a Redis that is away, costs freshness and nothing else. A task of its own sends only the newest
//! position; the projector never waits for it.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError};
use shared::position::Position;
use tokio::sync::watch;

/// Redis has this long to take an announcement; then it is as good as away.
const BUDGET: Duration = Duration::from_millis(50);
const CONNECT_DEADLINE: Duration = Duration::from_secs(1);

/// Where positions are announced. Clones share the task behind it, which ends with the last of them.
#[derive(Debug, Clone)]
pub struct Announcer(watch::Sender<Option<Position>>);

impl Announcer {
    /// Announces on the channel `<prefix>positions`. Fails only when the URL is not one.
    pub fn start(url: &str, prefix: &str) -> Result<Self, RedisError> {
        let line = Line {
            client: Client::open(url)?,
            channel: format!("{prefix}positions"),
            connection: None,
            is_down: false,
        };
        let (newest, announced) = watch::channel(None);
        tokio::spawn(line.follow(announced));
        Ok(Self(newest))
    }

    /// Announces to nobody.
    pub fn silent() -> Self {
        Self(watch::Sender::new(None))
    }

    /// The read model stands at `position` now. Returns at once.
    pub fn announce(&self, position: Position) {
        self.0.send_replace(Some(position));
    }
}

struct Line {
    client: Client,
    channel: String,
    connection: Option<MultiplexedConnection>,
    is_down: bool,
}

impl Line {
    async fn follow(mut self, mut announced: watch::Receiver<Option<Position>>) {
        while announced.changed().await.is_ok() {
            let newest = *announced.borrow_and_update();
            let Some(position) = newest else { continue };
            let outcome = self.publish(position).await;
            if outcome.is_err() {
                self.connection = None;
            }
            self.note(outcome.err());
        }
    }

    async fn publish(&mut self, position: Position) -> Result<(), RedisError> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(connect(&self.client).await?),
        };
        redis::cmd("PUBLISH")
            .arg(&self.channel)
            .arg(position.to_string())
            .exec_async(connection)
            .await
    }

    /// Says when Redis goes and when it comes back, not in between.
    fn note(&mut self, error: Option<RedisError>) {
        match error {
            Some(error) if !self.is_down => {
                tracing::warn!(%error, "Redis takes no announcements; readers poll meanwhile");
                self.is_down = true;
            }
            None if self.is_down => {
                tracing::info!("Redis takes announcements again");
                self.is_down = false;
            }
            _ => {}
        }
    }
}

async fn connect(client: &Client) -> Result<MultiplexedConnection, RedisError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_DEADLINE))
        .set_response_timeout(Some(BUDGET));
    client.get_multiplexed_async_connection_with_config(&config).await
}
