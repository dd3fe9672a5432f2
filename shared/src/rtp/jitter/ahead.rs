//! What the next packet will need, asked for ahead ([`crate::ahead`]).

use super::{CAPACITY, JitterBuffer, Slot, State};
use crate::ahead;

impl JitterBuffer {
    /// Asks for the buffer itself.
    pub fn fetch(&self) {
        ahead::fetch_whole(self);
    }

    /// Asks for the places of the packet that comes and of the one that is played next, and for the figures about
    /// lateness.
    pub fn fetch_behind(&self) {
        if let Some((newest, _)) = self.newest
            && let Some(slot) = self.slot(newest.wrapping_add(1))
        {
            ahead::fetch_whole(slot);
        }
        if let Some(slot) = self.next() {
            ahead::fetch_whole(slot);
        }
        if let Some(lent) = self.lent.and_then(|lent| self.slots.get(lent)) {
            ahead::fetch_whole(lent);
        }
        if let Some(room) = self.spare.last() {
            ahead::fetch(room);
        }
        self.lateness.fetch();
    }

    /// Asks for the room that the next packet gets.
    pub fn fetch_room(&self) {
        let leaving = self.lent.map(|_| &self.past[0].payload).filter(|payload| payload.capacity() > 0);
        if let Some(room) = leaving.or(self.spare.last()) {
            ahead::fetch_whole(room.as_slice());
        }
    }

    /// Asks for the packet that is played next.
    pub fn fetch_next(&self) {
        if let Some(slot) = self.next() {
            ahead::fetch_whole(slot.payload.as_slice());
        }
    }

    fn next(&self) -> Option<&Slot> {
        match self.state {
            State::Playing { sequence, .. } => self.slot(sequence),
            State::Filling => None,
        }
    }

    fn slot(&self, sequence: u64) -> Option<&Slot> {
        self.slots.get((sequence % CAPACITY as u64) as usize)
    }
}
