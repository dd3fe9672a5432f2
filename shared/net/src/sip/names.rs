//! Asks name servers, one question at a time; what to ask and what to make of it is the endpoint's business
//! ([`shared::sip::locate`]).
//!
//! The resolver library has its own ports and numbers for each question and takes no answer that does not fit them.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::rr::{RData, RecordType};
use shared::sip::locate::{Answer, Kind, Naptr, Srv};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Questions at a time; further ones fail at once, and the endpoint does without for a moment.
const MAX_QUESTIONS: usize = 256;
/// One attempt.
const ATTEMPT: Duration = Duration::from_secs(1);
const ATTEMPTS: usize = 3;
/// After this long every question counts as answered with a failure.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(5);
/// The system's list of name servers changes when a laptop moves.
const READ_SYSTEM_EVERY: Duration = Duration::from_secs(60);
/// For negative answers that do not say how long they hold.
const NEGATIVE_TTL_SECS: u32 = 30;

/// The name servers to ask.
#[derive(Clone)]
pub(super) struct Names {
    /// Empty for those of the system.
    servers: Arc<[SocketAddr]>,
    resolver: Arc<Mutex<Option<(Instant, TokioResolver)>>>,
    permits: Arc<Semaphore>,
}

impl Names {
    pub(super) fn new(servers: &[SocketAddr]) -> Names {
        Names {
            servers: servers.into(),
            resolver: Arc::new(Mutex::new(None)),
            permits: Arc::new(Semaphore::new(MAX_QUESTIONS)),
        }
    }

    /// Asks and always answers, within [`QUESTION_TIMEOUT`].
    pub(super) async fn ask(&self, name: &str, kind: Kind) -> Answer {
        let Ok(_permit) = self.permits.try_acquire() else { return Answer::Failed };
        match timeout(QUESTION_TIMEOUT, self.look_up(name, kind)).await {
            Ok(answer) => answer,
            Err(_) => Answer::Failed,
        }
    }

    async fn look_up(&self, name: &str, kind: Kind) -> Answer {
        let Some(resolver) = self.resolver() else { return by_the_system(name, kind).await };
        let (name, of) = match kind {
            // The dot at the end keeps the search list of the system away, which is for hosts only.
            Kind::Naptr => (format!("{name}."), RecordType::NAPTR),
            Kind::Srv => (format!("{name}."), RecordType::SRV),
            Kind::A => (name.to_owned(), RecordType::A),
            Kind::Aaaa => (name.to_owned(), RecordType::AAAA),
        };
        match resolver.lookup(name.as_str(), of).await {
            Ok(found) => read(&found, kind),
            Err(NetError::Dns(DnsError::NoRecordsFound(none))) => {
                Answer::Nothing(none.negative_ttl.unwrap_or(NEGATIVE_TTL_SECS))
            }
            Err(error) => {
                tracing::debug!(name, %error, "a name server gave no answer");
                Answer::Failed
            }
        }
    }

    /// None when the system names no name servers.
    fn resolver(&self) -> Option<TokioResolver> {
        let mut kept = self.resolver.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((since, resolver)) = kept.as_ref()
            && (!self.servers.is_empty() || since.elapsed() < READ_SYSTEM_EVERY)
        {
            return Some(resolver.clone());
        }
        let made = self.make();
        *kept = made.clone().map(|resolver| (Instant::now(), resolver));
        made
    }

    fn make(&self) -> Option<TokioResolver> {
        let mut builder = if self.servers.is_empty() {
            TokioResolver::builder_tokio().ok()?
        } else {
            let server = |address: &SocketAddr| {
                let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
                let at_port = connections.into_iter().map(|mut connection| {
                    connection.port = address.port();
                    connection
                });
                NameServerConfig::new(address.ip(), true, at_port.collect())
            };
            let config = ResolverConfig::from_name_servers(self.servers.iter().map(server).collect());
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        let options = builder.options_mut();
        options.timeout = ATTEMPT;
        options.attempts = ATTEMPTS;
        // The endpoint keeps answers itself, and knows what to do when they are old.
        options.cache_size = 0;
        builder.build().ok()
    }
}

fn read(found: &Lookup, kind: Kind) -> Answer {
    let ttl = found.answers().iter().map(|record| record.ttl).min().unwrap_or(NEGATIVE_TTL_SECS);
    let data = || found.answers().iter().map(|record| &record.data);
    let answer = match kind {
        Kind::Naptr => {
            let read = |data: &RData| match data {
                RData::NAPTR(naptr) => Some(Naptr {
                    order: naptr.order,
                    preference: naptr.preference,
                    flags: String::from_utf8_lossy(&naptr.flags).into_owned(),
                    service: String::from_utf8_lossy(&naptr.services).into_owned(),
                    replacement: naptr.replacement.to_ascii(),
                }),
                _ => None,
            };
            Answer::Naptr(data().filter_map(read).collect(), ttl)
        }
        Kind::Srv => {
            let read = |data: &RData| match data {
                RData::SRV(srv) => Some(Srv {
                    priority: srv.priority,
                    weight: srv.weight,
                    port: srv.port,
                    target: srv.target.to_ascii(),
                }),
                _ => None,
            };
            Answer::Srv(data().filter_map(read).collect(), ttl)
        }
        Kind::A | Kind::Aaaa => Answer::Addresses(data().filter_map(RData::ip_addr).collect(), ttl),
    };
    match &answer {
        Answer::Naptr(list, _) if list.is_empty() => Answer::Nothing(ttl),
        Answer::Srv(list, _) if list.is_empty() => Answer::Nothing(ttl),
        Answer::Addresses(list, _) if list.is_empty() => Answer::Nothing(ttl),
        _ => answer,
    }
}

/// Where no name server is known the system may still know hosts.
async fn by_the_system(name: &str, kind: Kind) -> Answer {
    if matches!(kind, Kind::Naptr | Kind::Srv) {
        return Answer::Nothing(NEGATIVE_TTL_SECS);
    }
    match tokio::net::lookup_host((name, 0)).await {
        Ok(found) => {
            let wanted = |ip: &IpAddr| ip.is_ipv4() == (kind == Kind::A);
            let addresses: Vec<IpAddr> = found.map(|address| address.ip()).filter(wanted).collect();
            match addresses.is_empty() {
                true => Answer::Nothing(NEGATIVE_TTL_SECS),
                false => Answer::Addresses(addresses, NEGATIVE_TTL_SECS),
            }
        }
        Err(_) => Answer::Failed,
    }
}
