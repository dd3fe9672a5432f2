//! Our side of the offers and answers of one leg.

use serde::{Deserialize, Serialize};

use super::negotiate::{self, Numbers, Offered};
use super::parse::Session;
use super::print::{self, Line};
use super::{LocalMedia, Negotiated, SdpError};

/// The identity of our descriptions on one leg, with everything that the next one must agree with. Plain data, so
/// a leg can be taken up by another process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalDescription {
    session_id: u64,
    /// The version of the last description, 0 before the first one.
    version: u64,
    /// The last description, for counting the version only when something changed (RFC 3264 §8).
    last: Option<String>,
    /// Which dynamic numbers mean what; they may not change during a session (RFC 3264 §8.3.2).
    numbers: Numbers,
    /// The offer that waits for an answer. It stays after the first answer, since a provisional response and the
    /// final one, and every fork, bring one.
    offered: Option<Offered>,
}

impl LocalDescription {
    /// A leg without descriptions. `session_id` comes from the generator of whoever makes the leg; its upper two
    /// bits are not used, because some phones read it as a signed number.
    pub fn new(session_id: u64) -> Self {
        LocalDescription {
            session_id: session_id >> 2,
            version: 0,
            last: None,
            numbers: Numbers::default(),
            offered: None,
        }
    }

    /// Writes an offer. The version grows only when it differs from the description before.
    pub fn offer(&mut self, local: &LocalMedia) -> String {
        let (line, offered) = negotiate::offer(local, &self.numbers);
        self.numbers = offered.numbers.clone();
        self.offered = Some(offered);
        self.print(local, &[Line::Audio(&line)])
    }

    /// Takes the answer to our last offer.
    pub fn accept(&mut self, answer: &[u8]) -> Result<Negotiated, SdpError> {
        let offered = self.offered.as_ref().ok_or(SdpError::BadAnswer("there is no offer of ours"))?;
        negotiate::accept(offered, &Session::parse(answer)?)
    }

    /// Answers an offer: one codec, the first of theirs that we have. Lines other than one plain audio line are
    /// refused. On an error nothing changes and the leg goes on as before (RFC 3264 §8).
    pub fn answer(&mut self, offer: &[u8], local: &LocalMedia) -> Result<(String, Negotiated), SdpError> {
        let session = Session::parse(offer)?;
        let chosen = negotiate::answer(&session, local)?;
        self.numbers.learn(&chosen.line.payloads);
        let lines: Vec<Line<'_>> = session
            .media
            .iter()
            .enumerate()
            .map(
                |(index, media)| {
                    if index == chosen.index { Line::Audio(&chosen.line) } else { Line::Refused(media) }
                },
            )
            .collect();
        let text = self.print(local, &lines);
        Ok((text, chosen.negotiated))
    }

    /// The version of the last description, 0 before the first one.
    pub fn version(&self) -> u64 {
        self.version
    }

    fn print(&mut self, local: &LocalMedia, lines: &[Line<'_>]) -> String {
        let same = print::description(self.session_id, self.version, local.address, lines);
        if self.last.as_ref() == Some(&same) {
            return same;
        }
        self.version += 1;
        let text = print::description(self.session_id, self.version, local.address, lines);
        self.last = Some(text.clone());
        text
    }
}
