//! Who may come in, decided before anything is remembered about a request.
//!
//! ```text
//!  bytes ─► drops? ─► read ─► belongs to a transaction or dialog? ──yes──► (the sender has proved itself)
//!             │                      │ no
//!             drop                 admit? (budget, agent) ─► judge (method, address, password)
//!                                      │ drop                 │ answer without state, or pass as Caller
//! ```
//!
//! A pure core inside of [`Endpoint`](super::Endpoint). Whatever is not let in costs no transaction, no session and no
//! entry that a flood could multiply: challenges are recognised by their seal ([`digest`](super::digest)), budgets are
//! one number a source in a table with a bound.
//!
//! A source has *proved itself* when it showed something that we sent there: the answer to a challenge, the tag of a
//! dialog, the branch of a request of ours. Nobody can do that under the address of another, so what hurts (a ban, a
//! small budget) is never brought upon a source by a stranger: failures count only when the answer carried a nonce that
//! was given to that very source.

mod ban;
mod budget;
mod config;
mod network;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::time::Duration;

pub use config::{Ban, Caller, Change, Config, Counts, DENIED_AGENTS, Limits, Notice, Peer, Policy};
pub use network::{Network, NetworkError};

use self::ban::{Bans, Strike};
use self::budget::{Budgets, Pace};
use super::api::Flow;
use super::digest::{self, Account};
use super::message::{Method, Request};
use crate::time::Timestamp;

/// What becomes of a request outside of dialogs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Judgement {
    /// It comes in.
    Pass(Caller),
    /// It is answered without keeping anything.
    Answer {
        status: u16,
        reason: &'static str,
        headers: Vec<(String, String)>,
        /// So many wrong passwords from there that it deserves a ban, unless it takes part in a dialog.
        strike: Option<u32>,
    },
}

/// The door of an endpoint.
#[derive(Debug)]
pub(super) struct Door {
    auth: digest::Server,
    accounts: HashMap<String, Account>,
    /// How many of them have MD5.
    with_md5: usize,
    peers: Vec<(Peer, Option<Pace>, Timestamp)>,
    policy: Policy,
    budgets: Budgets,
    bans: Bans,
    hasher: RandomState,
    counts: Counts,
    told: Counts,
    tell_at: Option<Timestamp>,
    /// Taken out after every input.
    notices: VecDeque<Notice>,
}

impl Door {
    /// `seed` feeds the nonces.
    pub(super) fn new(config: Config, seed: u64) -> Door {
        let Config { realm, peers, accounts, policy } = config;
        let mut door = Door {
            auth: digest::Server::new(&realm, seed),
            accounts: HashMap::new(),
            with_md5: 0,
            peers: Vec::new(),
            budgets: Budgets::new(&policy.limits),
            bans: Bans::new(&policy.limits),
            policy: Policy::default(),
            hasher: RandomState::new(),
            counts: Counts::default(),
            told: Counts::default(),
            tell_at: None,
            notices: VecDeque::new(),
        };
        door.set_policy(policy);
        for peer in peers {
            door.set_peer(peer);
        }
        for (username, account) in accounts {
            door.set_account(username, account);
        }
        door
    }

    pub(super) fn change(&mut self, now: Timestamp, change: Change) {
        match change {
            Change::SetPeer(peer) => self.set_peer(peer),
            Change::RemovePeer { id } => self.peers.retain(|(peer, ..)| peer.id != id),
            Change::SetAccount { username, account } => self.set_account(username, account),
            Change::RemoveAccount { username } => self.remove_account(&username),
            Change::SetPolicy(policy) => self.set_policy(policy),
            Change::Ban { source, until } => self.ban(now, source, until, 0),
            Change::Unban { source } => {
                let source = Network::of_source(source);
                if self.bans.lift(source) {
                    self.notices.push_back(Notice::Lifted { source });
                }
            }
            Change::Vouch { source, until } => self.budgets.vouch(now, Network::of_source(source), until),
        }
    }

