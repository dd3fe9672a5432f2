//! One trunk: its servers, its registration, and the state that follows from both.

use std::net::IpAddr;

use sha2::{Digest, Sha256};
use shared::api::trunks::{ServerReport, TrunkReport};
use shared::model::event::Event;
use shared::model::trunk::{TrunkInfo, TrunkState};
use shared::sip::door::{Network, Peer};
use shared::sip::{Command, Credentials, NameAddr, RegistrationId, Uri};
use shared::time::Timestamp;

use super::health::{Health, Pings};
use super::hunt::Way;
use super::rewrite::Rules;
use super::{Outgoing, identity, ping, secs};
use crate::config::Trunk;

#[derive(Debug)]
pub(super) struct Known {
    pub config: Trunk,
    pub called_in: Rules,
    pub caller_in: Rules,
    caller_out: Rules,
    own: Uri,
    servers: Vec<Server>,
    registration: Option<Registration>,
    state: TrunkState,
    since: Timestamp,
    last_error: Option<String>,
}

#[derive(Debug)]
struct Server {
    uri: Uri,
    health: Health,
}

#[derive(Debug)]
struct Registration {
    id: RegistrationId,
    contact: String,
    until: Option<Timestamp>,
    registrar: Option<IpAddr>,
    route: Option<String>,
    failed: Option<String>,
}

impl Known {
    pub fn new(now: Timestamp, trunk: &Trunk, number: u64, domain: &str) -> Known {
        let pings = (trunk.ping_secs > 0).then(|| Pings {
            every: secs(trunk.ping_secs),
            timeout: secs(trunk.ping_timeout_secs),
            down_after: trunk.ping_down_after.max(1),
            up_after: trunk.ping_up_after.max(1),
        });
        let servers: Vec<Server> = trunk
            .servers
            .iter()
            .filter_map(|text| Some(Server { uri: text.parse().ok()?, health: Health::new(now, pings) }))
            .collect();
        let registration = trunk.register.then(|| Registration {
            id: RegistrationId(number),
            contact: contact_user(trunk),
            until: None,
            registrar: None,
            route: None,
            failed: None,
        });
        let rules = |list| Rules::new(list).unwrap_or_default();
        Known {
            called_in: rules(&trunk.called_in),
            caller_in: rules(&trunk.caller_in),
            caller_out: rules(&trunk.caller_out),
            own: own_address(trunk, servers.first().map(|server| &server.uri), domain),
            servers,
            registration,
            state: TrunkState::Unknown,
            since: now,
            last_error: None,
            config: trunk.clone(),
        }
    }

    pub fn info(&self) -> TrunkInfo {
        let config = &self.config;
        TrunkInfo {
            id: config.id.clone(),
            name: config.name.clone(),
            servers: config.servers.clone(),
            registers: config.register,
            priority: config.priority,
            weight: config.weight,
            max_calls: config.max_calls,
            max_calls_per_sec: config.max_calls_per_sec,
        }
    }

    pub fn registration(&self) -> Option<RegistrationId> {
        self.registration.as_ref().map(|registration| registration.id)
    }

    pub fn is_registration(&self, id: RegistrationId) -> bool {
        self.registration() == Some(id)
    }

    pub fn is_contact(&self, user: &str) -> bool {
        self.registration.as_ref().is_some_and(|registration| registration.contact == user)
    }

    pub fn register(&self) -> Option<Command> {
        let (registration, server) = (self.registration.as_ref()?, self.servers.first()?);
        Some(Command::Register {
            registration: registration.id,
            aor: self.own.clone(),
            registrar: server.uri.clone(),
            contact_user: registration.contact.clone(),
            expires_secs: self.config.register_secs,
            credentials: self.credentials(),
        })
    }

    fn credentials(&self) -> Option<Credentials> {
        let (username, password) = (self.config.username.as_ref()?, self.config.password.as_ref()?);
        Some(Credentials { username: username.clone(), password: password.expose().to_owned() })
    }

    pub fn answered(&mut self, now: Timestamp, ping: u64, status: u16) {
        for server in &mut self.servers {
            if server.health.answered(now, ping, status) && matches!(status, 408 | 503) {
                self.last_error = Some(format!("OPTIONS to {}: {status}", server.uri));
            }
        }
    }

