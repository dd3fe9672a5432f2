//! What a message carries, and the parts of a multipart (RFC 2046 §5.1, RFC 5621).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::multipart;
use crate::sip::header::Params;

/// What a message carries.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// Value of Content-Type.
    pub content_type: String,
    /// Any bytes.
    pub bytes: Vec<u8>,
}

impl Body {
    /// An SDP body.
    pub fn sdp(text: impl Into<Vec<u8>>) -> Body {
        Body { content_type: "application/sdp".into(), bytes: text.into() }
    }

    /// Any body.
    pub fn new(content_type: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Body {
        Body { content_type: content_type.into(), bytes: bytes.into() }
    }

    /// True for this media type, in any case and without its parameters.
    pub fn is(&self, media_type: &str) -> bool {
        self.content_type.split(';').next().is_some_and(|main| main.trim().eq_ignore_ascii_case(media_type))
    }

    /// The bytes as text, damaged where they are not UTF-8.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }

    /// Any `multipart/…`.
    pub fn is_multipart(&self) -> bool {
        let start = self.content_type.trim_start().get(..MULTIPART.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(MULTIPART))
    }

    /// The parts of a multipart in their order, each with its own type: `text/plain` when it says none (RFC 2046
    /// §5.2). Empty for any other body, and without a boundary. After [`MAX_PARTS`] the rest is left out.
    pub fn parts(&self) -> Vec<Body> {
        let Some(boundary) = self.boundary() else { return Vec::new() };
        multipart::parts(&self.bytes, &boundary)
            .take(MAX_PARTS)
            .map(|part| {
                let (content_type, bytes) = multipart::open(part);
                Body {
                    content_type: content_type.unwrap_or_else(|| "text/plain".into()),
                    bytes: bytes.to_vec(),
                }
            })
            .collect()
    }

    /// The session description: the body itself, or the one within a multipart, nested up to [`MAX_DEPTH`] deep.
    /// Of alternatives the last one counts (RFC 2046 §5.1.4), of other parts the first.
    pub fn sdp_part(&self) -> Option<Body> {
        self.sdp_within(MAX_DEPTH)
    }

    fn sdp_within(&self, depth: usize) -> Option<Body> {
        if self.is("application/sdp") {
            return Some(self.clone());
        }
        let depth = depth.checked_sub(1).filter(|_| self.is_multipart())?;
        let mut found = self.parts().into_iter().filter_map(|part| part.sdp_within(depth));
        if self.is("multipart/alternative") { found.next_back() } else { found.next() }
    }

    /// [`Body::sdp_part`] where there is one, else the body as it is.
    #[must_use]
    pub fn into_session(self) -> Body {
        if self.is_multipart() { self.sdp_part().unwrap_or(self) } else { self }
    }

    /// The `boundary` parameter of a multipart (RFC 2046 §5.1.1).
    fn boundary(&self) -> Option<String> {
        let params = self.content_type.split_once(';').filter(|_| self.is_multipart())?.1;
        let boundary = Params::read(params)?.get("boundary")?.to_owned();
        (1..=MAX_BOUNDARY).contains(&boundary.len()).then_some(boundary)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({}, {:?})", self.content_type, self.text())
    }
}

/// Parts of one multipart that are looked at.
pub const MAX_PARTS: usize = 32;
/// Multiparts within multiparts that are looked into.
pub const MAX_DEPTH: usize = 4;
/// Longest boundary (RFC 2046 §5.1.1).
const MAX_BOUNDARY: usize = 70;
const MULTIPART: &str = "multipart/";

#[cfg(test)]
mod tests;