    fn set_peer(&mut self, peer: Peer) {
        let pace = (peer.calls_per_sec > 0).then(|| Pace::new(peer.calls_per_sec, peer.calls_per_sec));
        match self.peers.iter_mut().find(|(known, ..)| known.id == peer.id) {
            Some(known) => *known = (peer, pace, known.2),
            None => self.peers.push((peer, pace, Timestamp::EPOCH)),
        }
    }

    fn set_account(&mut self, username: String, account: Account) {
        self.remove_account(&username);
        self.with_md5 += usize::from(account.ha1_md5.is_some());
        self.accounts.insert(username, account);
    }

    fn remove_account(&mut self, username: &str) {
        if let Some(old) = self.accounts.remove(username) {
            self.with_md5 -= usize::from(old.ha1_md5.is_some());
        }
    }

    fn set_policy(&mut self, mut policy: Policy) {
        for agent in &mut policy.denied_agents {
            agent.make_ascii_lowercase();
        }
        if policy.limits != self.policy.limits {
            self.budgets.set_limits(&policy.limits);
            self.bans.set_limits(&policy.limits);
        }
        self.policy = policy;
    }

    /// The first peer that the address belongs to.
    fn peer(&self, source: IpAddr) -> Option<usize> {
        self.peers.iter().position(|(peer, ..)| peer.networks.iter().any(|network| network.contains(source)))
    }

    /// Whether nothing from there is wanted at all: it is banned or on a list. A stream can be closed.
    pub(super) fn bars(&mut self, now: Timestamp, flow: Flow) -> bool {
        let address = flow.remote.ip();
        if self.peer(address).is_some() {
            return false;
        }
        let listed = |list: &[Network]| list.iter().any(|network| network.contains(address));
        let barred = self.bans.is_banned(now, Network::of_source(address))
            || listed(&self.policy.denied)
            || (!self.policy.allowed.is_empty() && !listed(&self.policy.allowed));
        if barred {
            self.counts.denied += 1;
            self.count(now);
        }
        barred
    }

    /// Before a message is read: whether it can only be dropped, because of a ban, a list, or a used-up budget.
    pub(super) fn drops(&mut self, now: Timestamp, flow: Flow) -> bool {
        if self.bars(now, flow) {
            return true;
        }
        let address = flow.remote.ip();
        let drops = !self.budgets.is_open(now, Network::of_source(address)) && self.peer(address).is_none();
        if drops {
            self.counts.over_limit += 1;
            self.count(now);
        }
        drops
    }

    /// What belongs to nothing of ours takes from the budget of its source; false drops it without an answer.
    pub(super) fn admit(&mut self, now: Timestamp, flow: Flow) -> bool {
        let address = flow.remote.ip();
        if self.peer(address).is_some() || self.budgets.take(now, Network::of_source(address)) {
            return true;
        }
        self.counts.over_limit += 1;
        self.count(now);
        false
    }

    /// Whether a request outside of dialogs gets no answer because of who made it.
    pub(super) fn ignores(&mut self, now: Timestamp, flow: Flow, request: &Request) -> bool {
        let Some(agent) = request.headers.get("User-Agent") else { return false };
        let agent = agent.to_ascii_lowercase();
        let denied = self.policy.denied_agents.iter().any(|denied| agent.contains(denied.as_str()))
            && self.peer(flow.remote.ip()).is_none();
        if denied {
            self.counts.denied += 1;
            self.count(now);
        }
        denied
    }

    /// Whether the method is not wanted outside of dialogs.
    pub(super) fn forbids(&self, method: &Method) -> bool {
        self.policy.denied_methods.contains(method)
    }

