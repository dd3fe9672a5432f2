//! Trunks: the ways to the telephone network and from it. Pure: events of the endpoint and time in, commands for the
//! endpoint and facts out.
//!
//! - [`plan`]: which numbers may be called and over which trunks; [`rewrite`]: how numbers are written there
//! - [`health`]: OPTIONS pings and who is up; registrations are kept by the endpoint and watched here
//! - [`hunt`]: one call's way from trunk to trunk; [`limits`]: how much is in use
//! - [`identity`]: who calls, from whom it is believed, and whom it is told
//!
//! A call that comes in belongs to a trunk by its source address; the registrar's is added when it has answered. Trunks at
//! one registrar are told apart by the user part of the contact that was registered, which nobody else knows.

pub mod health;
pub mod hunt;
pub mod identity;
#[cfg(test)]
mod identity_tests;
mod known;
pub mod limits;
pub mod plan;
#[cfg(test)]
mod plan_tests;
pub mod rewrite;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use shared::api::trunks::TrunkReport;
use shared::id::{LegId, TrunkId, UserId};
use shared::model::call::Party;
use shared::model::event::Event;
use shared::model::trunk::RouteRecord;
use shared::sip::door::Change;
use shared::sip::{Command, Credentials, Headers, Method, NameAddr, RegistrationId, Uri};
use shared::time::Timestamp;

use self::hunt::{Hunt, Way};
use self::known::Known;
use self::limits::{Limits, TrunkLimit};
use self::plan::{Denied, DialPlan};
use crate::config::{Config, Trunk};

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The answer to [`Command::Request`] of this number.
    Answered {
        /// Its number.
        ping: u64,
        /// The status.
        status: u16,
    },
    /// A registration stands, or was refreshed.
    Registered {
        /// Which.
        registration: RegistrationId,
        /// For so long; 0 when it was taken back.
        expires_secs: u32,
        /// Where the registrar answered from.
        registrar: Option<IpAddr>,
        /// The proxies that its calls out have to pass (RFC 3608), as the value of Route.
        route: Option<String>,
    },
    /// A registration does not stand.
    RegistrationFailed {
        /// Which.
        registration: RegistrationId,
        /// The status.
        status: u16,
        /// The phrase.
        reason: String,
    },
    /// A deadline passed.
    Tick,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// For the endpoint.
    Sip(Command),
    /// A fact.
    Publish(Event),
}

/// An INVITE to a trunk.
#[derive(Debug, Clone, PartialEq)]
pub struct Outgoing {
    /// The Request-URI.
    pub target: Uri,
    /// Who calls.
    pub from: NameAddr,
    /// Who is called.
    pub to: NameAddr,
    /// Identity and privacy.
    pub headers: Vec<(String, String)>,
    /// Answers to the trunk's challenges.
    pub credentials: Option<Credentials>,
}

/// A call that may go out: the ways to try, and the record of the decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    /// The first way is to be tried now.
    pub hunt: Hunt,
    /// Why these.
    pub route: RouteRecord,
}

/// All trunks.
#[derive(Debug)]
pub struct Trunks {
    plan: DialPlan,
    max_tries: u32,
    known: Vec<Known>,
    limits: Limits,
    next_ping: u64,
    random: StdRng,
    outputs: VecDeque<Output>,
}

impl Trunks {
    /// With the trunks of the configuration, which has been checked. The first registrations and pings are among the
    /// outputs.
    pub fn new(now: Timestamp, config: &Config, seed: u64) -> Trunks {
        let limits = config.trunks.iter().map(|trunk| {
            let limit = TrunkLimit { calls: trunk.max_calls, per_second: trunk.max_calls_per_sec };
            (trunk.id.clone(), limit)
        });
        let outbound = &config.outbound;
        let known = config.trunks.iter().zip(1..);
        let mut trunks = Trunks {
            plan: DialPlan::new(outbound, &config.trunks),
            max_tries: outbound.max_tries,
            known: known.map(|(trunk, number)| Known::new(now, trunk, number, &config.sip.domain)).collect(),
            limits: Limits::new(now, limits, outbound.max_calls_per_person, outbound.max_calls_per_minute),
            next_ping: 1,
            random: StdRng::seed_from_u64(seed),
            outputs: VecDeque::new(),
        };
        for known in &trunks.known {
            trunks.outputs.push_back(Output::Publish(Event::TrunkConfigured { trunk: known.info() }));
            trunks.outputs.extend(known.register().map(Output::Sip));
        }
        trunks.handle(now, Input::Tick);
        trunks
    }

