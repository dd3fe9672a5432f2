//! One key in one direction: its sources, and the layout of protected packets.

use serde::{Deserialize, Serialize};

use super::keys::Purpose;
use super::source::Source;
use super::transform::{Place, Transform};
use super::{Master, SrtpError};
use crate::ahead;
use crate::rtp::packet::{self, MAX_PACKET_BYTES};

/// Sources of one key that are remembered; the one that was silent longest goes first. Only genuine packets make one.
const MAX_SOURCES: usize = 4;
/// The report is encrypted (RFC 3711 §3.4).
const ENCRYPTED: u32 = 1 << 31;
/// Octets of an RTCP header that stay readable: with the first source.
const RTCP_HEADER_BYTES: usize = 8;
/// Octets of the word with the index behind a report.
const RTCP_INDEX_BYTES: usize = 4;

/// Plain data that another process can go on with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    master: Master,
    /// The rollover counter that a source may have at its first packet, beside zero: that of the key before.
    carried_rollover: u32,
    /// The freshest first; at most [`MAX_SOURCES`] are taken.
    sources: Vec<Source>,
}

impl State {
    pub(super) fn new(master: Master) -> Self {
        State { master, carried_rollover: 0, sources: Vec::with_capacity(MAX_SOURCES) }
    }

    /// The key.
    pub fn master(&self) -> &Master {
        &self.master
    }
}

#[derive(Clone)]
pub(super) struct Context {
    state: State,
    rtp: Transform,
    rtcp: Transform,
    /// A packet with a wrong tag is to be as it came, for trying another key or counter.
    restores: bool,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("state", &self.state).finish_non_exhaustive()
    }
}

impl Context {
    pub(super) fn new(master: Master) -> Self {
        Context::resume(State::new(master))
    }

    pub(super) fn resume(mut state: State) -> Self {
        state.sources.truncate(MAX_SOURCES);
        state.sources.reserve_exact(MAX_SOURCES - state.sources.len());
        Context {
            rtp: Transform::new(&state.master, Purpose::Rtp),
            rtcp: Transform::new(&state.master, Purpose::Rtcp),
            restores: false,
            state,
        }
    }

    /// The next key of the same stream. RFC 3711 §3.3.1 keeps the rollover counter over a change of keys, most
    /// phones begin at zero: the first packet may have either.
    pub(super) fn successor(&self, master: Master) -> Self {
        let mut next = Context::new(master);
        let highest = self.state.sources.first().and_then(|source| source.rtp.highest());
        next.state.carried_rollover = highest.map_or(0, |index| (index >> 16) as u32);
        next
    }

    /// Whether a packet with a wrong tag stays as it came.
    pub(super) fn set_restores(&mut self, restores: bool) {
        self.restores = restores;
    }

    /// Asks ahead for what a packet needs ([`crate::ahead`]).
    pub(super) fn fetch(&self) {
        ahead::fetch_whole(&self.state);
        ahead::fetch_whole(&self.rtp);
        ahead::fetch(&self.restores);
    }

    /// Asks for what that points to.
    pub(super) fn fetch_behind(&self) {
        ahead::fetch_whole(self.state.sources.as_slice());
    }

    pub(super) fn state(&self) -> &State {
        &self.state
    }

    pub(super) fn master(&self) -> &Master {
        &self.state.master
    }

    pub(super) fn protect_rtp(&mut self, buffer: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        let tag_bytes = self.state.master.suite().rtp_tag_bytes();
        let (packet, room) = buffer.split_at_mut_checked(len).ok_or(SrtpError::NoRoom)?;
        let room = room.get_mut(..tag_bytes).ok_or(SrtpError::NoRoom)?;
        let header = RtpHeader::read(packet)?;
        let mut source = self.source(header.ssrc);
        let index = source.rtp.guess(header.sequence, 0)?;
        source.rtp.check(index)?;
        let place = Place { ssrc: header.ssrc, index };
        let (head, text) = packet.split_at_mut_checked(header.bytes).ok_or(SrtpError::Malformed)?;
        let tag = self.rtp.seal(place, Purpose::Rtp, head, text, &rollover(index))?;
        room.copy_from_slice(&tag[..tag_bytes]);
        source.rtp.mark(index);
        self.remember(source);
        Ok(len + tag_bytes)
    }