    /// Decides about a request outside of dialogs that would make state.
    pub(super) fn judge(&mut self, now: Timestamp, flow: Flow, request: &Request) -> Judgement {
        self.count(now);
        let register = request.method == Method::Register;
        if let Some((peer, pace, slot)) = self.peer(flow.remote.ip()).and_then(|at| self.peers.get_mut(at))
            && !register
        {
            let too_many =
                request.method == Method::Invite && pace.as_ref().is_some_and(|pace| !pace.take(now, slot));
            if too_many {
                self.counts.refused += 1;
                return answer(503, "Too Many Calls", vec![("Retry-After".into(), "1".into())]);
            }
            self.counts.trusted += 1;
            return Judgement::Pass(Caller::Trusted(peer.id.clone()));
        }
        let address = flow.remote.ip();
        let source = Network::of_source(address);
        let (accounts, bans, hasher) = (&self.accounts, &self.bans, &self.hasher);
        let account = |name: &str| {
            let account = accounts.get(name);
            account.filter(|_| !bans.is_locked(now, source, hasher.hash_one(name)))
        };
        let mut strike = None;
        let mut stale = false;
        match self.auth.check(now, address, request, !register, account) {
            digest::Verdict::Granted { username } => {
                self.counts.authenticated += 1;
                self.bans.forgive(source, self.hasher.hash_one(&username));
                self.budgets.prove(now, source);
                return Judgement::Pass(Caller::Account(username));
            }
            digest::Verdict::Absent => {}
            digest::Verdict::Stale => stale = true,
            digest::Verdict::Wrong { tried } => {
                self.counts.failures += 1;
                strike = match self.bans.strike(now, source, self.hasher.hash_one(&tried)) {
                    Strike::Counted => None,
                    Strike::Out(failures) => Some(failures),
                };
            }
            digest::Verdict::Unsupported => return answer(400, "No username* And No userhash", Vec::new()),
        }
        self.counts.challenged += 1;
        // A realm whose accounts all refuse MD5 does not offer it.
        let md5 = self.with_md5 > 0;
        let headers = self.auth.challenge(now, address, &request.headers, !register, stale, md5);
        Judgement::Answer { status: if register { 401 } else { 407 }, reason: "", headers, strike }
    }

    /// The sender of this took part in a dialog or a transaction, or is called by us.
    pub(super) fn prove(&mut self, now: Timestamp, source: IpAddr) {
        self.budgets.prove(now, Network::of_source(source));
    }

    /// Bans a source for its wrong passwords. Neither trusted peers nor who has proved himself: a phone with a wrong
    /// password must not cut off the office that it stands in.
    pub(super) fn strike_out(&mut self, now: Timestamp, source: IpAddr, failures: u32) {
        if self.peer(source).is_none() && !self.budgets.is_known(now, Network::of_source(source)) {
            self.ban(now, source, self.bans.until(now), failures);
        }
    }

    fn ban(&mut self, now: Timestamp, source: IpAddr, until: Timestamp, failures: u32) {
        let ban = Ban { source: Network::of_source(source), since: now, until, failures };
        if let Some(source) = self.bans.ban(ban.clone()) {
            self.notices.push_back(Notice::Lifted { source });
        }
        self.notices.push_back(Notice::Banned(ban));
    }

    /// Something was counted: it is told within a second.
    fn count(&mut self, now: Timestamp) {
        self.tell_at.get_or_insert(now + TELL_EVERY);
    }

    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.tell_at.into_iter().chain(self.bans.deadline()).min()
    }

    pub(super) fn tick(&mut self, now: Timestamp) {
        while let Some(source) = self.bans.pop_over(now) {
            self.notices.push_back(Notice::Lifted { source });
        }
        if self.tell_at.is_some_and(|at| at <= now) {
            self.tell_at = None;
            if self.counts != self.told {
                self.told = self.counts;
                self.notices.push_back(Notice::Counts(self.counts));
            }
        }
    }

    pub(super) fn poll(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }
}

fn answer(status: u16, reason: &'static str, headers: Vec<(String, String)>) -> Judgement {
    Judgement::Answer { status, reason, headers, strike: None }
}

const TELL_EVERY: Duration = Duration::from_secs(1);
