//! The port numbers that are free.

use std::collections::VecDeque;

use rand::Rng;
use rand::seq::SliceRandom;

/// Even ports in a random order. A port that comes back goes to the end, so it rests as long as any other is free:
/// late packets of an old call do not meet a new one.
#[derive(Debug)]
pub(super) struct PortPool {
    free: VecDeque<u16>,
    len: usize,
}

impl PortPool {
    /// Every even port from `min` whose successor is at most `max`.
    pub(super) fn new(min: u16, max: u16, random: &mut impl Rng) -> Self {
        let mut ports: Vec<u16> = (min..max).filter(|port| port % 2 == 0 && *port > 0).collect();
        ports.shuffle(random);
        PortPool { len: ports.len(), free: ports.into() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.free.is_empty()
    }

    /// Pairs in the whole range, free or not.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn take(&mut self) -> Option<u16> {
        self.free.pop_front()
    }

    /// Takes this one; false when it is not free, or not of the range.
    pub(super) fn take_this(&mut self, port: u16) -> bool {
        let place = self.free.iter().position(|free| *free == port);
        place.and_then(|place| self.free.remove(place)).is_some()
    }

    pub(super) fn give_back(&mut self, port: u16) {
        self.free.push_back(port);
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn ports_are_even_have_a_successor_and_rest() {
        let mut pool = PortPool::new(10_001, 10_010, &mut StdRng::seed_from_u64(1));
        assert_eq!(pool.len(), 4, "10002 to 10008");
        let first = pool.take().expect("free");
        pool.give_back(first);
        let mut all: Vec<u16> = std::iter::from_fn(|| pool.take()).collect();
        assert_eq!(all.last(), Some(&first), "the one that came back is last");
        all.sort_unstable();
        assert_eq!(all, [10_002, 10_004, 10_006, 10_008]);
        assert!(pool.is_empty());
        pool.give_back(10_004);
        assert_eq!([10_006, 10_004, 10_004].map(|port| pool.take_this(port)), [false, true, false]);
    }

    #[test]
    fn the_order_differs_from_run_to_run() {
        let order = |seed| {
            let mut pool = PortPool::new(20_000, 20_200, &mut StdRng::seed_from_u64(seed));
            std::iter::from_fn(|| pool.take()).collect::<Vec<u16>>()
        };
        assert_ne!(order(1), order(2));
        assert!(PortPool::new(5, 5, &mut StdRng::seed_from_u64(1)).is_empty());
        assert!(PortPool::new(65_535, 65_535, &mut StdRng::seed_from_u64(1)).is_empty());
    }
}
