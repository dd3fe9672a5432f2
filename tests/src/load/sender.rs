//! A flood: one source that sends as fast as its core allows, every message well-formed and none like another.

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::Outcome;

/// Datagrams for one call of the system.
const BATCH: usize = 64;
/// Where a message has a mark, each sending has other letters.
const MARK: &[u8] = b"XXXXXXXXXXXX";

/// A source that floods until it is dropped.
#[derive(Debug)]
pub struct Flood {
    sent: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Flood {
    /// Begins: REGISTER, INVITE, OPTIONS and SUBSCRIBE in turn.
    ///
    /// # Errors
    /// When there is no socket to be had on `from`.
    pub fn start(from: SocketAddr, to: SocketAddr) -> Outcome<Flood> {
        let socket = UdpSocket::bind(from)?;
        socket.connect(to)?;
        socket.set_nonblocking(true)?;
        let (sent, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let mut messages = templates(from, to);
        let (counter, ends) = (sent.clone(), stop.clone());
        let thread = std::thread::Builder::new().name("flood".into()).spawn(move || {
            generator::host::yield_to_others();
            let mut random = StdRng::from_rng(&mut rand::rng());
            while !ends.load(Ordering::Relaxed) {
                counter.fetch_add(send(&socket, &mut messages, &mut random), Ordering::Relaxed);
            }
        })?;
        Ok(Flood { sent, stop, thread: Some(thread) })
    }

    /// Datagrams that were sent so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic in it has been told already.
            let _ = thread.join();
        }
    }
}

/// A message with the places of its marks.
struct Template {
    bytes: Vec<u8>,
    marks: Vec<usize>,
}

impl Template {
    fn new(text: &str) -> Template {
        let bytes = text.as_bytes().to_vec();
        let marks = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(MARK)).collect();
        Template { bytes, marks }
    }

    /// Other letters at every mark.
    fn shuffle(&mut self, random: &mut StdRng) {
        const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz012345";
        for at in &self.marks {
            let mut bits = random.next_u64();
            for byte in &mut self.bytes[*at..*at + MARK.len()] {
                *byte = LETTERS[(bits & 31) as usize];
                bits >>= 5;
            }
        }
    }
}

/// As many messages as one batch takes, of all kinds in turn.
fn templates(from: SocketAddr, to: SocketAddr) -> Vec<Template> {
    (0..BATCH)
        .map(|number| {
            Template::new(&text(["REGISTER", "INVITE", "OPTIONS", "SUBSCRIBE"][number % 4], from, to))
        })
        .collect()
}

fn text(method: &str, from: SocketAddr, to: SocketAddr) -> String {
    let body = "v=0\r\no=- 1 1 IN IP4 127.0.0.66\r\ns=-\r\nc=IN IP4 127.0.0.66\r\nt=0 0\r\nm=audio 9000 RTP/AVP 0\r\n";
    let (target, more, body) = match method {
        "REGISTER" => (to.to_string(), "Expires: 3600\r\n", ""),
        "INVITE" => (format!("7001@{to}"), "Content-Type: application/sdp\r\n", body),
        "SUBSCRIBE" => (format!("1000@{to}"), "Event: presence\r\nExpires: 3600\r\n", ""),
        _ => (format!("1000@{to}"), "Accept: application/sdp\r\n", ""),
    };
    let mark = "XXXXXXXXXXXX";
    format!(
        "{method} sip:{target} SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK{mark};rport\r\nMax-Forwards: 70\r\n\
         From: <sip:{mark}@callfloor>;tag={mark}\r\nTo: <sip:{mark}@callfloor>\r\nCall-ID: {mark}\r\nCSeq: 1 {method}\r\n\
         Contact: <sip:{mark}@{from}>\r\nUser-Agent: flood\r\n{more}Content-Length: {len}\r\n\r\n{body}",
        len = body.len()
    )
}

/// Sends one batch; how many went out.
fn send(socket: &UdpSocket, messages: &mut [Template], random: &mut StdRng) -> u64 {
    let mut parts: Vec<libc::iovec> = Vec::with_capacity(messages.len());
    for message in messages.iter_mut() {
        message.shuffle(random);
        parts.push(libc::iovec { iov_base: message.bytes.as_mut_ptr().cast(), iov_len: message.bytes.len() });
    }
    let mut headers: Vec<libc::mmsghdr> = Vec::with_capacity(parts.len());
    for part in &mut parts {
        // SAFETY: zero is a valid value of this plain structure.
        let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
        header.msg_hdr.msg_iov = part;
        header.msg_hdr.msg_iovlen = 1;
        headers.push(header);
    }
    let count = u32::try_from(headers.len()).unwrap_or(0);
    // SAFETY: every header leads to a part, and every part to a message, all of which live through the call.
    let sent = unsafe { libc::sendmmsg(socket.as_raw_fd(), headers.as_mut_ptr(), count, 0) };
    match u64::try_from(sent) {
        Ok(sent) => sent,
        Err(_) => {
            // The answers that nobody reads, or a full buffer: both pass.
            std::thread::yield_now();
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::sip::{Message, Method, wire};

    use super::*;

    #[test]
    fn every_message_is_well_formed_and_unlike_the_others() {
        let (from, to) = (SocketAddr::from(([127, 0, 0, 66], 7)), SocketAddr::from(([127, 0, 0, 1], 5_060)));
        let mut random = StdRng::seed_from_u64(1);
        let mut methods = Vec::new();
        for mut template in templates(from, to).into_iter().take(4) {
            template.shuffle(&mut random);
            let first = template.bytes.clone();
            template.shuffle(&mut random);
            assert_ne!(first, template.bytes);
            match wire::read(&first).expect("well-formed") {
                wire::Reading { message: Message::Request(request), fault: None } => {
                    methods.push(request.method)
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(methods, [Method::Register, Method::Invite, Method::Options, Method::Subscribe]);
    }
}
