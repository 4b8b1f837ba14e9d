//! The links between a service and a server: TCP through this process, which can cut, slow and reset them. (The kernel
//! here has no `netem`.)

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

/// More connections at once than any service may open.
const MOST_CONNECTIONS: usize = 1_000;
const PIECE: usize = 16 * 1024;

/// One link.
#[derive(Debug)]
pub struct Link {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    down: AtomicBool,
    delay_ms: AtomicU64,
    /// Reset each connection when so many bytes of it have passed from the client; 0: never.
    reset_after: AtomicU64,
    /// Grows with every cut; connections of an earlier number end.
    cuts: watch::Sender<u64>,
    open: AtomicU64,
    broken: AtomicU64,
    delayed: AtomicU64,
}

impl Link {
    /// A link to `server`, `host:port`.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn open(server: String) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("a port for a link")?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            down: AtomicBool::new(false),
            delay_ms: AtomicU64::new(0),
            reset_after: AtomicU64::new(0),
            cuts: watch::Sender::new(0),
            open: AtomicU64::new(0),
            broken: AtomicU64::new(0),
            delayed: AtomicU64::new(0),
        });
        tokio::spawn(accept(listener, server, Arc::clone(&state)));
        Ok(Self { address, state })
    }

    /// Where clients connect.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts what is open and refuses what comes, until [`Self::heal`]; answers how many connections broke.
    pub fn cut(&self) -> u64 {
        self.state.down.store(true, Ordering::SeqCst);
        let open = self.state.open.load(Ordering::SeqCst);
        self.state.cuts.send_modify(|cuts| *cuts += 1);
        open
    }

    /// Every piece is so much later.
    pub fn slow(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.state.delay_ms.store(millis, Ordering::SeqCst);
    }

    /// Resets each connection when the client has sent so many more bytes.
    pub fn reset_after(&self, bytes: u64) {
        self.state.reset_after.store(bytes, Ordering::SeqCst);
    }

    /// All is well again.
    pub fn heal(&self) {
        self.state.down.store(false, Ordering::SeqCst);
        self.state.delay_ms.store(0, Ordering::SeqCst);
        self.state.reset_after.store(0, Ordering::SeqCst);
    }

    /// How many connections were refused, cut or reset on purpose so far.
    pub fn broken(&self) -> u64 {
        self.state.broken.load(Ordering::SeqCst)
    }

    /// How many pieces were late on purpose so far.
    pub fn delayed(&self) -> u64 {
        self.state.delayed.load(Ordering::SeqCst)
    }
}

/// All links of a stack, by service and server.
#[derive(Debug, Default)]
pub struct Links(BTreeMap<(String, String), Link>);

impl Links {
    /// A link from each service to each server, and from clients to the write API.
    ///
    /// # Errors
    /// When there are no free ports.
    pub async fn open(services: &[String], servers: &[(String, String)]) -> Result<Self> {
        let mut links = BTreeMap::new();
        for service in services {
            for (server, address) in servers {
                let link = Link::open(address.clone()).await?;
                links.insert((service.clone(), server.clone()), link);
            }
        }
        Ok(Self(links))
    }

    /// Adds one more.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn add(&mut self, from: &str, to: &str, address: String) -> Result<()> {
        self.0.insert((from.to_owned(), to.to_owned()), Link::open(address).await?);
        Ok(())
    }

    /// The link from here to there.
    ///
    /// # Errors
    /// When there is none.
    pub fn get(&self, from: &str, to: &str) -> Result<&Link> {
        let found = self.0.get(&(from.to_owned(), to.to_owned()));
        found.with_context(|| format!("there is no link from {from} to {to}"))
    }

    /// The port of each link, by service and then by server, for whoever starts the services.
    pub fn ports(&self) -> BTreeMap<&str, BTreeMap<&str, u16>> {
        let mut ports: BTreeMap<&str, BTreeMap<&str, u16>> = BTreeMap::new();
        for ((service, server), link) in &self.0 {
            ports.entry(service).or_default().insert(server, link.address.port());
        }
        ports
    }

    /// Everything is well again.
    pub fn heal(&self) {
        self.0.values().for_each(Link::heal);
    }
}