    /// The registration stands. When the registrar's address is new, whom the door is to trust from now on.
    pub fn registered(
        &mut self,
        now: Timestamp,
        expires_secs: u32,
        registrar: Option<IpAddr>,
    ) -> Option<Peer> {
        let registration = self.registration.as_mut()?;
        registration.until = (expires_secs > 0).then(|| now + secs(expires_secs));
        registration.failed = (expires_secs == 0).then(|| "the registration was taken back".into());
        let address = registrar.map(|address| address.to_canonical())?;
        if registration.registrar.replace(address) == Some(address) {
            return None;
        }
        let mut networks = self.config.addresses.clone();
        networks.extend(address.to_string().parse::<Network>().ok());
        let calls_per_sec = self.config.max_calls_in_per_sec;
        Some(Peer { id: self.config.id.to_string(), networks, calls_per_sec })
    }

    /// The proxies that the registrar wants calls out to pass (RFC 3608 §6.1).
    pub fn calls_go_by(&mut self, route: Option<String>) {
        if let Some(registration) = &mut self.registration {
            registration.route = route;
        }
    }

    pub fn registration_failed(&mut self, status: u16, reason: &str) {
        if let Some(registration) = &mut self.registration {
            let reason: String = reason.chars().take(80).collect();
            let words = format!("registration: {status} {reason}");
            self.last_error = Some(words.clone());
            // A refresh that failed is repeated while the binding lasts.
            registration.failed = Some(words);
        }
    }

    pub fn call_failed(&mut self, now: Timestamp, server: usize, status: u16, reason: &str) {
        let Some(server) = self.servers.get_mut(server) else { return };
        let reason: String = reason.chars().take(80).collect();
        self.last_error = Some(format!("call over {}: {status} {reason}", server.uri));
        if matches!(status, 408 | 503) {
            server.health.doubt(now);
        }
    }

    /// A call is sent to a server.
    pub fn called(&mut self, now: Timestamp, server: usize) {
        if let Some(server) = self.servers.get_mut(server) {
            server.health.called(now);
        }
    }

    /// Whether a server does not answer.
    pub fn is_gone(&self, server: usize) -> bool {
        self.servers.get(server).is_some_and(|server| !server.health.state().is_usable())
    }

    pub fn deadline(&self) -> Option<Timestamp> {
        let pings = self.servers.iter().filter_map(|server| server.health.deadline());
        let until = self.registration.as_ref().and_then(|registration| registration.until);
        pings.chain(until).min()
    }

    /// Works off what is due; the pings to send.
    pub fn tick(&mut self, now: Timestamp, next_ping: &mut u64) -> Vec<Command> {
        if let Some(registration) = &mut self.registration
            && registration.until.is_some_and(|until| until <= now)
        {
            registration.until = None;
            registration.failed.get_or_insert_with(|| "the registration has run out".into());
        }
        let mut pings = Vec::new();
        for server in &mut self.servers {
            if server.health.tick(now, *next_ping) {
                pings.push(ping(*next_ping, server.uri.clone()));
                *next_ping += 1;
            }
        }
        pings
    }

    /// The state as it follows from servers and registration; the fact when it changed.
    pub fn settle(&mut self, now: Timestamp) -> Option<Event> {
        let state = self.follows();
        if state.label() == self.state.label() {
            // Down for another reason is still down.
            self.state = state;
            return None;
        }
        self.state = state.clone();
        self.since = now;
        let trunk = self.config.id.clone();
        match state {
            TrunkState::Up => Some(Event::TrunkUp { trunk }),
            TrunkState::Down { reason } => {
                self.last_error.get_or_insert_with(|| reason.clone());
                Some(Event::TrunkDown { trunk, reason })
            }
            TrunkState::Unknown => None,
        }
    }

