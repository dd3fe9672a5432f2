//! Cuts a stream into messages by Content-Length (RFC 3261 §18.3), and answers keep-alives (RFC 5626 §4.4.1).

use super::wire::{cut_head, length_of};

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

/// The unread rest of one stream; holds at most one header block and one body of the largest size.
#[derive(Debug, Clone, Default)]
pub struct Framer {
    buffer: Vec<u8>,
    /// Up to here no end of the header block was found.
    scanned: usize,
}

impl Framer {
    /// Adds what arrived; call [`Framer::next_frame`] until `Ok(None)`.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame.
    ///
    /// # Errors
    /// [`FrameError`]: the stream is lost.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        loop {
            if self.buffer.starts_with(b"\r\n\r\n") {
                self.consume(4);
                return Ok(Some(Frame::Ping));
            }
            // A single CRLF is a pong, or the first half of a ping.
            let rest = match self.buffer.as_slice() {
                [] | [b'\r'] | [b'\r', b'\n'] | [b'\r', b'\n', b'\r'] => return Ok(None),
                [b'\r', b'\n', ..] => 2,
                [b'\n', ..] => 1,
                _ => break,
            };
            self.consume(rest);
        }
        let from = self.scanned.min(self.buffer.len());
        let found = cut_head(self.buffer.get(from..).unwrap_or_default())
            .map(|(head, rest)| (from + head.len(), rest.len()));
        let Some((head_len, rest_len)) = found else {
            // An end may lie across the border of two chunks: look at the last bytes again.
            self.scanned = self.buffer.len().saturating_sub(4);
            return if self.buffer.len() > MAX_HEAD_LEN { Err(FrameError::Head) } else { Ok(None) };
        };
        if head_len > MAX_HEAD_LEN {
            return Err(FrameError::Head);
        }
        let head = self.buffer.get(..head_len).unwrap_or_default();
        // RFC 3261 §20.14: required on streams; without it there is no body.
        let length = length_of(head).map_err(|()| FrameError::Length)?.unwrap_or(0);
        if length > MAX_BODY_LEN {
            return Err(FrameError::Length);
        }
        if rest_len < length {
            return Ok(None);
        }
        let end = self.buffer.len() - rest_len + length;
        let message = self.buffer.get(..end).unwrap_or_default().to_vec();
        self.consume(end);
        Ok(Some(Frame::Message(message)))
    }

    fn consume(&mut self, len: usize) {
        self.buffer.drain(..len.min(self.buffer.len()));
        self.scanned = 0;
    }
}

/// Longest header block.
pub const MAX_HEAD_LEN: usize = 64 * 1024;
/// Longest body.
pub const MAX_BODY_LEN: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(chunks: &[&[u8]]) -> (Vec<Frame>, Option<FrameError>) {
        let mut framer = Framer::default();
        let mut frames = Vec::new();
        for chunk in chunks {
            framer.push(chunk);
            loop {
                match framer.next_frame() {
                    Ok(Some(frame)) => frames.push(frame),
                    Ok(None) => break,
                    Err(error) => return (frames, Some(error)),
                }
            }
        }
        (frames, None)
    }

    #[test]
    fn cuts_at_any_chunk_size() {
        let stream = b"\r\n\r\nINFO sip:a SIP/2.0\r\nl : 5\r\n\r\nabcdeBYE sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n\r\nACK sip:a SIP/2.0\r\n\r\n";
        let expected = vec![
            Frame::Ping,
            Frame::Message(b"INFO sip:a SIP/2.0\r\nl : 5\r\n\r\nabcde".to_vec()),
            Frame::Message(b"BYE sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n".to_vec()),
            Frame::Message(b"ACK sip:a SIP/2.0\r\n\r\n".to_vec()),
        ];
        for size in [1, 2, 3, 7, 64, 1000] {
            let chunks: Vec<&[u8]> = stream.chunks(size).collect();
            assert_eq!(frames(&chunks), (expected.clone(), None), "{size}");
        }
    }

    #[test]
    fn gives_up_on_what_has_no_end() {
        assert_eq!(frames(&[&vec![b'x'; MAX_HEAD_LEN + 1]]).1, Some(FrameError::Head));
        assert_eq!(frames(&[b"A b SIP/2.0\r\nl: -1\r\n\r\n"]).1, Some(FrameError::Length));
        assert_eq!(frames(&[b"A b SIP/2.0\r\nl: 99999999\r\n\r\n"]).1, Some(FrameError::Length));
        assert_eq!(frames(&[b"A b SIP/2.0\r\nl: 1\r\nl: 2\r\n\r\n"]).1, Some(FrameError::Length));
    }
}
