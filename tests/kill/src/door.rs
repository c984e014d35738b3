//! A door between one host and the database: bytes go through, late, not for now, or not at all.
//!
//! Why: what a host does when its database is slow, silent or gone differs from what it does when
//! it is killed, and differs again when another host still reaches the database. Each host has a
//! door of its own, so that one can be cut off alone. What must hold: no byte is lost, doubled or
//! out of order in a connection that stays; a silent door delivers what it held, however late.

use anyhow::{Context as _, Result};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How much is read at a time.
const CHUNK: usize = 16 << 10;

/// How the door stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand {
    /// Bytes go through.
    Open,
    /// Each piece goes through this much later.
    Slow(Duration),
    /// Nothing goes through; connections stay, and what was sent arrives later.
    Silent,
    /// Connections are cut, and none is made.
    Shut,
}

/// A door on loopback, until the program ends.
#[derive(Clone, Debug)]
pub struct Door {
    /// The port on 127.0.0.1.
    pub port: u16,
    stand: Arc<watch::Sender<Stand>>,
}

impl Door {
    /// A door to this port of loopback, open.
    ///
    /// # Errors
    /// When no port can be listened on.
    pub async fn to(upstream: u16) -> Result<Door> {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .context("no port of 127.0.0.1 can be listened on")?;
        let door = Door {
            port: listener.local_addr()?.port(),
            stand: Arc::new(watch::Sender::new(Stand::Open)),
        };
        let stand = door.stand.clone();
        tokio::spawn(async move {
            while let Ok((inside, _)) = listener.accept().await {
                let stand = stand.subscribe();
                tokio::spawn(async move {
                    // A connection that breaks is for its two ends to notice.
                    let _ = connect(inside, upstream, stand).await;
                });
            }
        });
        Ok(door)
    }

    /// Opens or shuts it.
    pub fn set(&self, stand: Stand) {
        self.stand.send_replace(stand);
    }
}

async fn connect(
    inside: TcpStream,
    upstream: u16,
    mut stand: watch::Receiver<Stand>,
) -> std::io::Result<()> {
    if passable(&mut stand).await.is_none() {
        return Ok(());
    }
    let outside = TcpStream::connect(("127.0.0.1", upstream)).await?;
    inside.set_nodelay(true)?;
    outside.set_nodelay(true)?;
    let ((from_inside, to_inside), (from_outside, to_outside)) =
        (inside.into_split(), outside.into_split());
    let mut cut = stand.clone();
    tokio::select! {
        (there, back) = async { tokio::join!(
            pump(from_inside, to_outside, stand.clone()),
            pump(from_outside, to_inside, stand.clone()),
        ) } => there.and(back),
        // Cut while both sides have nothing to say.
        _ = cut.wait_for(|stand| *stand == Stand::Shut) => Ok(()),
    }
}

/// Carries bytes one way until the end.
async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut stand: watch::Receiver<Stand>,
) -> std::io::Result<()> {
    let mut bytes = vec![0; CHUNK];
    loop {
        let count = from.read(&mut bytes).await?;
        let Some(late) = passable(&mut stand).await else {
            return Ok(());
        };
        if !late.is_zero() {
            tokio::time::sleep(late).await;
        }
        if count == 0 {
            return to.shutdown().await;
        }
        to.write_all(&bytes[..count]).await?;
    }
}

/// Waits while the door is silent; then how late bytes go through, or none when it is shut.
async fn passable(stand: &mut watch::Receiver<Stand>) -> Option<Duration> {
    let stand = stand.wait_for(|stand| *stand != Stand::Silent).await.ok()?;
    match *stand {
        Stand::Open => Some(Duration::ZERO),
        Stand::Slow(late) => Some(late),
        Stand::Silent | Stand::Shut => None,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    /// A server that sends back what it gets.
    async fn echo() -> u16 {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                });
            }
        });
        port
    }

    #[tokio::test]
    async fn a_silent_door_delivers_late_and_a_shut_one_cuts() {
        let door = Door::to(echo().await).await.unwrap();
        let mut stream = TcpStream::connect(("127.0.0.1", door.port)).await.unwrap();
        let mut got = [0; 3];
        stream.write_all(b"one").await.unwrap();
        stream.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"one");
        door.set(Stand::Silent);
        stream.write_all(b"two").await.unwrap();
        let silence = Duration::from_millis(100);
        let nothing = tokio::time::timeout(silence, stream.read_exact(&mut got)).await;
        assert!(nothing.is_err());
        door.set(Stand::Open);
        stream.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"two");
        door.set(Stand::Shut);
        assert!(!matches!(stream.read(&mut got).await, Ok(1..)));
        let mut next = TcpStream::connect(("127.0.0.1", door.port)).await.unwrap();
        assert!(!matches!(next.read(&mut got).await, Ok(1..)));
    }
}
