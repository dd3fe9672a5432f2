use serde::{Deserialize, Serialize};

use super::context::{Context, State};
use super::{Master, SrtpError};

/// Genuine packets under a new key after which the one before is forgotten: those on their way have come by then.
const OVERLAP_PACKETS: u32 = 50;

/// What we receive. After a change of keys, packets under the key before are taken until the new one is in use, so
/// that a re-INVITE makes no gap.
#[derive(Debug, Clone)]
pub struct Inbound {
    current: Context,
    before: Option<Context>,
    /// Packets under the current key, while there is one before.
    taken: u32,
}

/// Plain data that another process can go on with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboundState {
    current: State,
    before: Option<State>,
    taken: u32,
}

impl Inbound {
    /// With the first key.
    pub fn new(master: Master) -> Self {
        Inbound { current: Context::new(master), before: None, taken: 0 }
    }

    /// Goes on where another process was.
    pub fn resume(state: InboundState) -> Self {
        let mut current = Context::resume(state.current);
        current.set_restores(state.before.is_some());
        Inbound { current, before: state.before.map(Context::resume), taken: state.taken }
    }

    /// Asks ahead for what a packet needs ([`crate::ahead`]).
    pub fn fetch(&self) {
        self.current.fetch();
        crate::ahead::fetch(&self.before);
    }

    /// Asks for what that points to.
    pub fn fetch_behind(&self) {
        self.current.fetch_behind();
    }

    /// Where it is.
    pub fn state(&self) -> InboundState {
        InboundState {
            current: self.current.state().clone(),
            before: self.before.as_ref().map(|context| context.state().clone()),
            taken: self.taken,
        }
    }

    /// After a negotiation: the same key goes on, another one begins anew beside it.
    pub fn rekey(&mut self, master: Master) {
        if *self.current.master() == master {
            return;
        }
        let mut next = self.current.successor(master);
        next.set_restores(true);
        self.before = Some(std::mem::replace(&mut self.current, next));
        self.taken = 0;
    }

    /// Checks and decrypts an RTP packet in place; returns its length without the tag. On an error the octets are in no
    /// particular state.
    pub fn unprotect(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let outcome = self.current.unprotect_rtp(packet);
        self.with_before(outcome, |context| context.unprotect_rtp(packet))
    }

    /// Checks and decrypts a compound RTCP packet in place; returns its length without index and tag.
    pub fn unprotect_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let outcome = self.current.unprotect_rtcp(packet);
        self.with_before(outcome, |context| context.unprotect_rtcp(packet))
    }

    fn with_before(
        &mut self,
        outcome: Result<usize, SrtpError>,
        retry: impl FnOnce(&mut Context) -> Result<usize, SrtpError>,
    ) -> Result<usize, SrtpError> {
        let Some(before) = &mut self.before else { return outcome };
        match outcome {
            Ok(len) => {
                self.taken += 1;
                if self.taken >= OVERLAP_PACKETS {
                    self.before = None;
                    self.current.set_restores(false);
                }
                Ok(len)
            }
            // Whatever the new key says of it, the index of a packet under the old one means something else.
            Err(error) => retry(before).map_err(|_| error),
        }
    }
}