    pub(super) fn unprotect_rtp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let tag_bytes = self.state.master.suite().rtp_tag_bytes();
        let len = packet.len().checked_sub(tag_bytes).ok_or(SrtpError::Malformed)?;
        let (packet, tag) = packet.split_at_mut_checked(len).ok_or(SrtpError::Malformed)?;
        let header = RtpHeader::read(packet)?;
        let mut source = self.source(header.ssrc);
        let is_first = source.rtp.highest().is_none();
        let index = source.rtp.guess(header.sequence, 0)?;
        source.rtp.check(index)?;
        let (head, text) = packet.split_at_mut_checked(header.bytes).ok_or(SrtpError::Malformed)?;
        let mut open = |index| {
            let place = Place { ssrc: header.ssrc, index };
            opened(text, self.restores, |text| {
                self.rtp.open(place, Purpose::Rtp, head, text, &rollover(index), tag)
            })?;
            Ok(index)
        };
        let opened = match open(index) {
            Err(SrtpError::Authentication) if is_first && self.state.carried_rollover > 0 => {
                open(u64::from(self.state.carried_rollover) << 16 | u64::from(header.sequence))
            }
            outcome => outcome,
        };
        let index = opened?;
        source.rtp.mark(index);
        self.remember(source);
        Ok(len)
    }

    pub(super) fn protect_rtcp(&mut self, buffer: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        let suite = self.state.master.suite();
        let (tag_bytes, is_tag_first) = (suite.rtcp_tag_bytes(), suite.salt_bytes() == 12);
        let (packet, room) = buffer.split_at_mut_checked(len).ok_or(SrtpError::NoRoom)?;
        let room = room.get_mut(..tag_bytes + RTCP_INDEX_BYTES).ok_or(SrtpError::NoRoom)?;
        let ssrc = rtcp_source(packet)?;
        let mut source = self.source(ssrc);
        let index = source.rtcp.highest().map_or(1, |highest| highest + 1);
        if index >= u64::from(ENCRYPTED) {
            return Err(SrtpError::Exhausted);
        }
        let word = (index as u32 | ENCRYPTED).to_be_bytes();
        let (head, text) = packet.split_at_mut_checked(RTCP_HEADER_BYTES).ok_or(SrtpError::Malformed)?;
        let tag = self.rtcp.seal(Place { ssrc, index }, Purpose::Rtcp, head, text, &word)?;
        // RFC 3711 §3.4 has the index before the tag, RFC 7714 §9 behind it.
        let (first, second) = room.split_at_mut(if is_tag_first { tag_bytes } else { RTCP_INDEX_BYTES });
        let (tag_room, index_room) = if is_tag_first { (first, second) } else { (second, first) };
        tag_room.copy_from_slice(&tag[..tag_bytes]);
        index_room.copy_from_slice(&word);
        source.rtcp.mark(index);
        self.remember(source);
        Ok(len + tag_bytes + RTCP_INDEX_BYTES)
    }

    pub(super) fn unprotect_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let suite = self.state.master.suite();
        let (tag_bytes, is_tag_first) = (suite.rtcp_tag_bytes(), suite.salt_bytes() == 12);
        let len = packet.len().checked_sub(tag_bytes + RTCP_INDEX_BYTES).ok_or(SrtpError::Malformed)?;
        if len > MAX_PACKET_BYTES {
            return Err(SrtpError::Malformed);
        }
        let (packet, end) = packet.split_at_mut_checked(len).ok_or(SrtpError::Malformed)?;
        let (first, second) = end.split_at(if is_tag_first { tag_bytes } else { RTCP_INDEX_BYTES });
        let (tag, word) = if is_tag_first { (first, second) } else { (second, first) };
        let word: [u8; 4] = word.try_into().map_err(|_| SrtpError::Malformed)?;
        let flagged = u32::from_be_bytes(word);
        let index = u64::from(flagged & !ENCRYPTED);
        let ssrc = rtcp_source(packet)?;
        let mut source = self.source(ssrc);
        source.rtcp.check(index)?;
        // A report may be only authenticated.
        let split = if flagged & ENCRYPTED != 0 { RTCP_HEADER_BYTES } else { len };
        let (head, text) = packet.split_at_mut_checked(split).ok_or(SrtpError::Malformed)?;
        opened(text, self.restores, |text| {
            self.rtcp.open(Place { ssrc, index }, Purpose::Rtcp, head, text, &word, tag)
        })?;
        source.rtcp.mark(index);
        self.remember(source);
        Ok(len)
    }

    #[cfg(test)]
    pub(super) fn with_transforms(master: Master, rtp: Transform, rtcp: Transform) -> Self {
        Context { state: State::new(master), rtp, rtcp, restores: false }
    }

    #[cfg(test)]
    pub(super) fn set_rtcp_index(&mut self, ssrc: u32, last: u64) {
        let mut source = Source::new(ssrc);
        source.rtcp.mark(last);
        self.remember(source);
    }

    fn source(&self, ssrc: u32) -> Source {
        let known = self.state.sources.iter().find(|source| source.ssrc == ssrc);
        known.copied().unwrap_or_else(|| Source::new(ssrc))
    }

    /// Puts it in front, in its old place or in that of the one that was silent longest.
    fn remember(&mut self, source: Source) {
        let sources = &mut self.state.sources;
        match sources.iter().position(|known| known.ssrc == source.ssrc) {
            Some(place) => sources[..=place].rotate_right(1),
            None if sources.len() < MAX_SOURCES => {
                sources.push(source);
                sources.rotate_right(1);
            }
            None => sources.rotate_right(1),
        }
        if let Some(first) = sources.first_mut() {
            *first = source;
        }
    }
}

