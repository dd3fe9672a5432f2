//! A network on a virtual clock: loss, delay, reordering and duplicates from a seed, so that a bad run can be had
//! again.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::time::Timestamp;

/// How bad the network is. Shares are in thousandths of the packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weather {
    /// Never arrive.
    pub loss: u32,
    /// Arrive twice.
    pub duplicate: u32,
    /// Arrive one `delay` later than they should, so that later ones overtake them.
    pub reorder: u32,
    /// One way.
    pub delay: Duration,
    /// Up to this much on top, evenly spread; large values reorder as well.
    pub jitter: Duration,
}

impl Weather {
    /// Everything arrives after 10 ms.
    pub const FINE: Weather = Weather {
        loss: 0,
        duplicate: 0,
        reorder: 0,
        delay: Duration::from_millis(10),
        jitter: Duration::ZERO,
    };

    /// This many per cent are lost, some come twice or late.
    pub const fn lossy(per_cent: u32) -> Weather {
        Weather {
            loss: per_cent * 10,
            duplicate: per_cent * 2,
            reorder: per_cent * 5,
            delay: Duration::from_millis(20),
            jitter: Duration::from_millis(15),
        }
    }
}

/// Packets on their way.
#[derive(Debug)]
pub struct Netem<T> {
    weather: Weather,
    random: SmallRng,
    flying: BTreeMap<(Timestamp, u64), T>,
    last: u64,
    /// When the last ordered packet arrives; the next one does not before.
    ordered_until: Timestamp,
}

impl<T: Clone> Netem<T> {
    /// An empty network.
    pub fn new(weather: Weather, seed: u64) -> Netem<T> {
        Netem {
            weather,
            random: SmallRng::seed_from_u64(seed),
            flying: BTreeMap::new(),
            last: 0,
            ordered_until: Timestamp::EPOCH,
        }
    }

    /// Changes the weather for what is sent from now on.
    pub fn set_weather(&mut self, weather: Weather) {
        self.weather = weather;
    }

    /// Sends a datagram.
    pub fn send(&mut self, now: Timestamp, packet: T) {
        if self.happens(self.weather.loss) {
            return;
        }
        if self.happens(self.weather.duplicate) {
            let at = now + self.delay();
            self.put(at, packet.clone());
        }
        let mut delay = self.delay();
        if self.happens(self.weather.reorder) {
            delay += self.weather.delay;
        }
        self.put(now + delay, packet);
    }

    /// Sends over a stream: late perhaps, but all of it and in order.
    pub fn send_ordered(&mut self, now: Timestamp, packet: T) {
        let at = (now + self.delay()).max(self.ordered_until);
        self.ordered_until = at;
        self.put(at, packet);
    }

    /// Takes what has arrived.
    pub fn poll(&mut self, now: Timestamp) -> Option<T> {
        let first = self.flying.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    /// When the next packet arrives.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.flying.first_key_value().map(|((at, _), _)| *at)
    }

    fn put(&mut self, at: Timestamp, packet: T) {
        self.last += 1;
        self.flying.insert((at, self.last), packet);
    }

    fn happens(&mut self, thousandths: u32) -> bool {
        self.random.next_u32() % 1000 < thousandths
    }

    fn delay(&mut self) -> Duration {
        let jitter = u64::try_from(self.weather.jitter.as_micros()).unwrap_or(u64::MAX);
        let extra = if jitter == 0 { 0 } else { self.random.next_u64() % jitter };
        self.weather.delay + Duration::from_micros(extra)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(weather: Weather, seed: u64) -> Vec<u32> {
        let mut net = Netem::new(weather, seed);
        for number in 0..1000 {
            net.send(Timestamp::EPOCH + Duration::from_millis(number.into()), number);
        }
        let mut got = Vec::new();
        while let Some(at) = net.deadline() {
            got.extend(std::iter::from_fn(|| net.poll(at)));
        }
        got
    }

    #[test]
    fn the_same_seed_gives_the_same_weather() {
        assert_eq!(arrivals(Weather::FINE, 1), (0..1000).collect::<Vec<_>>());
        let bad = arrivals(Weather::lossy(20), 1);
        assert_eq!(bad, arrivals(Weather::lossy(20), 1));
        assert_ne!(bad, arrivals(Weather::lossy(20), 2));
        assert!((700..900).contains(&bad.len()), "{}", bad.len());
        assert!(bad.windows(2).any(|pair| pair[0] > pair[1]), "some overtake others");
    }

    #[test]
    fn streams_lose_and_reorder_nothing() {
        let mut net = Netem::new(Weather::lossy(50), 1);
        for number in 0..100 {
            net.send_ordered(Timestamp::EPOCH, number);
        }
        let late = Timestamp::from_secs(9);
        let got: Vec<u32> = std::iter::from_fn(|| net.poll(late)).collect();
        assert_eq!(got, (0..100).collect::<Vec<_>>());
    }
}
