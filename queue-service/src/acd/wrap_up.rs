//! After a call: wrap-up in its four modes, its code, more time for it.

use std::time::Duration;

use shared::id::{AgentId, CallId, CodeId, QueueId};
use shared::model::agent::{ChangedBy, State};
use shared::model::decision::Trigger;
use shared::model::event::{Event, WrapUpEnd};
use shared::model::queue::QueueInfo;
use shared::model::rules::{TIME_OUT_CODE, WrapUpMode};
use shared::time::Timestamp;

use super::agents::is_own;
use super::input::AcdError;
use super::state::{Acd, LastCall};

/// Longest note in wrap-up, in characters.
const MAX_NOTE_CHARS: usize = 2_000;

impl Acd {
    /// Ends an agent's wrap-up. He becomes idle, or takes his next status. After a call of a queue whose wrap-up is
    /// [optional](WrapUpMode::Optional) it gives that call a code, once, until the agent's next call begins. In one
    /// [without early exit](WrapUpMode::NoEarlyExit) the code is kept, and written when the time is over.
    ///
    /// # Errors
    /// [`AcdError::UnknownAgent`], [`AcdError::NotInWrapUp`], [`AcdError::UnknownCode`], [`AcdError::CodeRequired`],
    /// [`AcdError::NoEarlyExit`], [`AcdError::NoteTooLong`]; the wrap-up goes on then. The last two rules of the queue
    /// hold for the agent himself and not for a supervisor.
    pub fn end_wrap_up(
        &mut self,
        now: Timestamp,
        agent: &AgentId,
        code: Option<CodeId>,
        note: Option<String>,
        by: ChangedBy,
    ) -> Result<(), AcdError> {
        let now = self.advance(now);
        self.work_off(now);
        let known = self.agent(agent)?;
        let (queue, until, is_last) = match (&known.state, &known.last_call) {
            (State::WrapUp { queue, until, .. }, _) => (queue.clone(), *until, None),
            (State::Idle | State::Offered { .. }, Some(last)) => (last.queue.clone(), None, Some(last.call)),
            _ => return Err(AcdError::NotInWrapUp(agent.clone())),
        };
        let info = self.queues.get(&queue);
        check_code(info, &queue, code.as_ref())?;
        let note = note.filter(|note| !note.trim().is_empty());
        let len = note.as_ref().map_or(0, |note| note.chars().count());
        if len > MAX_NOTE_CHARS {
            return Err(AcdError::NoteTooLong { len, max: MAX_NOTE_CHARS });
        }
        if let Some(info) = info
            && is_own(&by, agent)
        {
            if info.wrap_up.code_required && code.is_none() && !info.wrap_up_codes.is_empty() {
                return Err(AcdError::CodeRequired { queue });
            }
            if let Some(until) = until.filter(|_| info.wrap_up.mode == WrapUpMode::NoEarlyExit) {
                if code.is_none() && note.is_none() {
                    return Err(AcdError::NoEarlyExit { queue, left_secs: until.since(now).as_secs() });
                }
                if let Some(agent) = self.agent_mut(agent) {
                    agent.chosen = Some((code, note));
                }
                self.flush(now);
                return Ok(());
            }
        }
        if let Some(call) = is_last {
            if let Some(agent) = self.agent_mut(agent) {
                agent.last_call = None;
            }
            self.publish(Event::CallCoded { call, agent: agent.clone(), code, note });
            self.flush(now);
            return Ok(());
        }
        let how = if code.is_some() || is_own(&by, agent) { WrapUpEnd::Coded } else { WrapUpEnd::Forced };
        self.finish_wrap_up(now, agent, code, note, how);
        self.dispatch(now, Trigger::AgentFree);
        Ok(())
    }

    /// Gives an agent more time for wrap-up, as the queue's rules allow.
    ///
    /// # Errors
    /// [`AcdError::UnknownAgent`], [`AcdError::NotInWrapUp`], and [`AcdError::NoExtension`] when the rules allow none
    /// (any more), or it ends only by the agent anyway.
    pub fn extend_wrap_up(&mut self, now: Timestamp, id: &AgentId) -> Result<(), AcdError> {
        let now = self.advance(now);
        self.work_off(now);
        let agent = self.agent(id)?;
        let State::WrapUp { call, queue, until } = &agent.state else {
            return Err(AcdError::NotInWrapUp(id.clone()));
        };
        let (call, queue, until) = (*call, queue.clone(), *until);
        let rules = self.queues.get(&queue).map(|info| info.wrap_up.clone()).unwrap_or_default();
        let allowed = rules.extend_secs > 0 && agent.extended < rules.extensions;
        let Some(until) = until.filter(|_| allowed) else {
            return Err(AcdError::NoExtension { queue, extensions: rules.extensions });
        };
        let until = until + Duration::from_secs(u64::from(rules.extend_secs));
        if let Some(agent) = self.agent_mut(id) {
            agent.extended += 1;
            if let State::WrapUp { until: known, .. } = &mut agent.state {
                *known = Some(until);
            }
        }
        self.publish(Event::WrapUpExtended { call, agent: id.clone(), until });
        self.flush(now);
        Ok(())
    }

