//! What a port needs in a moment, asked for now ([`shared::ahead`]): step by step, as one thing points to the next.

use shared::ahead;

use super::Port;

/// How far ahead of its packet or frame a port is asked for, and so the number of steps.
pub(in crate::media) const AHEAD: usize = 4;

impl Port {
    /// Asks for what a packet needs that comes in; what the step before asked for must have come. `before` is how many
    /// packets come first: [`AHEAD`] at the first step.
    pub(in crate::media) fn fetch_to_receive(&self, before: usize) {
        let Some(line) = self.line.as_deref().filter(|_| before < AHEAD) else {
            return self.fetch();
        };
        match before {
            3 => {
                ahead::fetch(&line.negotiated.direction);
                line.fetch();
                line.receiver.fetch();
                self.protection.fetch_inbound();
            }
            2 => {
                line.receiver.fetch_behind();
                self.protection.fetch_inbound_behind();
            }
            _ => line.receiver.fetch_room(),
        }
    }

    /// Asks for what a packet needs that goes out.
    pub(in crate::media) fn fetch_to_relay(&self, before: usize) {
        let Some(line) = self.line.as_deref().filter(|_| before < AHEAD - 1) else {
            return self.fetch();
        };
        match before {
            2 => {
                line.sender.fetch();
                self.protection.fetch_outbound();
            }
            _ => self.protection.fetch_outbound_behind(),
        }
    }

    /// Asks for what a frame needs that is decoded and mixed.
    pub(in crate::media) fn fetch_to_mix(&self, before: usize) {
        let Some(line) = self.line.as_deref().filter(|_| before < AHEAD) else {
            return self.fetch();
        };
        match before {
            3 => {
                line.fetch();
                line.receiver.fetch();
                line.sender.fetch();
                self.protection.fetch_outbound();
            }
            2 => {
                line.receiver.fetch_behind();
                self.protection.fetch_outbound_behind();
            }
            _ => {
                line.receiver.fetch_sound();
                if self.relayed_from.is_none() {
                    line.sender.fetch_sound();
                }
            }
        }
    }

    /// The port itself.
    fn fetch(&self) {
        ahead::fetch_whole(&self.sockets);
        ahead::fetch(&self.party);
        ahead::fetch_whole(&self.latch);
        ahead::fetch(&self.line);
        ahead::fetch(&self.protection);
        ahead::fetch(&self.handover);
        ahead::fetch(&self.relay_places);
        ahead::fetch(&self.relay_to);
        ahead::fetch(&self.is_relayed);
        ahead::fetch(&self.bridge);
        ahead::fetch(&self.received_at);
        ahead::fetch(&self.is_missed);
        ahead::fetch_whole(&self.stats);
        ahead::fetch(&self.player);
        ahead::fetch_whole(&self.talk);
    }
}
