//! Supervision: supervisors who come in, change how they take part, and leave.

use serde::{Deserialize, Serialize};
use shared::audio::mixer::{MAX_PARTIES, Party as Place, Role, Supervision as Hearing};
use shared::id::{LegId, UserId};
use shared::model::call::{EndCause, Supervision, SupervisionMode};
use shared::model::event::Event;
use shared::time::Timestamp;

use super::io::{Granted, Output, Refusal};
use super::machine::{Machine, Phase};

/// A supervisor in the call, or one whose phone rings for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Supervisor {
    pub user: UserId,
    pub leg: LegId,
    pub mode: SupervisionMode,
    /// Since when he is in; none while his phone rings.
    pub joined_at: Option<Timestamp>,
}

impl Supervisor {
    /// His place in the bridge, once he is in.
    pub fn place(&self) -> Option<(LegId, Place)> {
        self.joined_at?;
        let hearing = match self.mode {
            SupervisionMode::Monitor => Hearing::Monitor,
            SupervisionMode::Whisper => Hearing::Whisper,
            SupervisionMode::Barge => Hearing::Barge,
            SupervisionMode::TakeOver => Hearing::TakeOver,
        };
        Some((self.leg, Place::new(Role::Supervisor(hearing))))
    }
}

impl Machine {
    pub(super) fn supervise(
        &mut self,
        now: Timestamp,
        user: UserId,
        mode: SupervisionMode,
        leg: LegId,
    ) -> Result<Granted, Refusal> {
        match &self.phase {
            Phase::Talking(_) => {}
            // Alone with the customer there is nobody to whisper to.
            Phase::TakenOver { .. } => return Err(Refusal::TakenOver),
            Phase::Arrived
            | Phase::Waiting(_)
            | Phase::Recalling(_)
            | Phase::Summoning(_)
            | Phase::Telling(_)
            | Phase::Dialling(_)
            | Phase::Away(_) => {
                return Err(Refusal::NotTalking);
            }
            Phase::Leaving { .. } | Phase::Ended => return Err(Refusal::Ending),
        }
        let other_took_over = self
            .supervisors
            .iter()
            .any(|other| other.user != user && other.mode == SupervisionMode::TakeOver);
        if other_took_over && mode == SupervisionMode::TakeOver {
            return Err(Refusal::TakenOver);
        }
        if let Some(known) = self.supervisors.iter_mut().find(|known| known.user == user) {
            if known.joined_at.is_none() {
                return Err(Refusal::Ringing);
            }
            known.mode = mode;
            return Ok(Granted::Supervision(self.apply_mode(now, &user, mode)));
        }
        if self.supervisors.len() + 2 >= MAX_PARTIES {
            return Err(Refusal::Full);
        }
        self.supervisors.push(Supervisor { user: user.clone(), leg, mode, joined_at: None });
        self.out(Output::RingSupervisor { leg, supervisor: user, mode });
        Ok(Granted::Later)
    }

    /// A supervisor's phone answered; true when the leg was one.
    pub(super) fn supervisor_answered(&mut self, now: Timestamp, leg: LegId) -> bool {
        let Some(known) = self.supervisors.iter_mut().find(|known| known.leg == leg) else {
            return false;
        };
        known.joined_at = Some(now);
        let (user, mode) = (known.user.clone(), known.mode);
        let supervision = self.apply_mode(now, &user, mode);
        self.out(Output::SupervisionAnswer { supervisor: user, result: Ok(supervision) });
        true
    }

    /// A supervisor's phone did not answer.
    pub(super) fn supervisor_failed(&mut self, leg: LegId, status: u16) {
        if let Some(place) = self.supervisors.iter().position(|known| known.leg == leg) {
            let supervisor = self.supervisors.remove(place).user;
            self.out(Output::Drop { leg, elsewhere: false });
            self.out(Output::SupervisionAnswer { supervisor, result: Err(status) });
        }
    }

    /// A supervisor hung up.
    pub(super) fn supervisor_ended(&mut self, now: Timestamp, leg: LegId) {
        if let Some(user) =
            self.supervisors.iter().find(|known| known.leg == leg).map(|known| known.user.clone())
        {
            self.remove_supervisor(now, &user);
        } else {
            // A leg that nobody knows any more: its port must not stay open.
            self.out(Output::Drop { leg, elsewhere: false });
        }
    }

