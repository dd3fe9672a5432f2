//! REFER: a phone sends its call elsewhere, or joins its two calls (RFC 3515, RFC 3891 §4, RFC 5589).
//!
//! Both calls of an attended transfer end here, so no INVITE with Replaces is needed: the leg of the one who was consulted
//! moves into the bridge of the call that goes on, and a re-INVITE tells his phone the new port.

use rand::Rng;
use shared::audio::mixer::Role;
use shared::id::{AgentId, CallId, LegId};
use shared::model::event::TransferTarget;
use shared::sip::{Body, Command, SessionId, Uri};
use shared::time::Timestamp;

use crate::call::io::{Input, LegEnd};
use crate::call::join::{Joining, Place, Weight};
use crate::call::talk::{DECLINED, FORBIDDEN};
use crate::sip::trunk::plan::Denied;

use super::entry::{Entry, LegState};
use super::{Switch, Work};

/// One of the two calls that a person joins.
#[derive(Clone, Copy)]
struct Side {
    call: CallId,
    leg: LegId,
}

impl Switch {
    /// A phone asks for a transfer; `other` is the session of its own that it names by Replaces.
    pub(super) fn referred(
        &mut self,
        now: Timestamp,
        session: SessionId,
        refer_to: &Uri,
        other: Option<SessionId>,
    ) {
        let Some((call, leg)) = self.sessions.get(&session).copied() else { return };
        if refer_to.replaces().is_none() {
            let target = self.transfer_target(refer_to);
            self.work.push_back(Work::Call(call, Input::LegRefer { leg, target }));
            return;
        }
        let other = other.and_then(|session| self.sessions.get(&session)).copied();
        let answer = match other {
            Some((into, other)) if into != call => {
                self.attended(now, Side { call, leg }, Side { call: into, leg: other })
            }
            // As a blind transfer it would ring somebody who is talking already.
            _ => Err(DECLINED),
        };
        if let Err(status) = answer {
            tracing::info!(%call, status, "an attended transfer was refused");
            self.answer_refer(call, leg, status);
        }
    }

    /// Joins the call that asks with the other one, whichever of them goes on.
    fn attended(&mut self, now: Timestamp, asks: Side, other: Side) -> Result<(), u16> {
        let (first, second) = (self.place(asks), self.place(other));
        match (first.ok_or(DECLINED)?, second.ok_or(DECLINED)?) {
            (Place::Talks { weight, .. }, Place::Talks { weight: others, .. }) => {
                let (stays, goes) = if others > weight { (other, asks) } else { (asks, other) };
                if weight.max(others) == Weight::None {
                    return Err(FORBIDDEN);
                }
                self.join(now, asks, stays, goes)
            }
            // Nobody has answered the second call: the first one goes where that one is going (RFC 5589 §7.6).
            (Place::Talks { weight, .. }, Place::Waits(target)) => {
                if weight <= Weight::Called {
                    return Err(FORBIDDEN);
                }
                // Without a queue there is no place for a colleague to take it from.
                if weight < Weight::Customer && matches!(target, TransferTarget::Agent { .. }) {
                    return Err(DECLINED);
                }
                self.leave(now, other, asks.call);
                self.work
                    .push_back(Work::Call(asks.call, Input::LegRefer { leg: asks.leg, target: Ok(target) }));
                Ok(())
            }
            (Place::Waits(_), _) => Err(DECLINED),
        }
    }

    fn place(&self, side: Side) -> Option<Place> {
        self.calls.get(&side.call)?.machine.place_of(side.leg)
    }

