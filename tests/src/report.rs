//! Promises: what was promised, whether it held, and what was measured.

use std::fmt::{self, Display};

use serde::Serialize;
use shared::id::CallId;
use shared::time::Timestamp;

use crate::ear::{Ear, GONE_DBFS, Kind};

/// One promise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Promise {
    /// What was promised.
    pub name: String,
    /// Whether it held.
    pub held: bool,
    /// What was measured.
    pub measured: String,
}

/// All promises of one call, or of the whole.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Section {
    /// What it is about.
    pub title: String,
    /// The call, when it is about one.
    pub call: Option<CallId>,
    /// How long it took, in seconds.
    pub secs: f32,
    /// The promises in order.
    pub promises: Vec<Promise>,
}

impl Section {
    /// Without promises yet.
    pub fn new(title: impl Into<String>) -> Section {
        Section { title: title.into(), call: None, secs: 0.0, promises: Vec::new() }
    }

    /// Whether all promises held; a section without any has promised nothing and fails.
    pub fn held(&self) -> bool {
        !self.promises.is_empty() && self.promises.iter().all(|promise| promise.held)
    }

    /// Notes a promise.
    pub fn promise(&mut self, name: impl Into<String>, held: bool, measured: impl Display) {
        self.promises.push(Promise { name: name.into(), held, measured: measured.to_string() });
    }

    /// Notes that two things are equal.
    pub fn equal<T: PartialEq + fmt::Debug>(&mut self, name: impl Into<String>, got: &T, wanted: &T) {
        let measured =
            if got == wanted { format!("{got:?}") } else { format!("{got:?} instead of {wanted:?}") };
        self.promise(name, got == wanted, measured);
    }

    /// Notes that a tone is heard from `from` to `to`, or that it is not.
    pub fn tone(&mut self, name: &str, ear: &Ear, hz: f32, (from, to): (Timestamp, Timestamp), heard: bool) {
        let (held, measured) = match ear.level(hz, from, to) {
            Ok(level) => {
                let held = if heard { level.is_heard() } else { level.is_gone() };
                (
                    held,
                    format!(
                        "{hz:.0} Hz at {:.1} dBFS ({:.1} to {:.1})",
                        level.middle, level.least, level.most
                    ),
                )
            }
            Err(error) => (false, error.to_string()),
        };
        self.promise(name, held, measured);
    }

    /// Notes that a steady tone is not in the music. A note of the music may be near it for a moment, so the level in
    /// the middle counts.
    pub fn under_music(&mut self, name: &str, ear: &Ear, hz: f32, (from, to): (Timestamp, Timestamp)) {
        match ear.level(hz, from, to) {
            Ok(level) => {
                let measured = format!("{hz:.0} Hz at {:.1} dBFS in the middle", level.middle);
                self.promise(name, level.middle < GONE_DBFS, measured);
            }
            Err(error) => self.promise(name, false, error),
        }
    }

    /// Notes what kind of sound it was.
    pub fn kind(&mut self, name: &str, ear: &Ear, (from, to): (Timestamp, Timestamp), wanted: Kind) {
        match ear.kind(from, to) {
            Ok(kind) => self.equal(name, &kind, &wanted),
            Err(error) => self.promise(name, false, error),
        }
    }
}

/// The report of a demonstration.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Whether everything held.
    pub held: bool,
    /// Calls asked for.
    pub calls: u32,
    /// How long all took, in seconds.
    pub secs: f32,
    /// In the order of the calls, then the whole.
    pub sections: Vec<Section>,
}

impl Report {
    /// From its sections.
    pub fn new(calls: u32, secs: f32, sections: Vec<Section>) -> Report {
        let held = !sections.is_empty() && sections.iter().all(Section::held);
        Report { held, calls, secs, sections }
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for section in &self.sections {
            let mark = if section.held() { "ok  " } else { "FAIL" };
            let call = section.call.map(|call| format!(" (call {call})")).unwrap_or_default();
            writeln!(f, "{mark} {}{call}, {:.1} s", section.title, section.secs)?;
            for promise in &section.promises {
                let mark = if promise.held { "ok  " } else { "FAIL" };
                writeln!(f, "       {mark} {}: {}", promise.name, promise.measured)?;
            }
        }
        let promises: Vec<&Promise> = self.sections.iter().flat_map(|section| &section.promises).collect();
        let held = promises.iter().filter(|promise| promise.held).count();
        writeln!(f, "{held} of {} promises held, in {:.0} s.", promises.len(), self.secs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_broken_promise_breaks_the_report() {
        let mut good = Section::new("good");
        good.equal("sum", &2, &2);
        let mut bad = Section::new("bad");
        bad.equal("sum", &3, &2);
        assert!(Report::new(1, 1.0, vec![good.clone()]).held);
        let report = Report::new(2, 1.0, vec![good, bad]);
        assert!(!report.held);
        let text = report.to_string();
        assert!(text.contains("FAIL sum: 3 instead of 2") && text.contains("1 of 2 promises held"), "{text}");
        assert!(!Section::new("empty").held(), "nothing promised is nothing held");
        assert!(!Report::new(0, 0.0, Vec::new()).held);
    }

    #[test]
    fn silence_that_was_never_measured_is_no_silence() {
        let mut section = Section::new("x");
        let at = Timestamp::from_secs;
        section.tone("not heard", &Ear::new(), 440.0, (at(0), at(10)), false);
        assert!(!section.held());
    }
}
