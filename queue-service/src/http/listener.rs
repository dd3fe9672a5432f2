//! Connections with bounds: how many there are, how long one may take to ask, how long it may be silent.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

/// How long a connection may keep its place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// The whole first request must be there, and its answer begun, within this.
    pub(super) first_answer: Duration,
    /// Then a connection without a byte in either direction is closed after this. Live feeds tick every 5 seconds.
    pub(super) silence: Duration,
}

/// Takes at most so many connections at once; further ones wait in the system's queue until one ends.
#[derive(Debug)]
pub(super) struct Bounded {
    listener: TcpListener,
    room: Arc<Semaphore>,
    patience: Patience,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    deadline: Pin<Box<Sleep>>,
    answered: bool,
    silence: Duration,
    _place: OwnedSemaphorePermit,
}

/// Where a request comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) SocketAddr);

impl Patience {
    /// More than a request may take.
    pub(super) fn beyond(request: Duration) -> Patience {
        Patience {
            first_answer: request + Duration::from_secs(15),
            silence: (request + Duration::from_secs(15)).max(Duration::from_secs(90)),
        }
    }
}

impl Bounded {
    pub(super) fn new(listener: TcpListener, most: usize, patience: Patience) -> Bounded {
        Bounded { listener, room: Arc::new(Semaphore::new(most)), patience }
    }
}

impl Listener for Bounded {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let Ok(place) = Arc::clone(&self.room).acquire_owned().await else {
            // The semaphore is never closed.
            return std::future::pending().await;
        };
        let (stream, address) = Listener::accept(&mut self.listener).await;
        // Answers and live events are small; waiting for more to send only delays them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "connection without TCP_NODELAY");
        }
        let deadline = Box::pin(tokio::time::sleep(self.patience.first_answer));
        let silence = self.patience.silence;
        (Connection { stream, deadline, answered: false, silence, _place: place }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Connected<IncomingStream<'_, Bounded>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Bounded>) -> Peer {
        Peer(*stream.remote_addr())
    }
}

impl Connection {
    /// A byte went by.
    fn heard(&mut self) {
        if self.answered {
            let until = Instant::now() + self.silence;
            self.deadline.as_mut().reset(until);
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Ready(result) => {
                self.heard();
                Poll::Ready(result)
            }
            Poll::Pending => match self.deadline.as_mut().poll(context) {
                Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
                Poll::Pending => Poll::Pending,
            },
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        if matches!(result, Poll::Ready(Ok(_))) {
            self.answered = true;
            self.heard();
        }
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        if matches!(result, Poll::Ready(Ok(_))) {
            self.answered = true;
            self.heard();
        }
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn pair(bounded: &mut Bounded) -> (TcpStream, Connection) {
        let address = bounded.local_addr().expect("an address");
        let (client, (server, _)) = tokio::join!(TcpStream::connect(address), bounded.accept());
        (client.expect("connected"), server)
    }

    const SHORT: Patience =
        Patience { first_answer: Duration::from_millis(20), silence: Duration::from_millis(80) };

    #[tokio::test]
    async fn a_silent_connection_is_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let mut bounded = Bounded::new(listener, 2, SHORT);
        let (mut client, mut server) = pair(&mut bounded).await;
        client.write_all(b"GET").await.expect("sent");
        let mut bytes = [0; 3];
        server.read_exact(&mut bytes).await.expect("read");
        let error = server.read_u8().await.expect_err("it never asks");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);

        let (_client, mut server) = pair(&mut bounded).await;
        server.write_all(b"200").await.expect("sent");
        let start = Instant::now();
        assert!(server.read_u8().await.is_err());
        assert!(start.elapsed() >= Duration::from_millis(70), "an answer gives more time");
    }

    #[tokio::test]
    async fn connections_are_bounded() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let mut bounded = Bounded::new(listener, 1, SHORT);
        let address = bounded.local_addr().expect("an address");
        let (_first, server) = pair(&mut bounded).await;
        let _second = TcpStream::connect(address).await.expect("the system takes it");
        let waiting = tokio::time::timeout(Duration::from_millis(20), bounded.accept()).await;
        assert!(waiting.is_err(), "there is no room");
        drop(server);
        bounded.accept().await;
    }
}
