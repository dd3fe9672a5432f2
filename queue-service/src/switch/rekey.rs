//! New SRTP keys for calls that last. The keys of a call may protect 2^48 packets of voice and 2^31 reports (RFC 3711 §9.2,
//! RFC 7714 §14), which is many years; so what counts is age (`media.srtp_rekey_secs`). A re-INVITE brings them; the media
//! takes packets under both keys for a moment, so nobody hears it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use shared::id::{CallId, LegId};
use shared::sdp::Negotiated;
use shared::sdp::crypto::Encryption;
use shared::sip::{Body, Command};
use shared::time::Timestamp;

use super::Switch;
use super::entry::LegState;
use crate::clock;

/// Encrypted legs, each with the time of its next keys. Bounded by the legs that there are.
#[derive(Debug, Default)]
pub(super) struct Rekeys {
    due: BTreeSet<(Timestamp, LegId)>,
    legs: BTreeMap<LegId, Due>,
}

#[derive(Debug)]
struct Due {
    call: CallId,
    at: Timestamp,
    /// The keys so far, while a re-INVITE with new ones is not answered.
    asked: Option<Encryption>,
}

impl Rekeys {
    /// When the next leg is due.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The leg has keys, which are good until then; who has a time keeps it.
    fn begin(&mut self, call: CallId, leg: LegId, at: Timestamp) {
        if let Some(known) = self.legs.get_mut(&leg) {
            known.call = call;
            return;
        }
        self.due.insert((at, leg));
        self.legs.insert(leg, Due { call, at, asked: None });
    }

    /// The leg is gone, or not encrypted any more.
    pub(super) fn end(&mut self, leg: LegId) {
        if let Some(known) = self.legs.remove(&leg) {
            self.due.remove(&(known.at, leg));
        }
    }

    /// The next leg that is due and has answered what it was asked before; all that are due get their next times.
    fn pop(&mut self, now: Timestamp, every: Duration) -> Option<(CallId, LegId)> {
        loop {
            let (at, leg) = self.due.first().copied().filter(|(at, _)| *at <= now)?;
            self.due.remove(&(at, leg));
            let Some(known) = self.legs.get_mut(&leg) else { continue };
            known.at = now + every;
            self.due.insert((known.at, leg));
            if known.asked.is_none() {
                return Some((known.call, leg));
            }
        }
    }

    fn ask(&mut self, leg: LegId, before: Encryption) {
        if let Some(known) = self.legs.get_mut(&leg) {
            known.asked = Some(before);
        }
    }

    /// The re-INVITE has its answer; the keys before it, when there was one.
    pub(super) fn answered(&mut self, leg: LegId) -> Option<Encryption> {
        self.legs.get_mut(&leg)?.asked.take()
    }
}

impl Switch {
    /// Gives what was agreed on to the media, and sees to it that keys do not grow old.
    pub(super) fn connect(&mut self, call: CallId, leg: LegId, negotiated: Negotiated) {
        let every = self.rekey_every();
        match negotiated.keys {
            Some(_) if !every.is_zero() => self.rekeys.begin(call, leg, clock::now() + every),
            Some(_) | None => self.rekeys.end(leg),
        }
        self.media.connect(leg, negotiated);
    }

    fn rekey_every(&self) -> Duration {
        Duration::from_secs(self.config.media.srtp_rekey_secs.into())
    }

    /// Offers new keys to every leg that is due.
    pub(super) fn rekey(&mut self, now: Timestamp) {
        let every = self.rekey_every();
        if every.is_zero() {
            return self.rekeys = Rekeys::default();
        }
        while let Some((call, leg)) = self.rekeys.pop(now, every) {
            let Some(known) = self.calls.get_mut(&call).and_then(|entry| entry.legs.get_mut(&leg)) else {
                self.rekeys.end(leg);
                continue;
            };
            if known.state != LegState::Up {
                continue;
            }
            let before = known.local.encryption.clone();
            known.local.encryption.renew();
            let (session, offer) = (known.session, known.description.offer(&known.local));
            self.rekeys.ask(leg, before);
            self.sip(Command::Reinvite { session, body: Body::sdp(offer) });
        }
    }

    /// A phone refuses new keys: what was agreed on before goes on (RFC 3261 §14.1). True when that was what it refused.
    pub(super) fn keeps_keys(&mut self, call: CallId, leg: LegId, status: u16) -> bool {
        let Some(before) = self.rekeys.answered(leg) else { return false };
        tracing::warn!(%call, %leg, status, "a phone refuses new keys; its voice stays encrypted with the old ones");
        if let Some(known) = self.calls.get_mut(&call).and_then(|entry| entry.legs.get_mut(&leg)) {
            known.local.encryption = before;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;
    use shared::sdp::crypto::Policy;

    use super::*;

    #[test]
    fn keys_are_due_at_their_age_until_the_leg_is_gone() {
        let at = |secs: i64| Timestamp::from_secs(1_000 + secs);
        let (call, every) = (CallId::from_u64(1), Duration::from_secs(60));
        let [first, second] = [1, 2].map(LegId::from_u64);
        let mut rekeys = Rekeys::default();
        rekeys.begin(call, first, at(60));
        rekeys.begin(call, second, at(70));
        rekeys.begin(call, first, at(99));
        assert_eq!(rekeys.deadline(), Some(at(60)), "a further negotiation moves nothing");
        assert_eq!(rekeys.pop(at(59), every), None);
        assert_eq!(rekeys.pop(at(61), every), Some((call, first)));
        assert_eq!(rekeys.pop(at(61), every), None);
        // Who was asked and has not answered keeps the keys from before that question.
        let [old, newer] =
            [1, 2].map(|seed| Encryption::new(Policy::Required, &mut StdRng::seed_from_u64(seed)));
        rekeys.ask(first, old.clone());
        assert_eq!(rekeys.pop(at(125), every), Some((call, second)));
        rekeys.ask(second, newer);
        assert_eq!(rekeys.pop(at(125), every), None);
        assert_eq!(rekeys.answered(first), Some(old));
        assert_eq!((rekeys.answered(first), rekeys.pop(at(186), every)), (None, Some((call, first))));
        rekeys.end(second);
        assert_eq!(rekeys.deadline(), Some(at(246)));
        rekeys.end(first);
        assert_eq!((rekeys.deadline(), rekeys.legs.len()), (None, 0));
    }
}
