//! One task a TCP connection: bytes in to the loop, bytes out of a bounded queue.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::bind::tune_stream;

/// Messages that wait for a slow peer; when they are full the connection counts as broken.
pub(super) const WRITE_QUEUE_LEN: usize = 1024;
const READ_CHUNK_BYTES: usize = 16 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A peer that takes nothing for so long is gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Who connects and says nothing wants no service.
const FIRST_BYTES_TIMEOUT: Duration = Duration::from_secs(30);
/// Longer than the usual registration, so that a phone that only keeps its binding fresh stays connected.
const IDLE_TIMEOUT: Duration = Duration::from_secs(2 * 3600);

/// What a connection tells the loop.
#[derive(Debug)]
pub(super) enum FromStream {
    /// Connected (by us, or accepted).
    Open { connection: u64, local: SocketAddr },
    /// A chunk.
    Bytes { connection: u64, bytes: Vec<u8> },
    /// It is over; nothing more comes.
    Closed { connection: u64 },
}

/// What the loop keeps of a connection.
#[derive(Debug)]
pub(super) struct Link {
    /// The peer.
    pub(super) remote: SocketAddr,
    /// Our end, once it is connected.
    pub(super) local: Option<SocketAddr>,
    /// Whole messages to write.
    pub(super) writer: mpsc::Sender<Vec<u8>>,
    /// Ends it at once.
    pub(super) stop: CancellationToken,
}

/// Connects in a task of its own.
pub(super) fn connect(
    connection: u64,
    bind: Option<SocketAddr>,
    remote: SocketAddr,
    to_loop: mpsc::Sender<FromStream>,
) -> Link {
    let (writer, queue) = mpsc::channel(WRITE_QUEUE_LEN);
    let stop = CancellationToken::new();
    let task = Task { connection, to_loop, queue, first_bytes: IDLE_TIMEOUT };
    let stopped = stop.clone();
    tokio::spawn(async move {
        let opened = tokio::select! {
            () = stopped.cancelled() => None,
            opened = timeout(CONNECT_TIMEOUT, open(bind, remote)) => match opened {
                Ok(Ok(stream)) => Some(stream),
                Ok(Err(error)) => {
                    tracing::debug!(%remote, %error, "tcp connect failed");
                    None
                }
                Err(_) => {
                    tracing::debug!(%remote, "tcp connect timed out");
                    None
                }
            },
        };
        task.run(opened, stopped).await;
    });
    Link { remote, local: None, writer, stop }
}

/// Serves a connection that came in.
pub(super) fn accept(
    connection: u64,
    stream: TcpStream,
    remote: SocketAddr,
    to_loop: mpsc::Sender<FromStream>,
) -> Link {
    let (writer, queue) = mpsc::channel(WRITE_QUEUE_LEN);
    let stop = CancellationToken::new();
    let local = stream.local_addr().ok();
    let task = Task { connection, to_loop, queue, first_bytes: FIRST_BYTES_TIMEOUT };
    tokio::spawn(task.run(Some(stream), stop.clone()));
    Link { remote, local, writer, stop }
}

async fn open(bind: Option<SocketAddr>, remote: SocketAddr) -> io::Result<TcpStream> {
    let socket = if remote.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(bind) = bind {
        // The peer may know us by this address; an address that cannot reach it shows in connect.
        socket.bind(SocketAddr::new(bind.ip(), 0))?;
    }
    socket.connect(remote).await
}

struct Task {
    connection: u64,
    to_loop: mpsc::Sender<FromStream>,
    queue: mpsc::Receiver<Vec<u8>>,
    first_bytes: Duration,
}

impl Task {
    async fn run(self, stream: Option<TcpStream>, stop: CancellationToken) {
        let Task { connection, to_loop, mut queue, first_bytes } = self;
        let stream = stream.and_then(|stream| stream.local_addr().ok().map(|local| (stream, local)));
        if let Some((stream, local)) = stream {
            tune_stream(&stream);
            if to_loop.send(FromStream::Open { connection, local }).await.is_err() {
                return;
            }
            let (reader, writer) = stream.into_split();
            let reason = tokio::select! {
                () = stop.cancelled() => "closed by us",
                reason = read(connection, reader, &to_loop, first_bytes) => reason,
                reason = write(writer, &mut queue) => reason,
            };
            tracing::trace!(connection, reason, "tcp connection over");
        }
        // Only now: what is queued after the end must not look sent.
        queue.close();
        let _ = to_loop.send(FromStream::Closed { connection }).await;
    }
}

async fn read(
    connection: u64,
    mut reader: tokio::net::tcp::OwnedReadHalf,
    to_loop: &mpsc::Sender<FromStream>,
    first_bytes: Duration,
) -> &'static str {
    let mut buffer = vec![0u8; READ_CHUNK_BYTES];
    let mut patience = first_bytes;
    loop {
        match timeout(patience, reader.read(&mut buffer)).await {
            Ok(Ok(0)) => return "closed by the peer",
            Ok(Ok(len)) => {
                let bytes = buffer.get(..len).unwrap_or_default().to_vec();
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

async fn write(
    mut writer: tokio::net::tcp::OwnedWriteHalf,
    queue: &mut mpsc::Receiver<Vec<u8>>,
) -> &'static str {
    while let Some(bytes) = queue.recv().await {
        match timeout(WRITE_TIMEOUT, writer.write_all(&bytes)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return "write error",
            Err(_) => return "peer takes nothing",
        }
    }
    let _ = timeout(WRITE_TIMEOUT, writer.shutdown()).await;
    "driver ended"
}