    pub(super) fn end_supervision(&mut self, now: Timestamp, user: &UserId) -> Result<(), Refusal> {
        if !self.supervisors.iter().any(|known| known.user == *user) {
            return Err(Refusal::NotSupervising);
        }
        self.remove_supervisor(now, user);
        Ok(())
    }

    fn remove_supervisor(&mut self, now: Timestamp, user: &UserId) {
        let Some(place) = self.supervisors.iter().position(|known| known.user == *user) else {
            return;
        };
        let supervisor = self.supervisors.remove(place);
        self.out(Output::Drop { leg: supervisor.leg, elsewhere: false });
        self.end_of(&supervisor);
        match &self.phase {
            // He was the only one with the customer.
            Phase::TakenOver { .. } if !self.supervisors.iter().any(|other| other.joined_at.is_some()) => {
                self.end(now, EndCause::SupervisorHungUp);
            }
            Phase::TakenOver { .. } => {
                self.promote_to_take_over();
                self.hear();
            }
            Phase::Arrived
            | Phase::Waiting(_)
            | Phase::Talking(_)
            | Phase::Recalling(_)
            | Phase::Summoning(_)
            | Phase::Telling(_)
            | Phase::Dialling(_)
            | Phase::Away(_)
            | Phase::Leaving { .. } => self.hear(),
            Phase::Ended => {}
        }
    }

    fn end_of(&mut self, supervisor: &Supervisor) {
        let user = supervisor.user.clone();
        if supervisor.joined_at.is_some() {
            self.publish(Event::SupervisionEnded { call: self.arrival.call, supervisor: user });
        } else {
            // RFC 3261 §21.4.25: terminated; the one who asked is told that nothing came of it.
            self.out(Output::SupervisionAnswer { supervisor: user, result: Err(487) });
        }
    }

    pub(super) fn drop_supervisors(&mut self) {
        for supervisor in std::mem::take(&mut self.supervisors) {
            self.out(Output::Drop { leg: supervisor.leg, elsewhere: false });
            self.end_of(&supervisor);
        }
    }

    /// Carries out the mode of a supervisor who is in.
    fn apply_mode(&mut self, now: Timestamp, user: &UserId, mode: SupervisionMode) -> Supervision {
        let held = matches!(&self.phase, Phase::Talking(talking) if talking.held_since.is_some());
        if held && mode == SupervisionMode::TakeOver {
            // He takes over the customer, not the hold music.
            self.set_hold(now, false);
        } else {
            self.hear();
        }
        self.publish(Event::SupervisionChanged { call: self.arrival.call, supervisor: user.clone(), mode });
        Supervision { supervisor: user.clone(), mode, since: now }
    }

    /// The agent has left: the supervisor who talks with the customer has the call now.
    pub(super) fn promote_to_take_over(&mut self) {
        if self
            .supervisors
            .iter()
            .any(|known| known.mode == SupervisionMode::TakeOver && known.joined_at.is_some())
        {
            return;
        }
        let barging =
            |known: &&mut Supervisor| known.mode == SupervisionMode::Barge && known.joined_at.is_some();
        let mut in_call = self.supervisors.iter_mut().filter(|known| known.joined_at.is_some());
        let heir = match in_call.find(barging) {
            Some(heir) => Some(heir),
            None => self.supervisors.iter_mut().find(|known| known.joined_at.is_some()),
        };
        if let Some(heir) = heir {
            heir.mode = SupervisionMode::TakeOver;
            let supervisor = heir.user.clone();
            self.publish(Event::SupervisionChanged {
                call: self.arrival.call,
                supervisor,
                mode: SupervisionMode::TakeOver,
            });
        }
    }

    /// After a transfer a supervisor who had taken over listens on.
    pub(super) fn leave_take_over(&mut self) {
        let call = self.arrival.call;
        let mut changed = Vec::new();
        for known in &mut self.supervisors {
            if known.mode == SupervisionMode::TakeOver {
                known.mode = SupervisionMode::Monitor;
                if known.joined_at.is_some() {
                    changed.push(known.user.clone());
                }
            }
        }
        for supervisor in changed {
            self.publish(Event::SupervisionChanged { call, supervisor, mode: SupervisionMode::Monitor });
        }
    }
}
