//! Everything that an ACD was told, so that it can be told again: see [`crate::replay`].
//!
//! [`Witnessed`] is the core with somebody who writes down each call of it that changes something, before it is carried
//! out. It gives the core itself only to look at, so nothing can be told past it: a new way to tell the core something
//! needs a [`Told`] of its own, and a new [`Input`] is written down as it is.

use std::collections::VecDeque;
use std::ops::Deref;

use serde::{Deserialize, Serialize};
use shared::api::agents::WantedStatus;
use shared::id::{AgentId, CodeId, OfferId};
use shared::model::agent::ChangedBy;
use shared::time::Timestamp;

use super::input::{AcdConfig, AcdError, Input, LostRace, Output, Won};
use super::state::Acd;

/// One call of the core.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// An ACD without queues and agents began; everything else is told to it afterwards.
    Started {
        /// Version of the program.
        program: String,
        /// Times that hold for every queue.
        config: AcdConfig,
        /// Of the numbers of offers and of the lots.
        seed: u64,
    },
    /// The whole state at this moment, to begin a replay with. It changes nothing.
    State {
        /// Version of the program.
        program: String,
        /// The ACD.
        acd: Box<Acd>,
    },
    /// [`Acd::handle`].
    Input {
        /// What happened.
        input: Input,
    },
    /// [`Acd::answered`].
    Answered {
        /// The offer.
        offer: OfferId,
    },
    /// [`Acd::set_status`].
    SetStatus {
        /// The agent.
        agent: AgentId,
        /// What he shall be.
        wanted: WantedStatus,
        /// Who says so.
        by: ChangedBy,
    },
    /// [`Acd::end_wrap_up`].
    EndWrapUp {
        /// The agent.
        agent: AgentId,
        /// The code that was chosen.
        code: Option<CodeId>,
        /// The note.
        note: Option<String>,
        /// Who ends it.
        by: ChangedBy,
    },
    /// [`Acd::extend_wrap_up`].
    ExtendWrapUp {
        /// The agent.
        agent: AgentId,
    },
}

impl Told {
    /// Whether a replay can begin here.
    pub fn begins(&self) -> bool {
        matches!(self, Told::Started { .. } | Told::State { .. })
    }
}

impl Acd {
    /// Tells again what was told. The state of the moment is taken as it is when the core has another one.
    pub fn tell(&mut self, now: Timestamp, told: Told) {
        match told {
            Told::Started { config, seed, .. } => *self = Acd::new(config, seed),
            Told::State { acd, .. } => {
                if *self != *acd {
                    *self = *acd;
                }
            }
            Told::Input { input } => self.handle(now, input),
            // What was refused then is refused again, and changes nothing again.
            Told::Answered { offer } => {
                let _ = self.answered(now, offer);
            }
            Told::SetStatus { agent, wanted, by } => {
                let _ = self.set_status(now, &agent, wanted, by);
            }
            Told::EndWrapUp { agent, code, note, by } => {
                let _ = self.end_wrap_up(now, &agent, code, note, by);
            }
            Told::ExtendWrapUp { agent } => {
                let _ = self.extend_wrap_up(now, &agent);
            }
        }
    }

    /// Times that hold for every queue.
    pub fn times(&self) -> AcdConfig {
        self.config
    }

    /// Other times from now on.
    pub fn set_times(&mut self, config: AcdConfig) {
        self.config = config;
        self.rebuild();
    }

    /// What was configured last.
    pub fn configured(&self) -> Input {
        Input::Configure {
            version: self.version,
            queues: self.queues.values().cloned().collect(),
            agents: self.agents.values().map(|agent| agent.info.clone()).collect(),
            breaks: self.breaks.clone(),
        }
    }

    /// The facts without the index, which follows from them.
    fn facts(&mut self) -> Acd {
        let index = std::mem::take(&mut self.index);
        let facts = self.clone();
        self.index = index;
        facts
    }
}

/// The core with a witness.
#[derive(Debug)]
pub struct Witnessed {
    acd: Acd,
    /// None when nobody wants to know.
    told: Option<VecDeque<(Timestamp, Told)>>,
}

impl Deref for Witnessed {
    type Target = Acd;

    fn deref(&self) -> &Acd {
        &self.acd
    }
}

impl Witnessed {
    /// A new core, of which everything is written down from the start.
    pub fn new(now: Timestamp, config: AcdConfig, seed: u64) -> Witnessed {
        let started = Told::Started { program: env!("CARGO_PKG_VERSION").into(), config, seed };
        Witnessed { acd: Acd::new(config, seed), told: Some(VecDeque::from([(now, started)])) }
    }

    /// A core of which nothing is written down.
    pub fn unseen(config: AcdConfig, seed: u64) -> Witnessed {
        Witnessed { acd: Acd::new(config, seed), told: None }
    }

    /// What was told and not taken away yet, oldest first. Take it before the outputs that came of it.
    pub fn take_told(&mut self) -> Option<(Timestamp, Told)> {
        self.told.as_mut()?.pop_front()
    }

    fn note(&mut self, now: Timestamp, told: impl FnOnce() -> Told) {
        if let Some(known) = &mut self.told {
            known.push_back((now, told()));
        }
    }

    /// [`Acd::handle`]. With a new day the whole state is written down too, so that the day can be replayed alone.
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        if input == Input::DayStarted && self.told.is_some() {
            let acd = Box::new(self.acd.facts());
            self.note(now, || Told::State { program: env!("CARGO_PKG_VERSION").into(), acd });
        }
        self.note(now, || Told::Input { input: input.clone() });
        self.acd.handle(now, input);
    }

    /// [`Acd::answered`].
    ///
    /// # Errors
    /// As there.
    pub fn answered(&mut self, now: Timestamp, offer: OfferId) -> Result<Won, LostRace> {
        self.note(now, || Told::Answered { offer });
        self.acd.answered(now, offer)
    }

    /// [`Acd::set_status`].
    ///
    /// # Errors
    /// As there.
    pub fn set_status(
        &mut self,
        now: Timestamp,
        agent: &AgentId,
        wanted: WantedStatus,
        by: ChangedBy,
    ) -> Result<(), AcdError> {
        self.note(now, || Told::SetStatus { agent: agent.clone(), wanted: wanted.clone(), by: by.clone() });
        self.acd.set_status(now, agent, wanted, by)
    }

    /// [`Acd::end_wrap_up`].
    ///
    /// # Errors
    /// As there.
    pub fn end_wrap_up(
        &mut self,
        now: Timestamp,
        agent: &AgentId,
        code: Option<CodeId>,
        note: Option<String>,
        by: ChangedBy,
    ) -> Result<(), AcdError> {
        self.note(now, || Told::EndWrapUp {
            agent: agent.clone(),
            code: code.clone(),
            note: note.clone(),
            by: by.clone(),
        });
        self.acd.end_wrap_up(now, agent, code, note, by)
    }

    /// [`Acd::extend_wrap_up`].
    ///
    /// # Errors
    /// As there.
    pub fn extend_wrap_up(&mut self, now: Timestamp, agent: &AgentId) -> Result<(), AcdError> {
        self.note(now, || Told::ExtendWrapUp { agent: agent.clone() });
        self.acd.extend_wrap_up(now, agent)
    }

    /// Goes on with another core, as after a save.
    #[cfg(test)]
    pub(super) fn replace(&mut self, acd: Acd) {
        self.acd = acd;
    }

    /// [`Acd::poll`].
    pub fn poll(&mut self) -> Option<Output> {
        self.acd.poll()
    }
}