    /// Moves who is with him in `goes` into his place in `stays`.
    fn join(&mut self, now: Timestamp, asks: Side, stays: Side, goes: Side) -> Result<(), u16> {
        let (Some(Place::Talks { weight, .. }), Some(Place::Talks { other: mut guest, .. })) =
            (self.place(stays), self.place(goes))
        else {
            return Err(DECLINED);
        };
        let is_up = |entry: &Entry| entry.legs.get(&guest.leg).is_some_and(|leg| leg.state == LegState::Up);
        if !self.calls.get(&goes.call).is_some_and(is_up) {
            return Err(DECLINED);
        }
        let guest_leg = LegId::new(now, self.random.next_u32());
        let role = if weight == Weight::Called { Role::Customer } else { Role::Agent };
        let local = self.open_port(stays.call, guest_leg, role).ok_or(503_u16)?;
        let moved = self.calls.get_mut(&goes.call).and_then(|entry| entry.legs.remove(&guest.leg));
        let Some(mut moved) = moved else {
            self.media.close_port(guest_leg);
            return Err(DECLINED);
        };
        tracing::info!(call = %stays.call, other = %goes.call, "two calls of one person are joined");
        // He hears how it went before his legs are gone.
        self.answer_refer(asks.call, asks.leg, 202);
        self.media.close_port(guest.leg);
        self.trunks.renamed(guest.leg, guest_leg);
        moved.local = local;
        moved.held = false;
        let (session, offer) = (moved.session, moved.description.offer(&moved.local));
        self.sessions.insert(session, (stays.call, guest_leg));
        if let Some(agent) = &guest.agent {
            guest.party.name = self.agent_name(agent).unwrap_or_default();
        }
        let takes = guest.agent.as_ref().is_some_and(|agent| self.acd.may_take(agent, goes.call));
        if let Some(entry) = self.calls.get_mut(&stays.call) {
            entry.legs.insert(guest_leg, moved);
            entry.machine.join(now, Joining { leg: stays.leg, other: goes.call, guest, guest_leg, takes });
        }
        self.act(now, stays.call);
        self.sip(Command::Reinvite { session, body: Body::sdp(offer) });
        self.leave(now, goes, stays.call);
        Ok(())
    }

    fn leave(&mut self, now: Timestamp, goes: Side, into: CallId) {
        if let Some(entry) = self.calls.get_mut(&goes.call) {
            entry.machine.leave_for(now, goes.leg, into);
        }
        self.act(now, goes.call);
    }

    /// A phone does not take the port of the call that it was joined to: it is as good as gone there.
    pub(super) fn not_moved(&mut self, session: SessionId, status: u16) {
        if let Some((call, leg)) = self.sessions.get(&session).copied() {
            if self.keeps_keys(call, leg, status) {
                return;
            }
            tracing::warn!(%call, %leg, status, "a phone refuses the port of the call that it was joined to");
            self.work.push_back(Work::Call(call, Input::LegEnded { leg, how: LegEnd::Lost }));
        }
    }

    fn agent_name(&self, agent: &AgentId) -> Option<String> {
        self.config.agents.iter().find(|known| known.id == *agent).map(|known| known.name.clone())
    }

    /// What an address in Refer-To means: a number or the name of a queue, an agent, or a number outside that may be
    /// called. The host does not matter: whatever a phone asks for goes by the dial plan.
    ///
    /// # Errors
    /// The SIP status for the one who asks: 403 when the dial plan forbids the number, 603 when there is no such place.
    pub(super) fn transfer_target(&self, uri: &Uri) -> Result<TransferTarget, u16> {
        let user = uri.user_unescaped().ok_or(DECLINED)?;
        if let Some(queue) = self.queue_of(&user) {
            return Ok(TransferTarget::Queue { queue });
        }
        if let Some(queue) = self.config.queues.iter().find(|queue| queue.id.as_str() == user) {
            return Ok(TransferTarget::Queue { queue: queue.id.clone() });
        }
        let agent = user.parse::<AgentId>().ok();
        if let Some(agent) = agent.filter(|agent| self.agent_name(agent).is_some()) {
            return Ok(TransferTarget::Agent { agent });
        }
        match self.trunks.check(&user) {
            Ok(()) => Ok(TransferTarget::Number { number: user }),
            Err(Denied::NotAllowed) => Err(FORBIDDEN),
            Err(_) => Err(DECLINED),
        }
    }
}
