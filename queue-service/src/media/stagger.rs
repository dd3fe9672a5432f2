//! The bridges of a worker in groups, whose frames are due at different moments.
//!
//! With all frames due at once, a thousand mixed calls would keep the packets of every relayed one waiting for as long
//! as it takes to mix them all. So the 20 ms of a frame are shared out: each group has its own two. A bridge goes to the
//! group that suits its speakers ([`super::align`]) while there is room.

use std::collections::HashMap;
use std::time::Duration;

use shared::time::Timestamp;

use super::BridgeId;
use super::align::STEP_MILLIS;
use super::bridge::Bridge;
use super::schedule::{Due, FRAME, Schedule};

/// Groups.
const GROUPS: usize = 10;
/// Between the moments of two groups.
const STEP: Duration = Duration::from_millis(STEP_MILLIS as u64);
/// A group takes as many bridges that want to come to it as this,
const ROOM: usize = 8;
/// and so many times its part of all.
const ROOM_PARTS: usize = 2;
/// So far from where it began a bridge goes at most, so that its frames stay a clock that can be relied on: a frame.
const MOST_STEPS: i64 = GROUPS as i64;

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
    seats: Vec<Seat>,
}

/// A bridge in its group.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) bridge: Bridge,
    /// The number of its next frame.
    pub(super) number: u64,
    /// Nothing is due before.
    next_at: Timestamp,
    /// How much later it is than where it began.
    steps: i64,
    /// How much later it should be than now.
    wished_steps: i64,
}

impl Stagger {
    pub(super) fn new(now: Timestamp) -> Self {
        let group =
            |number: usize| Group { schedule: Schedule::new(now, STEP * number as u32), seats: Vec::new() };
        Stagger { groups: std::array::from_fn(group), places: HashMap::new() }
    }

    /// Takes a bridge into the smallest group.
    pub(super) fn insert(&mut self, now: Timestamp, bridge: Bridge) {
        let sizes = self.groups.iter().map(|group| group.seats.len());
        let Some((group, _)) = sizes.enumerate().min_by_key(|(_, size)| *size) else { return };
        self.seat(now, group, Seat { bridge, number: 0, next_at: now, steps: 0, wished_steps: 0 });
    }

    fn seat(&mut self, now: Timestamp, number: usize, seat: Seat) {
        let Some(group) = self.groups.get_mut(number) else { return };
        if group.seats.is_empty() {
            group.schedule.restart(now);
        }
        self.places.insert(seat.bridge.id, number);
        group.seats.push(seat);
    }

    /// A bridge with the number of its next frame.
    pub(super) fn get(&mut self, id: BridgeId) -> Option<(u64, &mut Bridge)> {
        let group = self.groups.get_mut(*self.places.get(&id)?)?;
        let seat = group.seats.iter_mut().find(|seat| seat.bridge.id == id)?;
        Some((seat.number, &mut seat.bridge))
    }

    pub(super) fn remove(&mut self, id: BridgeId) {
        let group = self.places.remove(&id).and_then(|number| self.groups.get_mut(number));
        if let Some(group) = group {
            group.seats.retain(|seat| seat.bridge.id != id);
        }
    }

    /// Every bridge.
    pub(super) fn ids(&self) -> Vec<BridgeId> {
        self.places.keys().copied().collect()
    }

    /// How long until the next frame of any of them; none without bridges.
    pub(super) fn wait(&self, now: Timestamp) -> Option<Duration> {
        let groups = self.groups.iter().filter(|group| !group.seats.is_empty());
        groups.map(|group| group.schedule.wait(now)).min()
    }

    /// Hands every bridge whose frame is due to `make`, with what is due and those that come after it. `make` says how
    /// many milliseconds later the frames of this bridge should come from now on (less than zero: earlier).
    pub(super) fn frames(&mut self, now: Timestamp, mut make: impl FnMut(Due, &mut Seat, &[Seat]) -> i64) {
        for number in 0..GROUPS {
            while let Some((due, group)) = self.groups.get_mut(number).and_then(|group| group.pop(now)) {
                let mut has_wishes = false;
                let mut left = group.seats.as_mut_slice();
                while let Some((seat, next)) = left.split_first_mut() {
                    if seat.next_at <= due.at {
                        seat.wished_steps = make(due, seat, next) / STEP_MILLIS;
                        seat.number += 1;
                        seat.next_at = due.at + FRAME;
                        has_wishes |= seat.wished_steps != 0;
                    }
                    left = next;
                }
                if has_wishes {
                    self.fulfil(now, number);
                }
            }
        }
    }

