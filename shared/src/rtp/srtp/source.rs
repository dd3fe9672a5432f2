//! What is known about one source: its highest index and which of the last 128 were there.

use serde::{Deserialize, Serialize};

use super::SrtpError;

/// Indices behind the highest one that are told apart (RFC 3711 §3.3.2 wants 64 at least).
const WINDOW: u64 = 128;
/// Indices of RTP: a rollover counter of 32 bits and a sequence number of 16.
const INDEX_BITS: u32 = 48;
/// Half of the sequence numbers.
const HALF: u32 = 1 << 15;

/// A stream in one direction, of RTP and of RTCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Source {
    pub(super) ssrc: u32,
    pub(super) rtp: Window,
    pub(super) rtcp: Window,
}

/// Indices that were there: the highest one, and a bit for each of the 128 up to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Window {
    /// None before the first packet.
    highest: Option<u64>,
    /// Bit n stands for the highest minus n.
    seen: u128,
}

impl Source {
    pub(super) fn new(ssrc: u32) -> Self {
        Source { ssrc, rtp: Window::default(), rtcp: Window::default() }
    }
}

impl Window {
    /// The highest index.
    pub(super) fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// The index that a sequence number most probably has: the one nearest to the highest (RFC 3711 §3.3.1 and
    /// appendix A). The first packet has the rollover counter `first`.
    pub(super) fn guess(&self, sequence: u16, first: u32) -> Result<u64, SrtpError> {
        let Some(highest) = self.highest else { return Ok(u64::from(first) << 16 | u64::from(sequence)) };
        let (rollover, last) = (highest >> 16, (highest & 0xFFFF) as u32);
        let number = u32::from(sequence);
        let rollover = if last < HALF && number > last + HALF {
            // Before the first turn there is nothing it can belong to but what is to come.
            rollover.checked_sub(1).ok_or(SrtpError::Replay)?
        } else if last >= HALF && number < last - HALF {
            rollover + 1
        } else {
            rollover
        };
        let index = rollover << 16 | u64::from(sequence);
        if index >> INDEX_BITS != 0 { Err(SrtpError::Exhausted) } else { Ok(index) }
    }

    /// Whether the index is new.
    pub(super) fn check(&self, index: u64) -> Result<(), SrtpError> {
        let Some(highest) = self.highest else { return Ok(()) };
        match highest.checked_sub(index) {
            None => Ok(()),
            Some(behind) if behind < WINDOW && self.seen & (1 << behind) == 0 => Ok(()),
            Some(_) => Err(SrtpError::Replay),
        }
    }

    /// Marks it, once the packet is known to be genuine.
    pub(super) fn mark(&mut self, index: u64) {
        let highest = self.highest.unwrap_or(index);
        match index.checked_sub(highest) {
            Some(ahead) => {
                self.seen = if ahead < WINDOW { self.seen << ahead | 1 } else { 1 };
                self.highest = Some(index);
            }
            None if highest - index < WINDOW => self.seen |= 1 << (highest - index),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn guesses_the_nearest_index() {
        let at = |highest: u64| Window { highest: Some(highest), seen: 1 };
        for (highest, sequence, expected) in [
            (Some(0xFFFE), 0xFFFF, Ok(0xFFFF)),
            (Some(0xFFFF), 0, Ok(0x1_0000)),
            (Some(0xFFFF), 3, Ok(0x1_0003)),
            (Some(0x1_0003), 0xFFFF, Ok(0xFFFF)),
            (Some(0x1_0003), 4, Ok(0x1_0004)),
            (Some(0x8000), 0, Ok(0)),
            (Some(0x8001), 0, Ok(0x1_0000)),
            (Some(3), 0xFFFF, Err(SrtpError::Replay)),
            (Some(0xFFFF_FFFF_FFFF), 0, Err(SrtpError::Exhausted)),
            (None, 7, Ok(7)),
        ] {
            let window = highest.map_or(Window::default(), at);
            assert_eq!(window.guess(sequence, 0), expected, "{sequence:#x} behind {highest:x?}");
        }
        assert_eq!(Window::default().guess(7, 2), Ok(0x2_0007));
    }

    proptest! {
        /// Against the plain definition: a set of all indices.
        #[test]
        fn the_window_takes_each_index_once(steps in proptest::collection::vec(-200i64..200, 1..300)) {
            let mut window = Window::default();
            let mut taken = std::collections::BTreeSet::new();
            let mut index = 10_000i64;
            for step in steps {
                index = (index + step).max(0);
                let number = index as u64;
                let highest = taken.last().copied().unwrap_or(number);
                let new = !taken.contains(&number) && number + WINDOW > highest;
                prop_assert_eq!(window.check(number).is_ok(), new);
                if new {
                    window.mark(number);
                    taken.insert(number);
                }
            }
        }
    }
}
