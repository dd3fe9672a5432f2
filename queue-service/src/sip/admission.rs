//! Pure: whether a call may come in, before any call state is made.
//!
//! A call comes by a trunk (its source address is in a trunk's networks) or from a registered account (digest). Each
//! source has a budget of call attempts, each trunk and the whole service a number of calls at once.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use shared::id::{CallId, TrunkId};
use shared::time::Timestamp;

use crate::config::{Network, Trunk};

/// Attempts a second that one source may make in the long run.
const ATTEMPTS_PER_SEC: f64 = 10.0;
/// Attempts that one source may make at once.
const BURST: f64 = 60.0;
/// Sources that are remembered; above it the ones with full budgets are forgotten, then new ones are refused.
const MAX_SOURCES: usize = 20_000;

/// Why a call may not come in, with the SIP status that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Too many attempts from there.
    #[error("too many attempts from this address")]
    Rate,
    /// The trunk's calls are all in use.
    #[error("all calls of this trunk are in use")]
    TrunkFull,
    /// The service's calls are all in use.
    #[error("all calls of the service are in use")]
    ServiceFull,
}

impl Refusal {
    /// 503 (RFC 3261 §21.5.4): come back later, or use another server.
    pub fn status(self) -> u16 {
        503
    }
}

#[derive(Debug, Clone, Copy)]
struct Budget {
    left: f64,
    at: Timestamp,
}

/// Who calls how much.
#[derive(Debug)]
pub struct Admission {
    trunks: Vec<(TrunkId, Vec<Network>, u32)>,
    max_calls: u32,
    budgets: HashMap<IpAddr, Budget>,
    live: HashMap<CallId, Option<TrunkId>>,
}

impl Admission {
    /// For these trunks; `max_calls` at once over all of them.
    pub fn new(trunks: &[Trunk], max_calls: u32) -> Admission {
        let trunks =
            trunks.iter().map(|trunk| (trunk.id.clone(), trunk.addresses.clone(), trunk.max_calls)).collect();
        Admission { trunks, max_calls, budgets: HashMap::new(), live: HashMap::new() }
    }

    /// The trunk that this address belongs to; the first that is configured wins.
    pub fn trunk(&self, source: IpAddr) -> Option<&TrunkId> {
        self.trunks
            .iter()
            .find(|(_, networks, _)| networks.iter().any(|network| network.contains(source)))
            .map(|(trunk, ..)| trunk)
    }

    /// Takes one attempt from the budget of an address that is no trunk.
    ///
    /// # Errors
    /// [`Refusal::Rate`] when the budget is used up.
    pub fn attempt(&mut self, now: Timestamp, source: IpAddr) -> Result<(), Refusal> {
        if self.budgets.len() >= MAX_SOURCES && !self.budgets.contains_key(&source) {
            let full = Duration::from_secs_f64(BURST / ATTEMPTS_PER_SEC);
            self.budgets.retain(|_, budget| now.since(budget.at) < full);
            if self.budgets.len() >= MAX_SOURCES {
                return Err(Refusal::Rate);
            }
        }
        let budget = self.budgets.entry(source).or_insert(Budget { left: BURST, at: now });
        budget.left = (budget.left + now.since(budget.at).as_secs_f64() * ATTEMPTS_PER_SEC).min(BURST);
        budget.at = now;
        if budget.left < 1.0 {
            return Err(Refusal::Rate);
        }
        budget.left -= 1.0;
        Ok(())
    }

    /// Counts a call in.
    ///
    /// # Errors
    /// Which limit is reached.
    pub fn enter(&mut self, call: CallId, trunk: Option<&TrunkId>) -> Result<(), Refusal> {
        if self.live.len() >= self.max_calls as usize {
            return Err(Refusal::ServiceFull);
        }
        if let Some(trunk) = trunk {
            let limit = self.trunks.iter().find(|(id, ..)| id == trunk).map_or(0, |(.., limit)| *limit);
            let used = self.live.values().filter(|live| live.as_ref() == Some(trunk)).count();
            if limit > 0 && used >= limit as usize {
                return Err(Refusal::TrunkFull);
            }
        }
        self.live.insert(call, trunk.cloned());
        Ok(())
    }

    /// Counts a call out.
    pub fn leave(&mut self, call: CallId) {
        self.live.remove(&call);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trunk(id: &str, network: &str, max_calls: u32) -> Trunk {
        let text = format!("id = '{id}'\nname = '{id}'\naddresses = ['{network}']\nmax_calls = {max_calls}");
        toml::from_str(&text).expect("a trunk")
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("address")
    }

    #[test]
    fn a_source_is_the_first_trunk_with_its_network() {
        let admission = Admission::new(&[trunk("a", "203.0.113.7", 0), trunk("b", "203.0.113.0/24", 0)], 10);
        let found = |text| admission.trunk(address(text)).map(TrunkId::as_str);
        assert_eq!(found("203.0.113.7"), Some("a"));
        assert_eq!(found("203.0.113.8"), Some("b"));
        assert_eq!(found("::ffff:203.0.113.8"), Some("b"));
        assert_eq!(found("198.51.100.1"), None);
    }

    #[test]
    fn limits_hold_for_a_trunk_and_for_the_service() {
        let mut admission = Admission::new(&[trunk("a", "203.0.113.0/24", 1)], 2);
        let a = "a".parse().expect("id");
        let call = CallId::from_u64;
        assert_eq!(admission.enter(call(1), Some(&a)), Ok(()));
        assert_eq!(admission.enter(call(2), Some(&a)), Err(Refusal::TrunkFull));
        assert_eq!(admission.enter(call(2), None), Ok(()));
        assert_eq!(admission.enter(call(3), None), Err(Refusal::ServiceFull));
        admission.leave(call(1));
        assert_eq!(admission.enter(call(3), Some(&a)), Ok(()));
    }

    #[test]
    fn a_flood_is_refused_and_forgiven() {
        let mut admission = Admission::new(&[], 10);
        let start = Timestamp::from_secs(1_800_000_000);
        let flood = address("198.51.100.1");
        let granted = (0..1000).filter(|_| admission.attempt(start, flood).is_ok()).count();
        assert_eq!(granted, 60);
        assert_eq!(
            admission.attempt(start, address("198.51.100.2")),
            Ok(()),
            "another source is not touched"
        );
        assert_eq!(admission.attempt(start + Duration::from_secs(1), flood), Ok(()));
    }

    #[test]
    fn the_memory_for_sources_is_bounded() {
        let mut admission = Admission::new(&[], 10);
        let start = Timestamp::from_secs(1_800_000_000);
        for number in 0..30_000_u32 {
            let _ = admission.attempt(start, IpAddr::from(number.to_be_bytes()));
        }
        assert!(admission.budgets.len() <= MAX_SOURCES);
        assert_eq!(admission.attempt(start + Duration::from_secs(60), address("9.9.9.9")), Ok(()));
        assert_eq!(admission.budgets.len(), 1, "those with full budgets were forgotten");
    }
}