    /// Brings the bridges of a group to where they wish to be, or as near as there is room.
    fn fulfil(&mut self, now: Timestamp, number: usize) {
        let room = ROOM.max(self.places.len() * ROOM_PARTS / GROUPS);
        let mut place = self.groups.get(number).map_or(0, |group| group.seats.len());
        while place > 0 {
            place -= 1;
            let Some(seat) = self.groups.get_mut(number).and_then(|group| group.seats.get_mut(place)) else {
                return;
            };
            let wished = std::mem::take(&mut seat.wished_steps);
            // No further than it may, and not to a moment that has passed.
            let earliest = -(seat.next_at.millis_since(now).cast_signed() - 1) / STEP_MILLIS;
            let limits = earliest.max(-MOST_STEPS - seat.steps)..=MOST_STEPS - seat.steps;
            let target = |steps: i64| (number as i64 + steps).rem_euclid(GROUPS as i64) as usize;
            // As far as wished, or less.
            let granted = (1..=wished.abs())
                .rev()
                .map(|steps| steps * wished.signum())
                .filter(|steps| limits.contains(steps) && steps.unsigned_abs() < GROUPS as u64)
                .find(|steps| self.groups.get(target(*steps)).is_some_and(|group| group.seats.len() < room));
            let Some(steps) = granted else { continue };
            let Some(group) = self.groups.get_mut(number) else { return };
            // Those behind this place are done: the last of them may come to it.
            let mut seat = group.seats.swap_remove(place);
            seat.steps += steps;
            let by = STEP * steps.unsigned_abs() as u32;
            seat.next_at = if steps < 0 { seat.next_at - by } else { seat.next_at + by };
            seat.bridge.move_frames(steps * STEP_MILLIS);
            self.seat(now, target(steps), seat);
        }
    }
}

impl Group {
    fn pop(&mut self, now: Timestamp) -> Option<(Due, &mut Group)> {
        if self.seats.is_empty() {
            return None;
        }
        let due = self.schedule.pop(now)?;
        Some((due, self))
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
            stagger.frames(start + Duration::from_millis(2 * step), |due, seat, _| {
                assert!(!due.is_missed);
                *frames.entry(seat.bridge.id).or_insert(0) += 1;
                together += 1;
                0
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

    /// The moments of the frames of one bridge that wishes to be so much later after its first frame, looked at every so
    /// many milliseconds.
    fn moments(later_millis: i64, look_millis: u64) -> Vec<u64> {
        let start = Timestamp::from_secs(1_000);
        let mut stagger = Stagger::new(start);
        stagger.insert(start, Bridge::new(id(0), CallId::from_u64(0)));
        let mut moments = Vec::new();
        for look in 1..=120 / look_millis {
            stagger.frames(start + Duration::from_millis(look * look_millis), |due, seat, _| {
                assert_eq!(seat.number, moments.len() as u64);
                moments.push(due.at.millis_since(start));
                if seat.number == 0 { later_millis } else { 0 }
            });
        }
        moments
    }

    #[test]
    fn a_bridge_comes_to_the_moment_that_suits_it() {
        for look_millis in [1, 6] {
            assert_eq!(moments(0, look_millis), [20, 40, 60, 80, 100, 120]);
            assert_eq!(moments(-2, look_millis), [20, 38, 58, 78, 98, 118]);
            assert_eq!(moments(4, look_millis), [20, 44, 64, 84, 104]);
        }
        assert_eq!(moments(-18, 1), [20, 22, 42, 62, 82, 102]);
        // The first frame is late: what has passed is no moment to come to.
        assert_eq!(moments(-18, 6), [20, 26, 46, 66, 86, 106]);
    }

    #[test]
    fn a_group_takes_no_more_than_its_room_and_nobody_wanders_off() {
        let start = Timestamp::from_secs(1_000);
        let mut stagger = Stagger::new(start);
        for number in 0..100 {
            stagger.insert(start, Bridge::new(id(number), CallId::from_u64(number)));
        }
        let mut frames = HashMap::new();
        for millis in 1..=4_000 {
            // All wish to be where the fifth group is.
            let now = start + Duration::from_millis(millis);
            stagger.frames(now, |due, seat, _| {
                *frames.entry(seat.bridge.id).or_insert(0) += 1;
                -((due.at.millis_since(start) % 20) as i64 - 10).rem_euclid(20)
            });
        }
        let sizes: Vec<usize> = stagger.groups.iter().map(|group| group.seats.len()).collect();
        assert_eq!(sizes.iter().sum::<usize>(), 100);
        assert!(sizes[5] == 20 && sizes.iter().all(|size| *size <= 20), "{sizes:?}");
        // None has come more than a frame too early or too late.
        assert!(frames.values().all(|count| (199..=201).contains(count)), "{frames:?}");
        assert_eq!(stagger.ids().len(), 100);
        // Who always wishes to be earlier is so by one frame at most.
        let mut alone = Stagger::new(start);
        alone.insert(start, Bridge::new(id(0), CallId::from_u64(0)));
        let mut count = 0;
        for millis in 1..=4_000 {
            alone.frames(start + Duration::from_millis(millis), |_, _, _| {
                count += 1;
                -2
            });
        }
        assert_eq!(count, 201);
    }
}