async fn accept(listener: TcpListener, server: String, state: Arc<State>) {
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    while let Ok((client, _)) = listener.accept().await {
        let Ok(permit) = Arc::clone(&room).try_acquire_owned() else { continue };
        let (server, state) = (server.clone(), Arc::clone(&state));
        tokio::spawn(async move {
            let _permit = permit;
            if state.down.load(Ordering::SeqCst) {
                state.broken.fetch_add(1, Ordering::SeqCst);
                reset(client);
            } else {
                state.open.fetch_add(1, Ordering::SeqCst);
                serve(client, &server, &state).await;
                state.open.fetch_sub(1, Ordering::SeqCst);
            }
        });
    }
}

async fn serve(mut client: TcpStream, server: &str, state: &State) {
    let mut cuts = state.cuts.subscribe();
    cuts.mark_unchanged();
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let broken = {
        let (mut from_client, mut to_client) = client.split();
        let (mut from_server, mut to_server) = server.split();
        tokio::select! {
            _ = cuts.changed() => true,
            end = pass(&mut from_client, &mut to_server, state, true) => end == End::Reset,
            end = pass(&mut from_server, &mut to_client, state, false) => end == End::Reset,
        }
    };
    if broken {
        state.broken.fetch_add(1, Ordering::SeqCst);
        reset(client);
        reset(server);
    }
}

/// Closes with RST: the other side sees an error and not an end.
fn reset(stream: TcpStream) {
    // Without it the end is an ordinary one, which is a fault as well.
    let _ = stream.set_zero_linger();
    drop(stream);
}

#[derive(Debug, PartialEq, Eq)]
enum End {
    Closed,
    Reset,
}

async fn pass(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    state: &State,
    is_client: bool,
) -> End {
    let mut buffer = vec![0; PIECE];
    let mut since_reset_began = 0_u64;
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let delay = state.delay_ms.load(Ordering::SeqCst);
        if delay > 0 {
            state.delayed.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
        let limit = state.reset_after.load(Ordering::SeqCst);
        if is_client && limit > 0 {
            since_reset_began += u64::try_from(length).unwrap_or(u64::MAX);
            if since_reset_began > limit {
                // The server has the request; its client will never hear of it.
                let _ = to.write_all(&buffer[..length]).await;
                return End::Reset;
            }
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            break;
        }
    }
    End::Closed
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn echo() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                });
            }
        });
        address
    }

    async fn ask(stream: &mut TcpStream) -> std::io::Result<u8> {
        stream.write_all(b"?").await?;
        stream.read_u8().await
    }

    #[tokio::test]
    async fn a_cut_breaks_what_is_open_and_refuses_what_comes_until_it_heals() {
        let link = Link::open(echo().await).await.unwrap();
        let mut stream = TcpStream::connect(link.address()).await.unwrap();
        assert_eq!(ask(&mut stream).await.unwrap(), b'?');
        assert_eq!(link.cut(), 1);
        assert!(ask(&mut stream).await.is_err());
        let mut late = TcpStream::connect(link.address()).await.unwrap();
        assert!(ask(&mut late).await.is_err());
        link.heal();
        let mut healed = TcpStream::connect(link.address()).await.unwrap();
        assert_eq!(ask(&mut healed).await.unwrap(), b'?');
        assert_eq!(link.broken(), 2);
    }

    #[tokio::test]
    async fn a_request_is_reset_in_the_middle_and_slow_pieces_are_counted() {
        let link = Link::open(echo().await).await.unwrap();
        link.slow(Duration::from_millis(1));
        let mut stream = TcpStream::connect(link.address()).await.unwrap();
        assert_eq!(ask(&mut stream).await.unwrap(), b'?');
        assert_eq!(link.delayed(), 2);
        link.reset_after(1);
        assert_eq!(ask(&mut stream).await.unwrap(), b'?');
        assert!(ask(&mut stream).await.is_err());
        assert_eq!(link.broken(), 1);
    }
}
