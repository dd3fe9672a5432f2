//! What was played last, and how a stream begins that follows another one.

use super::{CAPACITY, JitterBuffer};

/// A packet that was played. Without octets it is none.
#[derive(Debug, Clone, Default)]
pub(super) struct Played {
    payload_type: u8,
    pub(super) payload: Vec<u8>,
}

impl JitterBuffer {
    /// Type and payload of the packets that were played last, the latest last.
    pub fn past(&self) -> impl Iterator<Item = (u8, &[u8])> {
        let before = self.past.iter().map(|played| (played.payload_type, played.payload.as_slice()));
        let last = self.lent.and_then(|index| self.slots.get(index)).filter(|slot| !slot.used);
        before
            .chain(last.map(|slot| (slot.payload_type, slot.payload.as_slice())))
            .filter(|(_, payload)| !payload.is_empty())
    }

    /// Puts the packet that was played last to the past, and keeps the room of the one that leaves it for another one.
    pub(super) fn take_back(&mut self) {
        let Some(slot) =
            self.lent.take().and_then(|index| self.slots.get_mut(index)).filter(|slot| !slot.used)
        else {
            return;
        };
        let played = Played { payload_type: slot.payload_type, payload: std::mem::take(&mut slot.payload) };
        let [older, newer] = &mut self.past;
        let left = std::mem::replace(older, std::mem::replace(newer, played));
        if left.payload.capacity() > 0 && self.spare.len() < CAPACITY {
            self.spare.push(left.payload);
        }
    }

    /// Begins where another stream over the same network ends, with its delay and what it has shown of its lateness.
    pub fn go_on_after(&mut self, other: &JitterBuffer) {
        self.lateness.learn_from(&other.lateness);
        self.goes_on_after_millis = other.is_playing().then_some(other.waited_millis);
    }

    /// Begins with the first packet from now on, without gathering any: for an owner who adds the delay himself.
    pub fn begin_eagerly(&mut self) {
        self.is_eager = true;
    }

    /// Whether it begins with the first packet that comes.
    pub fn is_eager(&self) -> bool {
        self.is_eager
    }
}
