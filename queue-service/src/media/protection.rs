//! SRTP of one port, when keys were agreed on.

use shared::rtp::packet::MAX_PACKET_BYTES;
use shared::rtp::srtp::{Inbound, InboundState, Keys, MAX_OVERHEAD, Outbound, SrtpError, State};

/// Octets of the longest packet that goes out.
pub(super) const BUFFER_BYTES: usize = MAX_PACKET_BYTES + MAX_OVERHEAD;

/// Plain RTP, or SRTP with a key for each direction.
#[derive(Debug, Default)]
pub(super) struct Protection(Option<Box<Pair>>);

#[derive(Debug)]
struct Pair {
    outbound: Outbound,
    inbound: Inbound,
}

impl Protection {
    /// Takes over what was agreed on: the same keys go on, others begin anew, none means plain RTP.
    pub(super) fn set(&mut self, keys: Option<&Keys>) {
        match (&mut self.0, keys) {
            (Some(pair), Some(keys)) => {
                pair.outbound.rekey(keys.send.clone());
                pair.inbound.rekey(keys.receive.clone());
            }
            (None, Some(keys)) => {
                self.0 = Some(Box::new(Pair {
                    outbound: Outbound::new(keys.send.clone()),
                    inbound: Inbound::new(keys.receive.clone()),
                }));
            }
            (_, None) => self.0 = None,
        }
    }

    /// Asks ahead for what a packet needs that comes in ([`shared::ahead`]).
    pub(super) fn fetch_inbound(&self) {
        if let Some(pair) = &self.0 {
            pair.inbound.fetch();
        }
    }

    /// Asks for what that points to.
    pub(super) fn fetch_inbound_behind(&self) {
        if let Some(pair) = &self.0 {
            pair.inbound.fetch_behind();
        }
    }

    /// Asks ahead for what a packet needs that goes out.
    pub(super) fn fetch_outbound(&self) {
        if let Some(pair) = &self.0 {
            pair.outbound.fetch();
        }
    }

    /// Asks for what that points to.
    pub(super) fn fetch_outbound_behind(&self) {
        if let Some(pair) = &self.0 {
            pair.outbound.fetch_behind();
        }
    }

    /// Where it is, of what is sent and of what is received.
    pub(super) fn state(&self) -> Option<(State, InboundState)> {
        self.0.as_ref().map(|pair| (pair.outbound.state().clone(), pair.inbound.state()))
    }

    /// Goes on where another process was.
    pub(super) fn resume(state: Option<(State, InboundState)>) -> Self {
        Protection(state.map(|(outbound, inbound)| {
            Box::new(Pair { outbound: Outbound::resume(outbound), inbound: Inbound::resume(inbound) })
        }))
    }

    /// The packet as it was before it was protected; none when it is not from the one who has the key.
    pub(super) fn open<'a>(&mut self, datagram: &'a mut [u8], is_rtcp: bool) -> Option<&'a [u8]> {
        let Some(pair) = &mut self.0 else { return Some(datagram) };
        let len =
            if is_rtcp { pair.inbound.unprotect_rtcp(datagram) } else { pair.inbound.unprotect(datagram) };
        datagram.get(..len.ok()?)
    }

    /// Protects the first `len` octets of `buffer`; returns how many are to be sent.
    pub(super) fn seal(&mut self, buffer: &mut [u8], len: usize, is_rtcp: bool) -> Result<usize, SrtpError> {
        match &mut self.0 {
            None => Ok(len),
            Some(_) if len == 0 => Ok(0),
            Some(pair) if is_rtcp => pair.outbound.protect_rtcp(buffer, len),
            Some(pair) => pair.outbound.protect(buffer, len),
        }
    }
}
