//! Cuts a stream into messages by Content-Length (RFC 3261 §18.3), and answers keep-alives (RFC 5626 §4.4.1).

use super::wire::{Length, cut_head};

/// What a stream held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// One whole message.
    Message(Vec<u8>),
    /// A double CRLF: answer with one CRLF.
    Ping,
}

/// Why a stream cannot be read on; close it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// No end of the header block in 64 KiB.
    #[error("find the end of a header block of more than {MAX_HEAD_LEN} bytes")]
    Head,
    /// Content-Length is no number, contradicts itself or is too large.
    #[error("apply a Content-Length")]
    Length,
}

/// The unread rest of one stream; holds at most one header block and one body of the largest size, and what was
/// pushed last.
#[derive(Debug, Clone, Default)]
pub struct Framer {
    buffer: Vec<u8>,
    /// What was given out already; moved away once a push, not once a message.
    start: usize,
    /// Up to here no end of the header block was found.
    scanned: usize,
    /// Where the message ends whose header block has been read.
    end: Option<usize>,
    lost: Option<FrameError>,
}

impl Framer {
    /// Nothing has arrived that was not given out.
    pub fn is_empty(&self) -> bool {
        self.start >= self.buffer.len()
    }

    /// How many bytes of a message have come that is not whole; line ends between messages are none.
    pub fn half_len(&self) -> usize {
        match self.unread() {
            [] | [b'\r'] | [b'\r', b'\n'] | [b'\r', b'\n', b'\r'] => 0,
            half => half.len(),
        }
    }

    /// Adds what arrived; call [`Framer::next_frame`] until `Ok(None)`.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start.min(self.buffer.len()));
            self.scanned = self.scanned.saturating_sub(self.start);
            self.end = self.end.map(|end| end.saturating_sub(self.start));
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame. A message whose length cannot be told is given out as far as its header block, so that
    /// it can be answered; then the stream is lost (RFC 4475 §3.1.2.3).
    ///
    /// # Errors
    /// [`FrameError`]: the stream is lost.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        if let Some(error) = self.lost {
            return Err(error);
        }
        if self.end.is_none() && self.scanned <= self.start {
            if self.skip_pings() {
                return Ok(Some(Frame::Ping));
            }
            if matches!(self.unread(), [] | [b'\r'] | [b'\r', b'\n'] | [b'\r', b'\n', b'\r']) {
                return Ok(None);
            }
        }
        let end = match self.end {
            Some(end) => end,
            None => match self.find_end()? {
                Some(end) => end,
                None => return Ok(None),
            },
        };
        self.end = Some(end);
        let Some(message) = self.buffer.get(self.start..end) else { return Ok(None) };
        let message = message.to_vec();
        (self.start, self.scanned, self.end) = (end, end, None);
        Ok(Some(Frame::Message(message)))
    }

    fn unread(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// Passes over line ends between messages; true when a ping was among them. Pings that came together are answered
    /// together, so that nobody makes us write as much as he writes.
    fn skip_pings(&mut self) -> bool {
        let mut ping = false;
        loop {
            // A single CRLF is a pong, or the first half of a ping.
            let skip = match self.unread() {
                [b'\r', b'\n', b'\r', b'\n', ..] => {
                    ping = true;
                    4
                }
                [b'\r', b'\n'] | [b'\r', b'\n', b'\r'] => return ping,
                [b'\r', b'\n', ..] => 2,
                [b'\n', ..] => 1,
                _ => return ping,
            };
            self.start += skip;
            self.scanned = self.start;
        }
    }

    /// Looks for the end of the header block and from it for that of the message.
    fn find_end(&mut self) -> Result<Option<usize>, FrameError> {
        let from = self.scanned.max(self.start);
        let found = cut_head(self.buffer.get(from..).unwrap_or_default()).map(|(head, rest)| {
            let body = self.buffer.len() - rest.len();
            (from + head.len() - self.start, body)
        });
        let Some((head_len, body)) = found else {
            // An end may lie across the border of two chunks: look at the last bytes again.
            self.scanned = self.buffer.len().saturating_sub(4).max(self.start);
            return if self.unread().len() > MAX_HEAD_LEN + 4 {
                Err(self.lose(FrameError::Head))
            } else {
                Ok(None)
            };
        };
        if head_len > MAX_HEAD_LEN {
            return Err(self.lose(FrameError::Head));
        }
        match Length::of(self.unread().get(..head_len).unwrap_or_default()) {
            // RFC 3261 §20.14: required on streams; without it there is no body.
            Length::Missing => Ok(Some(body)),
            Length::Is(length) if length <= MAX_BODY_LEN => Ok(Some(body + length)),
            Length::Is(_) | Length::Bad => {
                self.lose(FrameError::Length);
                Ok(Some(body))
            }
        }
    }

    fn lose(&mut self, error: FrameError) -> FrameError {
        self.lost = Some(error);
        error
    }
}

/// Longest header block.
pub const MAX_HEAD_LEN: usize = 64 * 1024;
/// Longest body.
pub const MAX_BODY_LEN: usize = 256 * 1024;

#[cfg(test)]
mod tests;