    pub(super) fn release(
        &mut self,
        now: Timestamp,
        call: CallId,
        id: &AgentId,
        queue: &QueueId,
        wrap_up: bool,
    ) {
        let Some(agent) = self.agent_mut(id) else { return };
        if !matches!(&agent.state, State::Talking { call: known, .. } if *known == call) {
            return;
        }
        let talked = now.millis_since(agent.state_since);
        agent.tally.talk_millis += talked;
        agent.tally.busy_millis += talked;
        agent.last_call = None;
        agent.extended = 0;
        agent.chosen = None;
        let due = wrap_up && !agent.removed;
        let info = self.queues.get(queue).filter(|_| due);
        let until = info.and_then(|info| {
            let timed = now + Duration::from_secs(u64::from(info.wrap_up_secs));
            match info.wrap_up.mode {
                WrapUpMode::Optional => None,
                WrapUpMode::Discretionary => Some(None),
                WrapUpMode::TimeBoxed | WrapUpMode::NoEarlyExit => {
                    (info.wrap_up_secs > 0).then_some(Some(timed))
                }
            }
        });
        let is_optional = info.is_some_and(|info| info.wrap_up.mode == WrapUpMode::Optional);
        let Some(agent) = self.agent_mut(id) else { return };
        if let Some(until) = until {
            agent.talked_millis = talked;
            agent.enter(now, State::WrapUp { call, queue: queue.clone(), until });
            self.publish(Event::WrapUpStarted { call, agent: id.clone(), queue: queue.clone(), until });
        } else {
            agent.last_call = is_optional.then(|| LastCall { call, queue: queue.clone() });
            agent.rest(now);
            agent.become_idle(now);
            self.handled(queue, talked);
            self.settle_after_call(now, id);
        }
    }

    /// A call of a queue is done with.
    fn handled(&mut self, queue: &QueueId, millis: u64) {
        if self.queues.contains_key(queue) {
            self.experience.entry(queue.clone()).or_default().handled(millis);
        }
    }

    /// The time for wrap-up is over. Without a code that the agent has chosen, the call gets the code that says so, unless its queue has none to choose from.
    pub(super) fn time_out_wrap_up(&mut self, now: Timestamp, id: &AgentId) {
        let Some(State::WrapUp { queue, .. }) = self.agents.get(id).map(|agent| &agent.state) else { return };
        let queue = queue.clone();
        if let Some((code, note)) = self.agent_mut(id).and_then(|agent| agent.chosen.take()) {
            self.finish_wrap_up(now, id, code, note, WrapUpEnd::Coded);
            return;
        }
        let has_codes = self.queues.get(&queue).is_some_and(|info| !info.wrap_up_codes.is_empty());
        let code = TIME_OUT_CODE.parse().ok().filter(|_| has_codes);
        self.finish_wrap_up(now, id, code, None, WrapUpEnd::TimedOut);
    }

    pub(super) fn finish_wrap_up(
        &mut self,
        now: Timestamp,
        id: &AgentId,
        code: Option<CodeId>,
        note: Option<String>,
        how: WrapUpEnd,
    ) {
        let Some(agent) = self.agent_mut(id) else { return };
        let State::WrapUp { call, queue, .. } = agent.state.clone() else { return };
        let wrap_up_millis = now.millis_since(agent.state_since);
        let handled_millis = agent.talked_millis + wrap_up_millis;
        agent.tally.busy_millis += wrap_up_millis;
        agent.rest(now);
        agent.become_idle(now);
        self.handled(&queue, handled_millis);
        self.publish(Event::WrapUpEnded { call, agent: id.clone(), code, note, how, wrap_up_millis });
        self.settle_after_call(now, id);
    }
}

fn check_code(info: Option<&QueueInfo>, queue: &QueueId, code: Option<&CodeId>) -> Result<(), AcdError> {
    match code {
        Some(code) if !info.is_some_and(|info| info.wrap_up_codes.iter().any(|it| it.id == *code)) => {
            Err(AcdError::UnknownCode { code: code.clone(), queue: queue.clone() })
        }
        _ => Ok(()),
    }
}
