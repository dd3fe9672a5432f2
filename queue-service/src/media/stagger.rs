//! The bridges of a worker in groups, whose frames are due at different moments.
//!
//! With all frames due at once, a thousand mixed calls would keep the packets of every relayed one waiting for as long
//! as it takes to mix them all. So the 20 ms of a frame are shared out: each group has its own two.

use std::collections::HashMap;
use std::time::Duration;

use shared::time::Timestamp;

use super::BridgeId;
use super::bridge::Bridge;
use super::schedule::{Due, FRAME, Schedule};

/// Groups.
const GROUPS: usize = 10;

/// All bridges of a worker.
#[derive(Debug)]
pub(super) struct Stagger {
    groups: [Group; GROUPS],
    /// The group of each.
    places: HashMap<BridgeId, usize>,
}

#[derive(Debug)]
struct Group {
    schedule: Schedule,
    bridges: Vec<Bridge>,
}

impl Stagger {
    pub(super) fn new(now: Timestamp) -> Self {
        let group = |number: usize| {
            let phase = FRAME * number as u32 / GROUPS as u32;
            Group { schedule: Schedule::new(now, phase), bridges: Vec::new() }
        };
        Stagger { groups: std::array::from_fn(group), places: HashMap::new() }
    }

    /// Takes a bridge into the smallest group.
    pub(super) fn insert(&mut self, now: Timestamp, bridge: Bridge) {
        let smallest = self.groups.iter_mut().enumerate().min_by_key(|(_, group)| group.bridges.len());
        let Some((number, group)) = smallest else { return };
        if group.bridges.is_empty() {
            group.schedule.restart(now);
        }
        self.places.insert(bridge.id, number);
        group.bridges.push(bridge);
    }

    /// A bridge with the number of its next frame.
    pub(super) fn get(&mut self, id: BridgeId) -> Option<(u64, &mut Bridge)> {
        let group = self.groups.get_mut(*self.places.get(&id)?)?;
        let number = group.schedule.number();
        Some((number, group.bridges.iter_mut().find(|bridge| bridge.id == id)?))
    }

    pub(super) fn remove(&mut self, id: BridgeId) {
        let group = self.places.remove(&id).and_then(|number| self.groups.get_mut(number));
        if let Some(group) = group {
            group.bridges.retain(|bridge| bridge.id != id);
        }
    }

    /// Every bridge.
    pub(super) fn ids(&self) -> Vec<BridgeId> {
        self.places.keys().copied().collect()
    }

    /// How long until the next frame of any of them; none without bridges.
    pub(super) fn wait(&self, now: Timestamp) -> Option<Duration> {
        let groups = self.groups.iter().filter(|group| !group.bridges.is_empty());
        groups.map(|group| group.schedule.wait(now)).min()
    }

    /// Hands every bridge whose frame is due to `make`, with what is due and those that come after it.
    pub(super) fn frames(&mut self, now: Timestamp, mut make: impl FnMut(Due, &mut Bridge, &[Bridge])) {
        for group in self.groups.iter_mut().filter(|group| !group.bridges.is_empty()) {
            while let Some(due) = group.schedule.pop(now) {
                let mut left = group.bridges.as_mut_slice();
                while let Some((bridge, next)) = left.split_first_mut() {
                    make(due, bridge, next);
                    left = next;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::id::CallId;

    use super::*;

    fn id(number: u64) -> BridgeId {
        BridgeId { number, worker: 0 }
    }

    #[test]
    fn every_bridge_has_its_frame_each_20_ms_and_no_more_than_a_tenth_of_them_at_once() {
        let start = Timestamp::from_secs(1_000);
        let mut stagger = Stagger::new(start);
        assert_eq!(stagger.wait(start), None);
        for number in 0..50 {
            stagger.insert(start, Bridge::new(id(number), CallId::from_u64(number)));
        }
        let mut frames = HashMap::new();
        for step in 1..=100 {
            let mut together = 0;
            stagger.frames(start + Duration::from_millis(2 * step), |due, bridge, _| {
                assert!(matches!(due, Due::Make(_)));
                *frames.entry(bridge.id).or_insert(0) += 1;
                together += 1;
            });
            assert!(together <= 5, "{together} at {step}");
        }
        assert!(frames.len() == 50 && frames.values().all(|count| *count == 10), "{frames:?}");
        for number in 1..50 {
            stagger.remove(id(number));
        }
        assert_eq!(stagger.ids(), [id(0)]);
        assert_eq!(stagger.get(id(0)).map(|(number, bridge)| (number, bridge.id)), Some((10, id(0))));
        assert!(stagger.get(id(3)).is_none());
        // One bridge has one frame to wait for.
        assert_eq!(stagger.wait(start + Duration::from_millis(200)), Some(FRAME));
    }
}