    /// Takes what happened.
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        match input {
            Input::Answered { ping, status } => {
                for known in &mut self.known {
                    known.answered(now, ping, status);
                }
            }
            Input::Registered { registration, expires_secs, registrar, route } => {
                if let Some(known) = self.known.iter_mut().find(|known| known.is_registration(registration)) {
                    known.calls_go_by(route);
                    let peer = known.registered(now, expires_secs, registrar);
                    self.outputs.extend(peer.map(|peer| Output::Sip(Command::Door(Change::SetPeer(peer)))));
                }
            }
            Input::RegistrationFailed { registration, status, reason } => {
                if let Some(known) = self.known.iter_mut().find(|known| known.is_registration(registration)) {
                    known.registration_failed(status, &reason);
                }
            }
            Input::Tick => {}
        }
        for known in &mut self.known {
            for target in known.tick(now, &mut self.next_ping) {
                self.outputs.push_back(Output::Sip(target));
            }
            self.outputs.extend(known.settle(now).map(Output::Publish));
        }
    }

    /// Takes the next output; call until `None` after every input.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Tick`] is due.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.known.iter().filter_map(Known::deadline).min()
    }

    /// Takes the registrations back; the service stops.
    pub fn stop(&mut self) {
        let registrations = self.known.iter().filter_map(Known::registration);
        let commands = registrations.map(|registration| Command::Unregister { registration });
        self.outputs.extend(commands.map(Output::Sip));
    }

    /// The trunk whose registered contact was called.
    pub fn of_contact(&self, request_user: &str) -> Option<&TrunkId> {
        self.known.iter().find(|known| known.is_contact(request_user)).map(|known| &known.config.id)
    }

    /// A call that came in by a trunk: who calls, and what was dialled.
    ///
    /// A trunk that registers is called by the contact that it knows; the number is in To then (RFC 3261 §10.2).
    pub fn arrived(
        &self,
        trunk: Option<&TrunkId>,
        from: &NameAddr,
        to: &NameAddr,
        uri: &Uri,
        headers: &Headers,
    ) -> (Party, String) {
        let dialled = uri.user_unescaped().unwrap_or_default();
        let Some(known) = trunk.and_then(|trunk| self.known(trunk)) else {
            return (identity::caller(headers, from, false, &rewrite::Rules::default()), dialled);
        };
        let dialled =
            if known.is_contact(&dialled) { to.uri.user_unescaped().unwrap_or_default() } else { dialled };
        let trusted = known.config.trust_identity;
        (identity::caller(headers, from, trusted, &known.caller_in), known.called_in.apply(&dialled))
    }

    /// Headers of a call by this trunk that the other side may see.
    pub fn passed(&self, trunk: &TrunkId, headers: &Headers) -> Vec<(String, String)> {
        self.known(trunk)
            .map(|known| identity::passed(headers, &known.config.pass_headers))
            .unwrap_or_default()
    }

    /// Counts a call in that came by a trunk.
    ///
    /// # Errors
    /// When all its calls are in use.
    pub fn enter(&mut self, now: Timestamp, leg: LegId, trunk: &TrunkId) -> Result<(), Denied> {
        let limit = self.known(trunk).map_or(0, |known| known.config.max_calls);
        if limit > 0 && self.limits.calls(trunk) >= limit {
            return Err(Denied::Unavailable);
        }
        self.limits.enter(leg, trunk, false);
        self.refill(now);
        Ok(())
    }

    fn refill(&mut self, now: Timestamp) {
        for known in &self.known {
            // Buckets fill as time passes, also while nobody dials.
            let _ = self.limits.full(now, &known.config.id);
        }
    }

    /// A leg is over.
    pub fn leave(&mut self, leg: LegId) {
        self.limits.leave(leg);
    }

    /// Whether a number may be called at all.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, dialled: &str) -> Result<(), Denied> {
        self.plan.check(dialled)
    }

    /// A call to a number outside; the first way is counted in.
    ///
    /// # Errors
    /// Why not, with the record of the decision when it came to one.
    pub fn place(
        &mut self,
        now: Timestamp,
        leg: LegId,
        dialled: &str,
        person: Option<&UserId>,
    ) -> Result<Placed, (Denied, Option<Box<RouteRecord>>)> {
        let unavailable = self.unavailable(now);
        let route = self.plan.route(dialled, &unavailable, &mut self.random)?;
        let ways = route.candidates.iter().flat_map(|candidate| {
            let known = self.known(&candidate.trunk);
            known.map(|known| known.ways(&candidate.number, route.emergency)).unwrap_or_default()
        });
        let ways: Vec<Way> = ways.collect();
        let Some(hunt) = Hunt::new(ways, self.max_tries) else {
            return Err((Denied::Unavailable, Some(Box::new(route))));
        };
        if !route.emergency
            && let Some(person) = person
            && let Err(denied) = self.limits.dial(now, leg, person)
        {
            return Err((denied, Some(Box::new(route))));
        }
        self.limits.enter(leg, &hunt.way().trunk, true);
        Ok(Placed { hunt, route })
    }

    /// The next way of a call is tried; the trunk before is counted out.
    pub fn moved(&mut self, leg: LegId, way: &Way) {
        self.limits.enter(leg, &way.trunk, true);
    }

    /// A leg is carried on under another number, in another call.
    pub fn renamed(&mut self, old: LegId, new: LegId) {
        self.limits.rename(old, new);
    }

    /// An INVITE is sent this way.
    pub fn called(&mut self, now: Timestamp, way: &Way) {
        if let Some(known) = self.known.iter_mut().find(|known| known.config.id == way.trunk) {
            known.called(now, way.server);
        }
        self.handle(now, Input::Tick);
    }

    /// Whether the server of a way does not answer.
    pub fn is_gone(&self, way: &Way) -> bool {
        self.known(&way.trunk).is_some_and(|known| known.is_gone(way.server))
    }

    /// A way did not bring a call through: what is to be said about it, and the server is asked whether it is there.
    pub fn failed(&mut self, now: Timestamp, way: &Way, status: u16, reason: &str) {
        if let Some(known) = self.known.iter_mut().find(|known| known.config.id == way.trunk) {
            known.call_failed(now, way.server, status, reason);
        }
        self.handle(now, Input::Tick);
    }

    /// What to send for a way. `number` is the number to show unless the trunk has its own, `name` the caller's name.
    pub fn outgoing(&self, way: &Way, number: Option<&str>, name: &str) -> Option<Outgoing> {
        self.known(&way.trunk)?.outgoing(way, number, name)
    }

    /// How long a call over a trunk may last; as long as any when there is none.
    pub fn config(&self, trunk: &TrunkId) -> Option<&Trunk> {
        self.known(trunk).map(|known| &known.config)
    }

    /// All trunks now.
    pub fn reports(&self) -> Vec<TrunkReport> {
        self.known.iter().map(|known| known.report(self.limits.calls(&known.config.id))).collect()
    }

    fn known(&self, trunk: &TrunkId) -> Option<&Known> {
        self.known.iter().find(|known| known.config.id == *trunk)
    }

    fn unavailable(&mut self, now: Timestamp) -> BTreeMap<TrunkId, String> {
        let mut unavailable = BTreeMap::new();
        for known in &self.known {
            let id = &known.config.id;
            if let Some(why) = known.down() {
                unavailable.insert(id.clone(), why.to_owned());
            } else if let Some(why) = self.limits.full(now, id) {
                unavailable.insert(id.clone(), why.to_owned());
            }
        }
        unavailable
    }
}

/// An OPTIONS ping.
fn ping(id: u64, target: Uri) -> Command {
    Command::Request {
        id,
        method: Method::Options,
        target,
        flow: None,
        headers: Vec::new(),
        body: None,
        credentials: None,
    }
}

fn secs(secs: u32) -> Duration {
    Duration::from_secs(secs.into())
}
