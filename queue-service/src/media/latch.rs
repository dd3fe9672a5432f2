//! From which address packets of a leg are taken, and where ours go.
//!
//! The session description says one thing; a NAT between makes it another (RFC 4961, RFC 7362). So after each
//! negotiation the first source is believed for a short while, and nobody else any more afterwards: who wants to
//! speak into a call must be quicker than the phone itself.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

/// Packets of the first source after which it is fixed, unless the negotiated address spoke before.
pub(super) const LEARNING_PACKETS: u8 = 5;

/// The filter of one leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Latch {
    announced: Option<SocketAddr>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    /// Nothing was agreed on yet: nothing is taken.
    Shut,
    /// Nothing came yet.
    Open,
    /// So many packets came from a source other than the announced one.
    Learning { source: SocketAddr, packets: u8 },
    /// Only this one.
    Fixed(SocketAddr),
}

impl Latch {
    pub(super) const fn new() -> Self {
        Latch { announced: None, state: State::Shut }
    }

    /// A negotiation. The same address again changes nothing; another one is learnt anew. An address of zeros is the
    /// hold of RFC 2543 and no new address, once there is one.
    pub(super) fn negotiate(&mut self, announced: SocketAddr) {
        if announced.ip().is_unspecified() && matches!(self.state, State::Fixed(_)) {
            return;
        }
        if self.announced != Some(announced) {
            self.announced = Some(announced);
            self.state = State::Open;
        }
    }

    /// Whether a packet from `source` is taken.
    pub(super) fn accept(&mut self, source: SocketAddr) -> bool {
        if let State::Fixed(only) = self.state {
            return only == source;
        }
        if self.announced == Some(source) && self.state != State::Shut {
            // The true address, even when somebody else was quicker.
            self.state = State::Fixed(source);
            return true;
        }
        match self.state {
            State::Shut | State::Fixed(_) => false,
            State::Open => {
                self.state = State::Learning { source, packets: 1 };
                true
            }
            State::Learning { source: first, packets } if first == source => {
                let packets = packets + 1;
                self.state = if packets >= LEARNING_PACKETS {
                    State::Fixed(source)
                } else {
                    State::Learning { source, packets }
                };
                true
            }
            State::Learning { .. } => false,
        }
    }

    /// Whether a packet from `source` is refused whatever is in it, because the address is fixed and this is another. Asked
    /// before a packet is opened: a copy that somebody else sends on must not count as the phone's own, whose packet would
    /// then be taken for a replay, and a flood of strangers must not cost a checked tag each.
    pub(super) fn is_foreign(&self, source: SocketAddr) -> bool {
        matches!(self.state, State::Fixed(only) if only != source)
    }

    /// Where our packets go; `None` while there is no address that can be sent to.
    ///
    /// The learnt source, when the announced address is of no use from here (private, zero) or the same host behind
    /// another port. A public address that sends from elsewhere is a carrier with separate machines: it is sent to
    /// where it said.
    pub(super) fn target(&self) -> Option<SocketAddr> {
        let announced = self.announced?;
        if self.state == State::Fixed(announced) && announced.port() != 0 && !announced.ip().is_unspecified()
        {
            return Some(announced);
        }
        let learnt = match self.state {
            State::Shut | State::Open => None,
            State::Learning { source, .. } | State::Fixed(source) => Some(source),
        };
        match learnt {
            Some(source) if is_local(announced.ip()) || announced.ip() == source.ip() => Some(source),
            _ if announced.ip().is_unspecified() || announced.port() == 0 => None,
            _ => Some(announced),
        }
    }

    /// Whether an RTCP datagram is from the leg: same host as its voice, any port.
    pub(super) fn accept_rtcp(&self, source: SocketAddr) -> bool {
        match self.state {
            State::Shut => false,
            State::Open => self.announced.is_some_and(|announced| announced.ip() == source.ip()),
            State::Learning { source: voice, .. } | State::Fixed(voice) => voice.ip() == source.ip(),
        }
    }
}

