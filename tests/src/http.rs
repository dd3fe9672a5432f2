//! HTTP by hand: one request a connection, as HTTP/1.0 so that the answer ends with it. For what the API's client does
//! not do, and for requests that no client would send.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{Outcome, wait};

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Such as 200.
    pub status: u16,
    /// Fields with lower-case names.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first field of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// `GET path`, with further fields such as `Range: bytes=0-9`.
pub async fn get(service: SocketAddr, path: &str, fields: &[&str]) -> Outcome<Answer> {
    request(service, "GET", path, fields, "").await
}

/// Any request.
pub async fn request(
    service: SocketAddr,
    method: &str,
    path: &str,
    fields: &[&str],
    body: &str,
) -> Outcome<Answer> {
    let mut head = format!("{method} {path} HTTP/1.0\r\nHost: {service}\r\n");
    if !body.is_empty() {
        head += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    }
    for field in fields {
        head += field;
        head += "\r\n";
    }
    let bytes = raw(service, format!("{head}\r\n{body}").as_bytes()).await?;
    read(&bytes).ok_or_else(|| {
        format!("{method} {path}: no HTTP answer: {:?}", String::from_utf8_lossy(&bytes)).into()
    })
}

/// Sends bytes on a new connection and gives what comes until its end.
pub async fn raw(service: SocketAddr, bytes: &[u8]) -> Outcome<Vec<u8>> {
    wait::within("an HTTP answer", Duration::from_secs(30), async {
        let mut stream = TcpStream::connect(service).await?;
        // A service that has heard enough may close before the end.
        let _ = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        Ok(answer)
    })
    .await
}

fn read(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Some(Answer { status, headers, body: bytes[end + 4..].to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_an_answer() {
        let answer =
            read(b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/9\r\n\r\nab").expect("answer");
        assert_eq!((answer.status, answer.text().as_str()), (206, "ab"));
        assert_eq!(answer.header("content-range"), Some("bytes 0-1/9"));
        assert_eq!(read(b"nonsense"), None);
    }
}
