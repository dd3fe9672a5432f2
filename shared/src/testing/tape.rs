//! Message sequences as text: one line a message, compared with what a test expects.
//!
//! ```text
//! 0 a INVITE
//! 10 b 100 INVITE
//! ```
//! The number is the millisecond of sending, the letter the sender.

use crate::sip::message::Message;
use crate::sip::wire;
use crate::time::Timestamp;

/// A message in a few words: `INVITE`, or `200 INVITE` for a response.
pub fn words(bytes: &[u8]) -> String {
    match wire::read(bytes) {
        Ok(wire::Reading { message: Message::Request(request), .. }) => request.method.to_string(),
        Ok(wire::Reading { message: Message::Response(response), .. }) => {
            let method = response.headers.cseq().map(|cseq| cseq.method.to_string()).unwrap_or_default();
            format!("{} {method}", response.status)
        }
        Err(_) => "?".into(),
    }
}

/// What was sent, in order.
#[derive(Debug, Clone)]
pub struct Tape {
    start: Timestamp,
    lines: Vec<String>,
}

impl Tape {
    /// An empty tape; times count from `start`.
    pub fn new(start: Timestamp) -> Tape {
        Tape { start, lines: Vec::new() }
    }

    /// Writes a message down.
    pub fn record(&mut self, now: Timestamp, who: char, bytes: &[u8]) {
        self.lines.push(format!("{} {who} {}", now.millis_since(self.start), words(bytes)));
    }

    /// The lines so far; the tape is empty afterwards, and times count from `now`.
    pub fn take(&mut self, now: Timestamp) -> String {
        self.start = now;
        std::mem::take(&mut self.lines).join("\n")
    }
}

/// Panics with both texts when they differ; spaces around lines and empty lines do not count.
pub fn check(got: &str, expected: &str) {
    let clean = |text: &str| {
        text.lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(|line| format!("{line}\n"))
            .collect::<String>()
    };
    assert_eq!(clean(got), clean(expected), "\ngot:\n{got}\n");
}
