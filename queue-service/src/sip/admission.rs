//! Pure: how many calls there may be at once, from each trunk, from each account, and over all.
//!
//! Who may call at all, and how often, is decided before by the door of the SIP endpoint ([`shared::sip::door`]): there nothing has
//! been remembered about a request yet. Calls at once are counted here, because one call has several sessions and the
//! endpoint does not know which ones make up a call.

use std::collections::HashMap;

use shared::id::{CallId, TrunkId};
use shared::sip::door::Caller;

use crate::config::Config;

/// Why a call may not come in, with the SIP status that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The trunk's calls are all in use.
    #[error("all calls of this trunk are in use")]
    TrunkFull,
    /// The account's calls are all in use.
    #[error("all calls of this account are in use")]
    AccountFull,
    /// Nobody asked who calls.
    #[error("the caller is not known")]
    Unknown,
    /// The service's calls are all in use.
    #[error("all calls of the service are in use")]
    ServiceFull,
}

impl Refusal {
    /// 503 (RFC 3261 §21.5.4): come back later, or use another server; 403 for nobody.
    pub fn status(self) -> u16 {
        match self {
            Refusal::TrunkFull | Refusal::AccountFull | Refusal::ServiceFull => 503,
            Refusal::Unknown => 403,
        }
    }
}

/// Who has how many calls.
#[derive(Debug)]
pub struct Admission {
    trunks: HashMap<TrunkId, u32>,
    max_per_account: u32,
    max_calls: u32,
    /// At most `max_calls`.
    live: HashMap<CallId, Caller>,
    by_caller: HashMap<Caller, u32>,
}

impl Admission {
    /// With the limits of this configuration.
    pub fn new(config: &Config) -> Admission {
        Admission {
            trunks: config.trunks.iter().map(|trunk| (trunk.id.clone(), trunk.max_calls)).collect(),
            max_per_account: config.defence.calls_per_account,
            max_calls: config.sip.max_calls,
            live: HashMap::new(),
            by_caller: HashMap::new(),
        }
    }

    /// Counts a call in; says which trunk it comes by.
    ///
    /// # Errors
    /// Which limit is reached.
    pub fn enter(&mut self, call: CallId, caller: &Caller) -> Result<Option<TrunkId>, Refusal> {
        if self.live.len() >= self.max_calls as usize {
            return Err(Refusal::ServiceFull);
        }
        let used = self.by_caller.get(caller).copied().unwrap_or(0);
        let is_full = |limit: u32| limit > 0 && used >= limit;
        let trunk = match caller {
            Caller::Unchecked => return Err(Refusal::Unknown),
            Caller::Account(_) if is_full(self.max_per_account) => return Err(Refusal::AccountFull),
            Caller::Account(_) => None,
            Caller::Trusted(id) => {
                let trunk: TrunkId = id.parse().map_err(|_| Refusal::Unknown)?;
                if is_full(self.trunks.get(&trunk).copied().unwrap_or(0)) {
                    return Err(Refusal::TrunkFull);
                }
                Some(trunk)
            }
        };
        *self.by_caller.entry(caller.clone()).or_insert(0) += 1;
        self.live.insert(call, caller.clone());
        Ok(trunk)
    }

    /// Counts a call out.
    pub fn leave(&mut self, call: CallId) {
        let Some(caller) = self.live.remove(&call) else { return };
        if let Some(used) = self.by_caller.get_mut(&caller) {
            *used = used.saturating_sub(1);
            if *used == 0 {
                self.by_caller.remove(&caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn admission(max_calls: u32) -> Admission {
        let text = format!(
            "[sip]\nmax_calls = {max_calls}\n[defence]\ncalls_per_account = 2\n\
             [[trunks]]\nid = 'a'\nname = 'A'\naddresses = ['203.0.113.0/24']\nmax_calls = 1\n\
             [[trunks]]\nid = 'b'\nname = 'B'\naddresses = ['198.51.100.0/24']\n"
        );
        Admission::new(&Config::parse(&text, Path::new("/tmp/c.toml")).expect("valid"))
    }

    fn trunk(id: &str) -> Caller {
        Caller::Trusted(id.into())
    }

    #[test]
    fn limits_hold_for_a_trunk_and_for_the_service() {
        let mut admission = admission(3);
        let call = CallId::from_u64;
        assert_eq!(admission.enter(call(1), &trunk("a")), Ok(Some("a".parse().expect("id"))));
        assert_eq!(admission.enter(call(2), &trunk("a")), Err(Refusal::TrunkFull));
        assert!(admission.enter(call(2), &trunk("b")).is_ok());
        assert!(admission.enter(call(3), &trunk("b")).is_ok());
        assert_eq!(admission.enter(call(4), &trunk("b")), Err(Refusal::ServiceFull));
        admission.leave(call(1));
        assert!(admission.enter(call(4), &trunk("a")).is_ok());
    }

    #[test]
    fn limits_hold_for_an_account() {
        let mut admission = admission(10);
        let call = CallId::from_u64;
        let (ada, grace) = (Caller::Account("ada".into()), Caller::Account("grace".into()));
        assert_eq!(admission.enter(call(1), &ada), Ok(None));
        assert_eq!(admission.enter(call(2), &ada), Ok(None));
        assert_eq!(admission.enter(call(3), &ada), Err(Refusal::AccountFull));
        assert_eq!(admission.enter(call(3), &grace), Ok(None));
        admission.leave(call(2));
        admission.leave(call(2));
        assert_eq!(admission.enter(call(4), &ada), Ok(None));
        assert_eq!(admission.enter(call(5), &Caller::Unchecked), Err(Refusal::Unknown));
        for number in 1..5 {
            admission.leave(call(number));
        }
        assert!(admission.by_caller.is_empty() && admission.live.is_empty());
    }
}
