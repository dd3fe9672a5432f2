//! One task a stream, TCP or TLS: bytes in to the loop, bytes out of a bounded queue.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::ready;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};
use tokio_util::sync::CancellationToken;

use super::bind::{Dscp, tune_stream};

/// Messages that wait for a slow peer; when they are full the connection counts as broken.
pub(super) const WRITE_QUEUE_LEN: usize = 1024;
const READ_CHUNK_BYTES: usize = 16 * 1024;
/// Messages that wait are written together up to this length.
const WRITE_TOGETHER_BYTES: usize = 16 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// From the connection to the end of the handshake. A phone over a bad line needs a second.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// A peer that takes nothing for so long is gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Who connects and says nothing wants no service.
const FIRST_BYTES_TIMEOUT: Duration = Duration::from_secs(30);
/// Longer than the usual registration, so that a phone that only keeps its binding fresh stays connected.
const IDLE_TIMEOUT: Duration = Duration::from_secs(2 * 3600);

/// What a connection tells the loop.
#[derive(Debug)]
pub(super) enum FromStream {
    /// Ready for messages (connected by us or accepted; over TLS after the handshake).
    Open { connection: u64, local: SocketAddr },
    /// A chunk.
    Bytes { connection: u64, bytes: Vec<u8> },
    /// It is over; nothing more comes.
    Closed { connection: u64, reason: Reason },
}

/// Why a connection is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// It never was open: refused, no answer, or the handshake failed.
    NotOpened,
    /// Either side ended it, or it broke.
    Over,
}

/// What the loop keeps of a connection.
#[derive(Debug)]
pub(super) struct Link {
    /// The peer.
    pub(super) remote: SocketAddr,
    /// Our end, once it is open.
    pub(super) local: Option<SocketAddr>,
    /// Whole messages to write.
    pub(super) writer: mpsc::Sender<Vec<u8>>,
    /// Ends it at once.
    pub(super) stop: CancellationToken,
}

/// How a connection comes to be.
pub(super) enum Start {
    /// We connect, bound to this address if it is known.
    Connect { bind: Option<SocketAddr>, secure: Option<(TlsConnector, ServerName<'static>)> },
    /// The peer did.
    Accepted { stream: TcpStream, secure: Option<TlsAcceptor> },
}

/// Opens and serves a connection in a task of its own.
pub(super) fn spawn(
    connection: u64,
    remote: SocketAddr,
    start: Start,
    dscp: Dscp,
    to_loop: mpsc::Sender<FromStream>,
) -> Link {
    let (writer, queue) = mpsc::channel(WRITE_QUEUE_LEN);
    let stop = CancellationToken::new();
    let local = match &start {
        Start::Accepted { stream, secure: None } => stream.local_addr().ok(),
        Start::Accepted { .. } | Start::Connect { .. } => None,
    };
    let first_bytes = match start {
        Start::Accepted { .. } => FIRST_BYTES_TIMEOUT,
        Start::Connect { .. } => IDLE_TIMEOUT,
    };
    let task = Task { connection, remote, dscp, to_loop, queue, first_bytes };
    tokio::spawn(task.run(start, stop.clone()));
    Link { remote, local, writer, stop }
}

/// An open connection.
enum Opened {
    Plain(TcpStream),
    Secure(Box<TlsStream<TcpStream>>),
}

async fn open(start: Start, remote: SocketAddr, dscp: Dscp) -> io::Result<(Opened, SocketAddr)> {
    let timed_out = |what| move |_| io::Error::new(io::ErrorKind::TimedOut, what);
    match start {
        Start::Accepted { stream, secure } => {
            tune_stream(&stream, dscp);
            let local = stream.local_addr()?;
            let Some(acceptor) = secure else { return Ok((Opened::Plain(stream), local)) };
            let shaken = timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream));
            let stream = shaken.await.map_err(timed_out("no TLS handshake in time"))??;
            Ok((Opened::Secure(Box::new(stream.into())), local))
        }
        Start::Connect { bind, secure } => {
            let connected = timeout(CONNECT_TIMEOUT, connect(bind, remote));
            let stream = connected.await.map_err(timed_out("no connection in time"))??;
            tune_stream(&stream, dscp);
            let local = stream.local_addr()?;
            let Some((connector, name)) = secure else { return Ok((Opened::Plain(stream), local)) };
            let shaken = timeout(HANDSHAKE_TIMEOUT, connector.connect(name, stream));
            let stream = shaken.await.map_err(timed_out("no TLS handshake in time"))??;
            Ok((Opened::Secure(Box::new(stream.into())), local))
        }
    }
}