/// Opens `text`; when that fails and `restores` is set, the octets are as they came. Packets longer than any of ours
/// are not restored.
fn opened(
    text: &mut [u8],
    restores: bool,
    open: impl FnOnce(&mut [u8]) -> Result<(), SrtpError>,
) -> Result<(), SrtpError> {
    if !restores {
        return open(text);
    }
    let mut saved = [0u8; MAX_PACKET_BYTES];
    if let Some(slot) = saved.get_mut(..text.len()) {
        slot.copy_from_slice(text);
    }
    let outcome = open(text);
    if outcome.is_err()
        && let Some(slot) = saved.get(..text.len())
    {
        text.copy_from_slice(slot);
    }
    outcome
}

fn rollover(index: u64) -> [u8; 4] {
    ((index >> 16) as u32).to_be_bytes()
}

fn rtcp_source(packet: &[u8]) -> Result<u32, SrtpError> {
    match packet {
        [first, _, _, _, a, b, c, d, ..] if first >> 6 == 2 => Ok(u32::from_be_bytes([*a, *b, *c, *d])),
        _ => Err(SrtpError::Malformed),
    }
}

/// What stays readable of an RTP packet.
struct RtpHeader {
    sequence: u16,
    ssrc: u32,
    /// With contributing sources and the extension.
    bytes: usize,
}

impl RtpHeader {
    fn read(packet: &[u8]) -> Result<Self, SrtpError> {
        let &[first, _, high, low, _, _, _, _, a, b, c, d, ..] = packet else {
            return Err(SrtpError::Malformed);
        };
        if first >> 6 != 2 || packet::is_rtcp(packet) {
            return Err(SrtpError::Malformed);
        }
        let mut bytes = packet::HEADER_BYTES + usize::from(first & 0x0F) * 4;
        if first & 0x10 != 0 {
            let &[_, _, high, low] = packet.get(bytes..bytes + 4).ok_or(SrtpError::Malformed)? else {
                return Err(SrtpError::Malformed);
            };
            bytes += 4 + usize::from(u16::from_be_bytes([high, low])) * 4;
        }
        if bytes > packet.len() {
            return Err(SrtpError::Malformed);
        }
        Ok(RtpHeader {
            sequence: u16::from_be_bytes([high, low]),
            ssrc: u32::from_be_bytes([a, b, c, d]),
            bytes,
        })
    }
}
