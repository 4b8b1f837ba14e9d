//! A TCP proxy that makes a network bad on purpose.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// Stands between a client and a server.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    weather: Arc<Weather>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Weather {
    delay_ms: AtomicU64,
    frozen: AtomicBool,
    thunder: Notify,
}

impl Proxy {
    /// A proxy in front of `server` (`host:port`), with good weather.
    pub async fn to(server: impl Into<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let weather = Arc::new(Weather::default());
        let task = tokio::spawn(accept(listener, server.into(), Arc::clone(&weather)));
        Self { address, weather, task }
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every piece that passes, in either direction, takes this much longer.
    pub fn set_delay(&self, delay: Duration) {
        let millis = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.weather.delay_ms.store(millis, Ordering::SeqCst);
    }

    /// Nothing passes and nobody is told, until it is thawed.
    pub fn set_frozen(&self, frozen: bool) {
        self.weather.frozen.store(frozen, Ordering::SeqCst);
    }

    /// Cuts the connections that there are; new ones pass.
    pub fn cut_connections(&self) {
        self.weather.thunder.notify_waiters();
    }

    /// Cuts every connection and refuses new ones.
    pub fn cut(self) {}
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, server: String, weather: Arc<Weather>) {
    // Dropped, and with it every connection, when the proxy is cut.
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let (server, weather) = (server.clone(), Arc::clone(&weather));
        connections.spawn(async move {
            let thunder = weather.thunder.notified();
            if let Ok(server) = TcpStream::connect(&server).await {
                let (mut from_client, mut to_client) = client.into_split();
                let (mut from_server, mut to_server) = server.into_split();
                tokio::select! {
                    () = thunder => {}
                    () = pass(&mut from_client, &mut to_server, &weather) => {}
                    () = pass(&mut from_server, &mut to_client, &weather) => {}
                }
            }
        });
    }
}

async fn pass(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    weather: &Weather,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let delay = weather.delay_ms.load(Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(delay)).await;
        while weather.frozen.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
