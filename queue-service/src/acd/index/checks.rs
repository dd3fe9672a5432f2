//! What tests ask of the index: that it is what follows from the facts, and that nobody is overlooked.

use std::collections::BTreeMap;

use shared::time::Timestamp;

use super::super::kind::{Kind, KindId, spot};
use super::super::state::{Acd, Due};
use super::Index;

impl Acd {
    /// Whether an index made anew is the one that the changes have led to.
    pub(in crate::acd) fn check_index(&self) {
        if !self.index.built {
            return;
        }
        let mut again = self.clone();
        again.rebuild();
        let ids = &again.index.ids;
        assert_eq!(again.index.shape(ids), self.index.shape(ids));
    }

    /// The watchdog, without the index: no call waits for which somebody is free.
    pub(in crate::acd) fn check_watch(&self, now: Timestamp) {
        for (call, waiting) in self.waiting.iter().filter(|(_, waiting)| waiting.offers.is_empty()) {
            let kind = waiting.kind();
            for (id, agent) in self.agents.iter().filter(|(_, agent)| agent.is_available()) {
                let may = match &waiting.only {
                    Some(only) => only == id,
                    None => spot(agent, &kind, &self.queues)
                        .is_some_and(|(group, _)| now.since(waiting.since) >= self.delay(&kind.queue, group)),
                };
                assert!(!may, "{call} waits and {id} is free");
            }
        }
    }
}

impl Index {
    /// What has to be the same when it is made anew. Kinds that nobody needs any more are kept for a while; an index made
    /// anew has not got them.
    fn shape(&self, known: &BTreeMap<Kind, KindId>) -> impl PartialEq + std::fmt::Debug {
        let kinds: BTreeMap<_, _> = self
            .kinds
            .values()
            .filter(|it| it.users > 0 || known.contains_key(&it.kind))
            .filter(|it| it.users > 0 || !it.ready.is_empty())
            .map(|known| (known.kind.clone(), (known.users, known.waiting.clone(), known.ready.clone())))
            .collect();
        let calls: Vec<_> = self.calls.iter().map(|(call, it)| (*call, it.key, it.only.clone())).collect();
        let queues: Vec<_> = self
            .queues
            .iter()
            .map(|(id, it)| (id.clone(), it.free.clone(), it.busy.clone(), it.order.clone(), it.waiting))
            .collect();
        let timers: Vec<_> =
            self.timers.iter().filter(|(_, due)| !matches!(due, Due::Look(_))).cloned().collect();
        (kinds, calls, queues, self.only.clone(), self.free.clone(), timers)
    }
}
