//! The same inputs to the same core: are its facts those of the journal, bit for bit?

use std::collections::VecDeque;
use std::fmt;

use serde::Serialize;
use shared::model::event::{Event, Stamped};
use shared::time::Timestamp;

use crate::acd::{Acd, AcdConfig, Output, Told, words};

/// What was compared.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Same {
    /// Offers with their decision records, all the same.
    pub decisions: u64,
    /// Facts of the routing, offers among them.
    pub facts: u64,
    /// Inputs.
    pub inputs: u64,
    /// States that were compared whole, one a midnight.
    pub states: u64,
    /// Starts of the service.
    pub starts: u64,
    /// Facts that the core gives and that a service which was stopped dead did not get to write.
    pub unwritten: u64,
    /// Another version of the program wrote some of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_version: Option<String>,
}

impl fmt::Display for Same {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} decisions, all the same", self.decisions)?;
        write!(f, " ({} inputs, {} facts of the routing, ", self.inputs, self.facts)?;
        write!(f, "{} starts, {} whole states", self.starts, self.states)?;
        if self.unwritten > 0 {
            write!(f, ", {} facts that an end in mid-work kept from the journal", self.unwritten)?;
        }
        f.write_str(")")
    }
}

/// The first thing that is not the same.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// Decisions before it, all the same.
    pub decisions: u64,
    /// When it was.
    pub at: Timestamp,
    /// Number of the journal's event; none when a whole state differs.
    pub seq: Option<u64>,
    /// What the journal has.
    pub journal: Option<Box<Event>>,
    /// What the core says.
    pub replayed: Option<Box<Event>>,
    /// Another version of the program wrote the journal.
    pub other_version: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let say = |event: &Option<Box<Event>>| match event.as_deref() {
            None => "nothing".to_owned(),
            Some(Event::OfferMade { decision, .. }) => {
                let why = words(decision, ToString::to_string, "UTC");
                format!("an offer of call {} ({why})", decision.call)
            }
            Some(event) => serde_json::to_string(event).unwrap_or_default(),
        };
        write!(f, "after {} decisions that are the same, ", self.decisions)?;
        match self.seq {
            Some(seq) => write!(
                f,
                "event {seq} at {} differs\n  journal: {}\n  replay:  {}",
                self.at,
                say(&self.journal),
                say(&self.replayed)
            )?,
            None => write!(f, "the state of {} is another one", self.at)?,
        }
        if let Some(version) = &self.other_version {
            write!(f, "\n  the journal is of version {version}, this is {}", env!("CARGO_PKG_VERSION"))?;
        }
        Ok(())
    }
}

/// Compares as it goes: tell it each input and each fact in the journal's order.
#[derive(Debug)]
pub struct Check {
    acd: Acd,
    expected: VecDeque<Event>,
    same: Same,
    /// Decisions are counted from then on.
    from: Timestamp,
}

impl Check {
    /// Counts what happens from a moment on; what comes before it is replayed and compared all the same.
    pub fn new(from: Timestamp) -> Check {
        let acd = Acd::new(AcdConfig::default(), 0);
        Check { acd, expected: VecDeque::new(), same: Same::default(), from }
    }

    /// The next input.
    ///
    /// # Errors
    /// A whole state that is not the core's own.
    pub fn told(&mut self, at: Timestamp, told: Told) -> Result<(), Box<Difference>> {
        match &told {
            Told::Started { program, .. } => {
                self.note_version(program);
                self.same.starts += 1;
                // The run before it ended in the middle of its work.
                self.same.unwritten += self.expected.drain(..).filter(is_compared).count() as u64;
            }
            Told::State { program, acd } => {
                self.note_version(program);
                if self.same.inputs > 0 {
                    self.same.states += 1;
                    if self.acd != **acd {
                        return Err(Box::new(self.difference(at, None, None)));
                    }
                }
            }
            _ => self.same.inputs += 1,
        }
        self.acd.tell(at, told);
        while let Some(output) = self.acd.poll() {
            if let Output::Publish(event) = output
                && is_compared(&event)
            {
                self.expected.push_back(event);
            }
        }
        Ok(())
    }

    /// The next fact of the journal.
    ///
    /// # Errors
    /// When the core says something else.
    pub fn fact(&mut self, stamped: &Stamped) -> Result<(), Box<Difference>> {
        if !is_compared(&stamped.event) {
            return Ok(());
        }
        let replayed = self.expected.pop_front();
        if replayed.as_ref() != Some(&stamped.event) {
            return Err(Box::new(self.difference(stamped.at, Some(stamped), replayed)));
        }
        if stamped.at >= self.from {
            self.same.facts += 1;
            self.same.decisions += u64::from(matches!(stamped.event, Event::OfferMade { .. }));
        }
        Ok(())
    }

    /// What was compared.
    pub fn finish(mut self) -> Same {
        self.same.unwritten += self.expected.len() as u64;
        self.same
    }

    /// The floor as it is at the end.
    pub fn acd(&self) -> &Acd {
        &self.acd
    }

    fn note_version(&mut self, program: &str) {
        if program != env!("CARGO_PKG_VERSION") {
            self.same.other_version = Some(program.to_owned());
        }
    }

    fn difference(&self, at: Timestamp, journal: Option<&Stamped>, replayed: Option<Event>) -> Difference {
        Difference {
            decisions: self.same.decisions,
            at,
            seq: journal.map(|stamped| stamped.seq),
            journal: journal.map(|stamped| Box::new(stamped.event.clone())),
            replayed: replayed.map(Box::new),
            other_version: self.same.other_version.clone(),
        }
    }
}

/// Facts that the routing alone tells. What is configured is told by the journal's own start too, when that has changed.
fn is_compared(event: &Event) -> bool {
    matches!(
        event,
        Event::CallQueued { .. }
            | Event::CallLeftQueue { .. }
            | Event::Callback { .. }
            | Event::OfferMade { .. }
            | Event::CallNotOffered { .. }
            | Event::OfferEnded { .. }
            | Event::AgentStatusChanged { .. }
            | Event::AgentNextStatusSet { .. }
            | Event::AgentDeviceChanged { .. }
            | Event::WrapUpStarted { .. }
            | Event::WrapUpExtended { .. }
            | Event::CallCoded { .. }
            | Event::WrapUpEnded { .. }
    )
}
