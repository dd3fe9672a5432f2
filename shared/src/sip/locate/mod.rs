//! Finding the next hop, RFC 3263: from the host of a URI by NAPTR, SRV, A and AAAA records to a list of transports
//! and addresses, best first.
//!
//! ```text
//!  Find ─► NAPTR ─► SRV of each transport ─► A and AAAA of each server ─► Found
//! ```
//! A pure core with a cache of its own. All questions of a search that can be foreseen are asked at once, and none is
//! waited for longer than [`PATIENCE`]: a dead name server costs one call that much and the calls after it nothing,
//! because a failure is kept for a while too, and records that hold no longer serve until there are better ones.
//! Targets that have just failed come last.

mod avoid;
mod cache;
mod record;
mod search;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

pub use record::{Answer, Kind, Naptr, Srv};

use super::api::Transport;
use crate::time::Timestamp;
use avoid::Avoid;
use cache::{Cache, Key, Known};
use search::{Progress, Search};

/// How long a search waits for an answer that it knows nothing about.
pub const PATIENCE: Duration = Duration::from_secs(2);
/// How long it waits when there is an old answer.
pub const STALE_PATIENCE: Duration = Duration::from_millis(300);

/// Where a request can go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Target {
    /// How.
    pub transport: Transport,
    /// Where.
    pub address: SocketAddr,
}

/// What a URI says about its next hop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// A domain name, never an address literal.
    pub host: String,
    /// The port, when there is one: then only addresses are asked for.
    pub port: Option<u16>,
    /// The transport, when there is one.
    pub transport: Option<Transport>,
    /// `sips:`: nothing but TLS will do.
    pub secure: bool,
}

/// What the locator is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// Find this; answered by [`Output::Found`] with the same number.
    Find(u64, Wanted),
    /// Nobody wants to know any more.
    Forget(u64),
    /// The answer to [`Output::Ask`].
    Answered(u64, Answer),
    /// A target could not be reached, or wants to be left alone for a while.
    Failed(Target, Option<Duration>),
    /// A target has answered.
    Worked(Target),
    /// The deadline passed.
    Tick,
}

/// What the locator wants or has found.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Ask a name server; answered by [`Input::Answered`] with the same number.
    Ask(u64, String, Kind),
    /// Where a request can go, best first; empty when nowhere.
    Found(u64, Vec<Target>),
}

/// One question on its way.
#[derive(Debug)]
struct Asked {
    query: u64,
    give_up_at: Timestamp,
}

/// The pure core.
#[derive(Debug)]
pub struct Locator {
    /// Transports that we have, each with the address families of its sockets.
    own: Vec<(Transport, bool)>,
    random: StdRng,
    cache: Cache,
    avoid: Avoid,
    searches: BTreeMap<u64, Search>,
    asked: HashMap<Key, Asked>,
    by_query: HashMap<u64, Key>,
    last_query: u64,
    outputs: VecDeque<Output>,
}

impl Locator {
    /// `listen` are our own sockets: what they cannot reach is never found. `seed` is for the lots of RFC 2782.
    pub fn new(listen: &[(Transport, SocketAddr)], seed: u64) -> Locator {
        let own: HashSet<_> =
            listen.iter().map(|(transport, address)| (*transport, address.is_ipv4())).collect();
        let mut own: Vec<_> = own.into_iter().collect();
        own.sort_unstable();
        Locator {
            own,
            random: StdRng::seed_from_u64(seed),
            cache: Cache::default(),
            avoid: Avoid::default(),
            searches: BTreeMap::new(),
            asked: HashMap::new(),
            by_query: HashMap::new(),
            last_query: 0,
            outputs: VecDeque::new(),
        }
    }

    /// Takes one input. Drain [`Locator::poll`] afterwards.
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        match input {
            Input::Find(number, wanted) => {
                let search = Search::new(wanted, &self.own);
                if search.is_hopeless() {
                    self.outputs.push_back(Output::Found(number, Vec::new()));
                } else {
                    self.searches.insert(number, search);
                    self.go_on(now, number);
                }
            }
            Input::Forget(number) => self.forget(number),
            Input::Answered(query, answer) => {
                let Some(key) = self.by_query.remove(&query) else { return };
                if self.asked.get(&key).is_some_and(|asked| asked.query == query) {
                    self.asked.remove(&key);
                }
                self.cache.keep(now, key, answer);
                self.go_on_all(now);
            }
            Input::Failed(target, wish) => self.avoid.add(now, target, wish),
            Input::Worked(target) => self.avoid.remove(&target),
            Input::Tick => {}
        }
        self.give_up(now);
    }

    /// [`Input::Forget`], which needs no time.
    pub fn forget(&mut self, number: u64) {
        self.searches.remove(&number);
    }

    /// The next thing to do; `None` when there is no more.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Tick`] is due.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.asked.values().map(|asked| asked.give_up_at).min()
    }

    /// Questions that have waited long enough count as failed; a late answer still comes into the cache.
    fn give_up(&mut self, now: Timestamp) {
        let over: Vec<Key> = self
            .asked
            .iter()
            .filter(|(_, asked)| asked.give_up_at <= now)
            .map(|(key, _)| key.clone())
            .collect();
        if over.is_empty() {
            return;
        }
        for key in over {
            self.asked.remove(&key);
            self.cache.keep(now, key, Answer::Failed);
        }
        self.go_on_all(now);
    }

    fn go_on_all(&mut self, now: Timestamp) {
        let all: Vec<u64> = self.searches.keys().copied().collect();
        for number in all {
            self.go_on(now, number);
        }
    }

    /// Lets a search take all the steps that it can with what is known.
    fn go_on(&mut self, now: Timestamp, number: u64) {
        let Some(mut search) = self.searches.remove(&number) else { return };
        loop {
            let missing: Vec<Key> = search
                .questions()
                .into_iter()
                .filter(|key| !matches!(self.cache.find(now, key), Known::Fresh(_)))
                .collect();
            let waits = search.needed().iter().any(|key| missing.contains(key));
            for key in missing {
                self.ask(now, key);
            }
            if waits {
                self.searches.insert(number, search);
                return;
            }
            let cache = &self.cache;
            let known = |key: &Key| match cache.find(now, key) {
                Known::Fresh(answer) | Known::Stale(answer) => Some(answer),
                Known::Unknown => None,
            };
            if let Progress::Found(mut targets) = search.step(known, &mut self.random) {
                self.avoid.sort(now, &mut targets);
                self.outputs.push_back(Output::Found(number, targets));
                return;
            }
        }
    }

    fn ask(&mut self, now: Timestamp, key: Key) {
        if self.asked.contains_key(&key) {
            return;
        }
        let patience = match self.cache.find(now, &key) {
            Known::Stale(_) => STALE_PATIENCE,
            Known::Fresh(_) | Known::Unknown => PATIENCE,
        };
        self.last_query += 1;
        let query = self.last_query;
        if self.by_query.len() >= MAX_LATE {
            // The driver answers every question some time, so this is only for one that does not.
            self.by_query.retain(|query, key| self.asked.get(key).is_some_and(|asked| asked.query == *query));
        }
        self.by_query.insert(query, key.clone());
        self.outputs.push_back(Output::Ask(query, key.0.clone(), key.1));
        self.asked.insert(key, Asked { query, give_up_at: now + patience });
    }
}

/// Questions without an answer that are remembered after they were given up.
const MAX_LATE: usize = 4096;