    fn follows(&self) -> TrunkState {
        if let Some(Registration { until: None, failed, .. }) = &self.registration {
            return match failed {
                Some(reason) => TrunkState::Down { reason: reason.clone() },
                None => TrunkState::Unknown,
            };
        }
        let mut reason = None;
        let mut unknown = self.servers.is_empty();
        for server in &self.servers {
            match server.health.state() {
                TrunkState::Up => return TrunkState::Up,
                TrunkState::Unknown => unknown = true,
                TrunkState::Down { reason: why } => {
                    reason.get_or_insert_with(|| format!("{}: {why}", server.uri));
                }
            }
        }
        match reason {
            // The registrar answers: that is enough where nothing is asked.
            _ if unknown && self.registration.is_some() => TrunkState::Up,
            Some(reason) if !unknown => TrunkState::Down { reason },
            _ => TrunkState::Unknown,
        }
    }

    /// Why it takes no calls now.
    pub fn down(&self) -> Option<&str> {
        match &self.state {
            TrunkState::Down { reason } => Some(reason),
            TrunkState::Unknown | TrunkState::Up => None,
        }
    }

    /// Its servers, without those that are down while others are not. An emergency call tries these too, last.
    pub fn ways(&self, number: &str, emergency: bool) -> Vec<Way> {
        let way = |server| Way {
            trunk: self.config.id.clone(),
            server,
            number: number.to_owned(),
            fail_over_on: self.config.fail_over_on.clone(),
        };
        let usable = |server: &&(usize, &Server)| server.1.health.state().is_usable();
        let all: Vec<(usize, &Server)> = self.servers.iter().enumerate().collect();
        let up: Vec<Way> = all.iter().filter(usable).map(|(place, _)| way(*place)).collect();
        if up.is_empty() || emergency {
            let down = all.iter().filter(|server| !usable(server)).map(|(place, _)| way(*place));
            return up.into_iter().chain(down).collect();
        }
        up
    }

    pub fn outgoing(&self, way: &Way, number: Option<&str>, name: &str) -> Option<Outgoing> {
        let server = &self.servers.get(way.server)?.uri;
        let mut target = server.clone();
        target.user = Some(shared::sip::uri::escape_user(&way.number));
        let shown = number.or(self.config.caller_id.as_deref()).map(|number| self.caller_out.apply(number));
        let told =
            identity::told(&self.own, shown.as_deref(), name, self.config.withhold, self.config.identity);
        let route = self.registration.as_ref().and_then(|registration| registration.route.clone());
        let mut headers = told.headers;
        headers.extend(route.map(|route| ("Route".to_owned(), route)));
        Some(Outgoing {
            to: NameAddr::new(target.to_aor()),
            target,
            from: told.from,
            headers,
            credentials: self.credentials(),
        })
    }

    pub fn report(&self, calls: u32) -> TrunkReport {
        TrunkReport {
            info: self.info(),
            state: self.state.clone(),
            since: self.since,
            last_error: self.last_error.clone(),
            registered_until: self.registration.as_ref().and_then(|registration| registration.until),
            servers: self
                .servers
                .iter()
                .map(|server| ServerReport {
                    address: server.uri.to_string(),
                    state: server.health.state().clone(),
                    since: server.health.since(),
                    round_trip_millis: server.health.round_trip().map(|time| time.as_millis() as u64),
                })
                .collect(),
            calls,
        }
    }
}

/// Our address at the trunk: as configured, else the user name at the first server, else our own domain.
fn own_address(trunk: &Trunk, server: Option<&Uri>, domain: &str) -> Uri {
    if let Some(own) = trunk.address.as_ref().and_then(|text| text.parse().ok()) {
        return own;
    }
    match (trunk.username.as_deref(), server) {
        (Some(username), Some(server)) => {
            let mut own = server.to_aor();
            own.user = Some(shared::sip::uri::escape_user(username));
            own
        }
        // The domain has been checked with the configuration.
        _ => Uri::sip(None, domain).unwrap_or_else(|_| Uri::tel("0")),
    }
}

/// The user part of our contact at the registrar. Calls are known by it, so nobody else may guess it; it stays the same
/// over restarts, so that a binding of an earlier run still leads here.
fn contact_user(trunk: &Trunk) -> String {
    let secret = trunk.password.as_ref().map_or("", |password| password.expose());
    let digest = Sha256::digest(format!("callfloor contact {} {secret}", trunk.id));
    format!("t{}", hex::encode(digest.get(..12).unwrap_or_default()))
}