/// Addresses that mean another host here than at the far side.
fn is_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_unspecified()
                // Carrier-grade NAT, RFC 6598.
                || (first == 100 && (64..128).contains(&second))
        }
        IpAddr::V6(address) => {
            address.is_loopback()
                || address.is_unspecified()
                || address.is_unique_local()
                || address.is_unicast_link_local()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: &str = "198.51.100.7:4000";
    const PRIVATE: &str = "192.168.1.20:4000";
    const NAT: &str = "203.0.113.9:61000";

    /// Announced address, then packets as `source` or `!source` when it must be refused, then the target.
    fn check(announced: &str, packets: &[&str], target: Option<&str>) {
        let mut latch = Latch::new();
        latch.negotiate(announced.parse().expect("address"));
        for (index, packet) in packets.iter().enumerate() {
            let source = packet.trim_start_matches('!').parse().expect("address");
            assert_eq!(latch.accept(source), !packet.starts_with('!'), "{announced} {packets:?} at {index}");
        }
        assert_eq!(
            latch.target(),
            target.map(|text| text.parse().expect("address")),
            "{announced} {packets:?}"
        );
    }

    #[test]
    fn the_announced_address_is_the_only_one_once_it_spoke() {
        check(PUBLIC, &[], Some(PUBLIC));
        check(PUBLIC, &[PUBLIC, "!203.0.113.9:61000", "!198.51.100.7:4001", PUBLIC], Some(PUBLIC));
    }

    #[test]
    fn a_phone_behind_a_nat_is_learnt_once() {
        check(PRIVATE, &[], Some(PRIVATE));
        check(PRIVATE, &[NAT], Some(NAT));
        check(PRIVATE, &[NAT, "!203.0.113.9:61002", NAT, NAT, NAT, NAT, "!192.168.1.20:4000"], Some(NAT));
        check("0.0.0.0:4000", &[], None);
        check("0.0.0.0:4000", &[NAT], Some(NAT));
        // Another port of the announced host: its NAT changed it.
        check(PUBLIC, &["198.51.100.7:9999"], Some("198.51.100.7:9999"));
    }

    #[test]
    fn an_intruder_loses_to_the_announced_address() {
        check(PUBLIC, &[NAT, NAT, PUBLIC, "!203.0.113.9:61000"], Some(PUBLIC));
        check(PRIVATE, &[NAT, PRIVATE, "!203.0.113.9:61000"], Some(PRIVATE));
    }

    #[test]
    fn a_carrier_that_sends_from_elsewhere_is_sent_to_where_it_said() {
        check(PUBLIC, &[NAT, NAT, NAT, NAT, NAT, NAT], Some(PUBLIC));
    }

    #[test]
    fn nothing_is_taken_before_and_a_new_address_is_learnt_anew() {
        let mut latch = Latch::new();
        let [public, nat] = [PUBLIC, NAT].map(|text| text.parse().expect("address"));
        assert!(!latch.accept(public) && !latch.accept_rtcp(public));
        assert_eq!(latch.target(), None);
        latch.negotiate(public);
        assert!(latch.accept(public) && !latch.accept(nat));
        // A re-INVITE that changes nothing opens nothing.
        latch.negotiate(public);
        assert!(!latch.accept(nat));
        latch.negotiate("0.0.0.0:4000".parse().expect("address"));
        assert!(!latch.accept(nat), "hold opens nothing either");
        latch.negotiate(PRIVATE.parse().expect("address"));
        assert!(latch.accept(nat));
        assert_eq!(latch.target(), Some(nat));
    }

    #[test]
    fn only_a_fixed_address_makes_others_foreign_unseen() {
        let [public, nat] = [PUBLIC, NAT].map(|text| text.parse().expect("address"));
        let mut latch = Latch::new();
        assert!(!latch.is_foreign(nat));
        latch.negotiate(public);
        assert!(latch.accept(nat) && !latch.is_foreign(public) && !latch.is_foreign(nat));
        assert!(latch.accept(public) && latch.is_foreign(nat) && !latch.is_foreign(public));
    }

    #[test]
    fn rtcp_comes_from_the_host_of_the_voice() {
        let mut latch = Latch::new();
        latch.negotiate(PRIVATE.parse().expect("address"));
        latch.accept(NAT.parse().expect("address"));
        assert!(latch.accept_rtcp("203.0.113.9:61001".parse().expect("address")));
        assert!(!latch.accept_rtcp("203.0.113.10:61001".parse().expect("address")));
    }
}
