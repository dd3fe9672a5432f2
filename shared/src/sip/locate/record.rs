//! What name servers say, and in which order it is meant.

use std::net::IpAddr;

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use crate::sip::api::Transport;

/// Which records of a name are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// Services of a domain (RFC 3403).
    Naptr,
    /// Servers of a service (RFC 2782).
    Srv,
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
}

/// One NAPTR record.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Naptr {
    /// Lower ones come first, strictly.
    pub order: u16,
    /// Lower ones are preferred within the same order.
    pub preference: u16,
    /// `s` for "the replacement has SRV records".
    pub flags: String,
    /// Such as `SIP+D2U`.
    pub service: String,
    /// The name to go on with.
    pub replacement: String,
}

/// One SRV record.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Srv {
    /// Lower ones come first, strictly.
    pub priority: u16,
    /// Share within the same priority.
    pub weight: u16,
    /// Port of the server.
    pub port: u16,
    /// Its name; `.` when the domain has no such service.
    pub target: String,
}

/// What a name server knows of one name and [`Kind`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// NAPTR records and how long they hold, in seconds.
    Naptr(Vec<Naptr>, u32),
    /// SRV records and how long they hold, in seconds.
    Srv(Vec<Srv>, u32),
    /// A or AAAA records and how long they hold, in seconds.
    Addresses(Vec<IpAddr>, u32),
    /// There are none, for that many seconds.
    Nothing(u32),
    /// No name server has answered, or none could.
    Failed,
}

/// The services of a domain that we can use, best first: transport and name for SRV (RFC 3263 §4.1). `secure` leaves
/// only those that fit `sips:`.
pub(super) fn services(records: &[Naptr], secure: bool, usable: &[Transport]) -> Vec<(Transport, String)> {
    let mut found: Vec<(&Naptr, Transport)> = records
        .iter()
        .filter(|record| record.flags.eq_ignore_ascii_case("s") && !is_root(&record.replacement))
        .filter_map(|record| Some((record, transport_of(&record.service)?)))
        .filter(|(_, transport)| usable.contains(transport) && (!secure || transport.is_secure()))
        .collect();
    found.sort_by_key(|(record, _)| (record.order, record.preference));
    found.into_iter().map(|(record, transport)| (transport, name(&record.replacement))).collect()
}

fn transport_of(service: &str) -> Option<Transport> {
    [("SIP+D2U", Transport::Udp), ("SIP+D2T", Transport::Tcp), ("SIPS+D2T", Transport::Tls)]
        .into_iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(service))
        .map(|(_, transport)| transport)
}

/// The name whose SRV records serve a transport (RFC 3263 §4.1).
pub(super) fn service_name(transport: Transport, host: &str) -> String {
    match transport {
        Transport::Udp => format!("_sip._udp.{host}"),
        Transport::Tcp => format!("_sip._tcp.{host}"),
        Transport::Tls => format!("_sips._tcp.{host}"),
    }
}

/// The servers in the order to try them: by priority, and within one by lot, heavier ones more often first
/// (RFC 2782).
pub(super) fn servers(records: &[Srv], random: &mut impl Rng) -> Vec<(String, u16)> {
    let mut left: Vec<&Srv> = records.iter().filter(|record| !is_root(&record.target)).collect();
    // Those of weight 0 stand first among their equals, so that they have a small chance.
    left.sort_by_key(|record| (record.priority, record.weight != 0));
    let mut order = Vec::with_capacity(left.len());
    while let Some(first) = left.first() {
        let equals = left.iter().take_while(|record| record.priority == first.priority);
        let total: u64 = equals.clone().map(|record| u64::from(record.weight)).sum();
        let lot = random.random_range(0..=total);
        let mut sum = 0;
        let mut place = 0;
        for (index, record) in equals.enumerate() {
            sum += u64::from(record.weight);
            place = index;
            if sum >= lot {
                break;
            }
        }
        let chosen = left.remove(place);
        order.push((name(&chosen.target), chosen.port));
    }
    order
}

fn is_root(name: &str) -> bool {
    name.is_empty() || name == "."
}

/// A name as it is asked for: lower case, no dot at the end.
pub(super) fn name(text: &str) -> String {
    text.trim_end_matches('.').to_ascii_lowercase()
}
