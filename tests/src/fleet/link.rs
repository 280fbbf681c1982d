//! The bad link: a TCP proxy on loopback between the phones and the server. It cuts connections in the middle of whatever
//! passes, in either direction, holds bytes back, and lets them trickle. What is repeated or reordered as a whole request
//! is `wire`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::measures::Measures;
use super::seeds::Seed;
use super::trouble::Trouble;

const CHUNK_BYTES: usize = 16 * 1024;

/// How bad a link is.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// Of 100 connections so many are cut.
    pub cut_percent: u32,
    /// At most after so many bytes.
    pub cut_after_bytes_max: u64,
    /// Of 100 connections so many are slow.
    pub slow_percent: u32,
}

/// What passes over a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cargo {
    /// The sync protocol.
    Records,
    /// Photos.
    Photos,
}

/// A running proxy; it ends when this is dropped.
#[derive(Debug)]
pub struct Link {
    /// Where phones connect.
    pub addr: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What one connection suffers.
#[derive(Clone, Copy, Debug)]
struct Fate {
    /// Whether what phones send is cut, not what they receive.
    cut_is_up: bool,
    cut_after: Option<u64>,
    wait: Duration,
}

impl Fate {
    fn draw(rng: &mut StdRng, weather: Option<Weather>) -> Self {
        let Some(weather) = weather else { return Self { cut_is_up: false, cut_after: None, wait: Duration::ZERO } };
        let cut = rng.random_range(0..100) < weather.cut_percent;
        let after = rng.random_range(1..=weather.cut_after_bytes_max.max(1));
        let slow = rng.random_range(0..100) < weather.slow_percent;
        let wait = Duration::from_millis(rng.random_range(1..20));
        Self {
            cut_is_up: rng.random_bool(0.5),
            cut_after: cut.then_some(after),
            wait: if slow { wait } else { Duration::ZERO },
        }
    }
}

impl Link {
    /// Starts a proxy to some servers, which it takes in turns; without `weather` it only counts.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start(
        to: Vec<SocketAddr>,
        cargo: Cargo,
        weather: Option<Weather>,
        seed: Seed,
        measures: Arc<Measures>,
    ) -> Result<Self, Trouble> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(Trouble::io("listening as a link"))?;
        let addr = listener.local_addr().map_err(Trouble::io("listening as a link"))?;
        let mut rng = seed.rng("link", &format!("{cargo:?}"));
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            for turn in 0.. {
                while connections.try_join_next().is_some() {}
                let Ok((phone, _)) = listener.accept().await else { continue };
                let fate = Fate::draw(&mut rng, weather);
                let mut to = to.clone();
                if let Some(first) = turn_of(turn, to.len()) {
                    to.rotate_left(first);
                }
                connections.spawn(carry(phone, to, cargo, fate, measures.clone()));
            }
        });
        Ok(Self { addr, task })
    }
}

/// Whose turn it is among so many.
fn turn_of(turn: usize, count: usize) -> Option<usize> {
    turn.checked_rem(count)
}

/// A connection to the first server that takes one: one that is down is passed over, as a load balancer does.
async fn connect(to: &[SocketAddr]) -> Option<TcpStream> {
    for addr in to {
        if let Ok(server) = TcpStream::connect(addr).await {
            return Some(server);
        }
    }
    None
}

/// Carries one connection until either side ends it or its fate does.
async fn carry(phone: TcpStream, to: Vec<SocketAddr>, cargo: Cargo, fate: Fate, measures: Arc<Measures>) {
    let Some(server) = connect(&to).await else { return };
    let _best_effort = (phone.set_nodelay(true), server.set_nodelay(true));
    let (from_phone, to_phone) = phone.into_split();
    let (from_server, to_server) = server.into_split();
    let [up_cut, down_cut] = if fate.cut_is_up { [fate.cut_after, None] } else { [None, fate.cut_after] };
    let up = pump(from_phone, to_server, up_cut, fate.wait, cargo, &measures);
    let down = pump(from_server, to_phone, down_cut, fate.wait, cargo, &measures);
    tokio::pin!(up, down);
    let (first, up_is_first) = tokio::select! {
        end = &mut up => (end, true),
        end = &mut down => (end, false),
    };
    let last = match first {
        End::Finished if up_is_first => down.await,
        End::Finished => up.await,
        End::Cut | End::Broken => first,
    };
    if last == End::Cut {
        measures.cuts.one();
    }
}

/// Why bytes stopped moving one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The sender has said all; the other way goes on.
    Finished,
    /// The link was cut.
    Cut,
    /// One of the ends is gone.
    Broken,
}

/// Moves bytes one way.
async fn pump(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    cut_after: Option<u64>,
    wait: Duration,
    cargo: Cargo,
    measures: &Measures,
) -> End {
    let mut buffer = vec![0_u8; CHUNK_BYTES];
    let mut left = cut_after;
    loop {
        let Ok(read) = from.read(&mut buffer).await else { return End::Broken };
        if read == 0 {
            return if to.shutdown().await.is_ok() { End::Finished } else { End::Broken };
        }
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        let passing = left.map_or(read, |left| read.min(usize::try_from(left).unwrap_or(usize::MAX)));
        let passed = u64::try_from(passing).unwrap_or(0);
        match cargo {
            Cargo::Records => measures.sync_bytes.add(passed),
            Cargo::Photos => measures.photo_bytes.add(passed),
        }
        if to.write_all(buffer.get(..passing).unwrap_or_default()).await.is_err() {
            return End::Broken;
        }
        left = left.map(|left| left.saturating_sub(passed));
        if left == Some(0) {
            return End::Cut;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = socket.split();
                    let _ended = tokio::io::copy(&mut read, &mut write).await;
                });
            }
        });
        addr
    }

    async fn through(weather: Option<Weather>) -> (Vec<u8>, Arc<Measures>) {
        let measures = Arc::new(Measures::default());
        let to = echo().await;
        let link = Link::start(vec![to], Cargo::Records, weather, Seed(5), measures.clone()).await.unwrap();
        let mut socket = TcpStream::connect(link.addr).await.unwrap();
        let _cut = socket.write_all(&[7; 5_000]).await;
        let _cut = socket.shutdown().await;
        let mut back = Vec::new();
        let _cut = socket.read_to_end(&mut back).await;
        (back, measures)
    }

    #[tokio::test]
    async fn a_good_link_passes_every_byte_and_counts_both_directions() {
        let (back, measures) = through(None).await;
        assert_eq!(back.len(), 5_000);
        assert_eq!((measures.sync_bytes.get(), measures.cuts.get()), (10_000, 0));
    }

    #[tokio::test]
    async fn a_bad_link_cuts_in_the_middle_and_counts_the_cut() {
        let weather = Weather { cut_percent: 100, cut_after_bytes_max: 4_000, slow_percent: 50 };
        let (back, measures) = through(Some(weather)).await;
        assert!(back.len() < 5_000, "{}", back.len());
        assert_eq!(measures.cuts.get(), 1);
    }
}
