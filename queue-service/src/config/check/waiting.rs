//! When a queue takes calls and how long they stay: what must hold for it.

use super::{Check, Step};
use crate::acd::hours::Hours;
use crate::config::Queue;

/// Holidays of a queue at most.
const MAX_HOLIDAYS: usize = 200;

const KEYS: &str = "0123456789*#";

impl Check<'_> {
    pub(super) fn waiting(&mut self, index: usize, queue: &Queue) {
        let key = |name: &str| path!["queues", index, "waiting", name];
        let rules = &queue.waiting;
        self.between(key("leave_after_secs"), rules.leave_after_secs.into(), 0, 86_400);
        if rules.leave_after_secs > 0 && rules.leave_when_all.is_empty() {
            let problem = "calls leave for no reason after that time";
            self.fault(
                key("leave_after_secs"),
                problem,
                "leave_when_all with the states in which nobody is there",
            );
        }
        self.destination(key("when_empty"), queue, &rules.when_empty);
        for (pressed, to) in &rules.keys {
            let path = path!["queues", index, "waiting", "keys", pressed.to_string().as_str()];
            if !KEYS.contains(*pressed) {
                self.fault(path.clone(), format!("{pressed:?} is no key of a telephone"), "0 to 9, * and #");
            }
            self.destination(path, queue, to);
        }
        if rules.holidays.len() > MAX_HOLIDAYS {
            let problem = format!("there are {}", rules.holidays.len());
            self.fault(key("holidays"), problem, format!("at most {MAX_HOLIDAYS}"));
        }
        for (place, line) in rules.holidays.iter().enumerate() {
            if let Err(error) = Hours::parse(&[], std::slice::from_ref(line), "") {
                let allowed = "12-25, 2026-05-14 or 2026-12-24 14:00-24:00";
                self.fault(path!["queues", index, "waiting", "holidays", place], error.to_string(), allowed);
            }
        }
        if !rules.serve_after_closing && queue.hours.is_empty() && rules.holidays.is_empty() {
            let problem = "the queue never closes";
            self.fault(key("serve_after_closing"), problem, "hours or holidays, or this key left out");
        }
    }
}