async fn connect(bind: Option<SocketAddr>, remote: SocketAddr) -> io::Result<TcpStream> {
    let socket = if remote.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(bind) = bind {
        // The peer may know us by this address; an address that cannot reach it shows in connect.
        socket.bind(SocketAddr::new(bind.ip(), 0))?;
    }
    socket.connect(remote).await
}

struct Task {
    connection: u64,
    remote: SocketAddr,
    dscp: Dscp,
    to_loop: mpsc::Sender<FromStream>,
    queue: mpsc::Receiver<Vec<u8>>,
    first_bytes: Duration,
}

impl Task {
    async fn run(mut self, start: Start, stop: CancellationToken) {
        let connection = self.connection;
        let opened = tokio::select! {
            () = stop.cancelled() => None,
            opened = open(start, self.remote, self.dscp) => match opened {
                Ok(opened) => Some(opened),
                Err(error) => {
                    tracing::debug!(remote = %self.remote, %error, "a sip connection was not opened");
                    None
                }
            },
        };
        let reason = if opened.is_some() { Reason::Over } else { Reason::NotOpened };
        if let Some((opened, local)) = opened {
            if self.to_loop.send(FromStream::Open { connection, local }).await.is_err() {
                return;
            }
            let words = match opened {
                Opened::Plain(stream) => {
                    let (reader, writer) = stream.into_split();
                    self.serve(reader, writer, &stop).await
                }
                Opened::Secure(stream) => {
                    let (reader, writer) = tokio::io::split(*stream);
                    self.serve(reader, writer, &stop).await
                }
            };
            tracing::trace!(connection, reason = words, "a sip connection is over");
        }
        // Only now: what is queued after the end must not look sent.
        self.queue.close();
        let _ = self.to_loop.send(FromStream::Closed { connection, reason }).await;
    }

    async fn serve(
        &mut self,
        reader: impl AsyncRead + Unpin,
        writer: impl AsyncWrite + Unpin,
        stop: &CancellationToken,
    ) -> &'static str {
        tokio::select! {
            () = stop.cancelled() => "closed by us",
            words = read(self.connection, reader, &self.to_loop, self.first_bytes) => words,
            words = write(writer, &mut self.queue) => words,
        }
    }
}

async fn read(
    connection: u64,
    mut reader: impl AsyncRead + Unpin,
    to_loop: &mpsc::Sender<FromStream>,
    first_bytes: Duration,
) -> &'static str {
    let mut patience = first_bytes;
    loop {
        match timeout(patience, chunk(&mut reader)).await {
            Ok(Ok(bytes)) if bytes.is_empty() => return "closed by the peer",
            Ok(Ok(bytes)) => {
                if to_loop.send(FromStream::Bytes { connection, bytes }).await.is_err() {
                    return "driver ended";
                }
                patience = IDLE_TIMEOUT;
            }
            Ok(Err(_)) => return "read error",
            Err(_) => return "idle",
        }
    }
}

/// What is there to read. The buffer lives only while there is: thousands of idle connections hold none.
async fn chunk(reader: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    poll_fn(|context| {
        let mut space = [MaybeUninit::<u8>::uninit(); READ_CHUNK_BYTES];
        let mut buffer = ReadBuf::uninit(&mut space);
        ready!(Pin::new(&mut *reader).poll_read(context, &mut buffer))?;
        Ok(buffer.filled().to_vec()).into()
    })
    .await
}

async fn write(mut writer: impl AsyncWrite + Unpin, queue: &mut mpsc::Receiver<Vec<u8>>) -> &'static str {
    while let Some(mut bytes) = queue.recv().await {
        while bytes.len() < WRITE_TOGETHER_BYTES
            && let Ok(more) = queue.try_recv()
        {
            bytes.extend_from_slice(&more);
        }
        let written = async {
            writer.write_all(&bytes).await?;
            writer.flush().await
        };
        match timeout(WRITE_TIMEOUT, written).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return "write error",
            Err(_) => return "peer takes nothing",
        }
    }
    let _ = timeout(WRITE_TIMEOUT, writer.shutdown()).await;
    "driver ended"
}
