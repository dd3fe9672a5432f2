//! The steps of one search (RFC 3263 §4).

use std::net::{IpAddr, SocketAddr};

use rand::Rng;

use super::cache::Key;
use super::record::{self, Answer, Kind};
use super::{Target, Wanted};
use crate::sip::api::Transport;

/// Services, servers and targets that a search follows at most; a domain that has more is served well by these.
const MAX_PLAN: usize = 16;

#[derive(Debug)]
pub(super) struct Search {
    wanted: Wanted,
    /// Transports that may be used, in our order, each with whether there are IPv4 and IPv6 sockets for it.
    usable: Vec<(Transport, bool, bool)>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Naptr,
    /// Service names by transport.
    Srv(Vec<(Transport, String)>),
    /// Servers by transport.
    Hosts(Vec<(Transport, String, u16)>),
}

/// What a step has brought.
pub(super) enum Progress {
    /// Other questions.
    More,
    /// The end.
    Found(Vec<Target>),
}

impl Search {
    pub(super) fn new(wanted: Wanted, own: &[(Transport, bool)]) -> Search {
        let has = |transport, v4| own.contains(&(transport, v4));
        let usable: Vec<_> = [Transport::Udp, Transport::Tcp, Transport::Tls]
            .into_iter()
            .filter(|transport| wanted.transport.is_none_or(|only| only == *transport))
            // RFC 3263 §4.1: sip: does not ask for TLS unless it is said so.
            .filter(|transport| !wanted.secure || transport.is_secure())
            .map(|transport| (transport, has(transport, true), has(transport, false)))
            .filter(|(_, v4, v6)| *v4 || *v6)
            .collect();
        let wanted = Wanted { host: record::name(&wanted.host), ..wanted };
        let mut search = Search { wanted, usable, stage: Stage::Naptr };
        if let Some(port) = search.wanted.port {
            search.stage = search.plain(Some(port));
        } else if search.wanted.transport.is_some() {
            search.stage = search.default_services();
        }
        search
    }

    /// Without NAPTR records: the SRV records of each transport that may be used (§4.1); TLS for `sip:` only when
    /// nothing else is there.
    fn default_services(&self) -> Stage {
        let plain_there = self.usable.iter().any(|(transport, ..)| !transport.is_secure());
        Stage::Srv(
            self.usable
                .iter()
                .map(|(transport, ..)| *transport)
                .filter(|transport| !transport.is_secure() || !plain_there)
                .map(|transport| (transport, record::service_name(transport, &self.wanted.host)))
                .collect(),
        )
    }

    /// The addresses of the host itself (§4.2).
    fn plain(&self, port: Option<u16>) -> Stage {
        let first = self.usable.first().map(|(transport, ..)| *transport);
        Stage::Hosts(
            first
                .map(|transport| {
                    let port = port.unwrap_or(transport.default_port());
                    (transport, self.wanted.host.clone(), port)
                })
                .into_iter()
                .collect(),
        )
    }

    /// None of our sockets would do.
    pub(super) fn is_hopeless(&self) -> bool {
        self.usable.is_empty()
    }

    /// What cannot be done without.
    pub(super) fn needed(&self) -> Vec<Key> {
        match &self.stage {
            Stage::Naptr => vec![(self.wanted.host.clone(), Kind::Naptr)],
            Stage::Srv(services) => services.iter().map(|(_, name)| (name.clone(), Kind::Srv)).collect(),
            Stage::Hosts(hosts) => {
                let mut keys = Vec::new();
                for (transport, host, _) in hosts {
                    for kind in self.families(*transport) {
                        let key = (host.clone(), kind);
                        if !keys.contains(&key) {
                            keys.push(key);
                        }
                    }
                }
                keys
            }
        }
    }

    /// The same, with what will be needed next if things are as usual.
    pub(super) fn questions(&self) -> Vec<Key> {
        let mut keys = self.needed();
        let next = match &self.stage {
            Stage::Naptr => vec![self.default_services(), self.plain(None)],
            Stage::Srv(_) => vec![self.plain(None)],
            Stage::Hosts(_) => Vec::new(),
        };
        for stage in next {
            let foreseen = Search { wanted: self.wanted.clone(), usable: self.usable.clone(), stage };
            keys.extend(foreseen.needed());
        }
        keys
    }

    /// Goes on with the answers to all that was needed; none counts as nothing.
    pub(super) fn step<'a>(
        &mut self,
        known: impl Fn(&Key) -> Option<&'a Answer>,
        random: &mut impl Rng,
    ) -> Progress {
        self.stage = match &self.stage {
            Stage::Naptr => {
                let key = (self.wanted.host.clone(), Kind::Naptr);
                let usable: Vec<Transport> = self.usable.iter().map(|(transport, ..)| *transport).collect();
                let mut services = match known(&key) {
                    Some(Answer::Naptr(records, _)) => record::services(records, self.wanted.secure, &usable),
                    _ => Vec::new(),
                };
                services.truncate(MAX_PLAN);
                if services.is_empty() { self.default_services() } else { Stage::Srv(services) }
            }
            Stage::Srv(services) => {
                let mut hosts = Vec::new();
                for (transport, name) in services {
                    if let Some(Answer::Srv(records, _)) = known(&(name.clone(), Kind::Srv)) {
                        let servers = record::servers(records, random);
                        hosts.extend(servers.into_iter().map(|(host, port)| (*transport, host, port)));
                    }
                }
                hosts.truncate(MAX_PLAN);
                if hosts.is_empty() { self.plain(None) } else { Stage::Hosts(hosts) }
            }
            Stage::Hosts(hosts) => {
                let mut targets: Vec<Target> = Vec::new();
                for (transport, host, port) in hosts {
                    for kind in self.families(*transport) {
                        let Some(Answer::Addresses(addresses, _)) = known(&(host.clone(), kind)) else {
                            continue;
                        };
                        for ip in addresses.iter().filter(|ip| fits(**ip, kind)) {
                            let address = SocketAddr::new(*ip, *port);
                            let target = Target { transport: *transport, address };
                            if !targets.contains(&target) {
                                targets.push(target);
                            }
                        }
                    }
                }
                targets.truncate(MAX_PLAN);
                return Progress::Found(targets);
            }
        };
        Progress::More
    }

    /// IPv6 first, as RFC 7984 §4 and RFC 6724 have it; where there is no route the system says so at once.
    fn families(&self, transport: Transport) -> Vec<Kind> {
        let found = self.usable.iter().find(|(own, ..)| *own == transport);
        let (v4, v6) = found.map_or((false, false), |(_, v4, v6)| (*v4, *v6));
        [(Kind::Aaaa, v6), (Kind::A, v4)].into_iter().filter(|(_, has)| *has).map(|(kind, _)| kind).collect()
    }
}

/// The right family, and an address that somebody can have.
fn fits(ip: IpAddr, kind: Kind) -> bool {
    let family = ip.is_ipv4() == (kind == Kind::A);
    family && !ip.is_unspecified() && !ip.is_multicast()
}
