//! Wrap-up of a queue: what must hold for it.

use shared::model::rules::{TIME_OUT_CODE, WrapUpMode};

use super::{Check, Step};
use crate::config::Queue;

impl Check<'_> {
    pub(super) fn wrap_up(&mut self, index: usize, queue: &Queue) {
        let key = |name: &str| path!["queues", index, "wrap_up", name];
        let rules = &queue.wrap_up;
        self.between(key("extend_secs"), rules.extend_secs.into(), 0, 3_600);
        if (rules.extensions > 0) != (rules.extend_secs > 0) {
            let (name, problem) = match rules.extensions {
                0 => ("extensions", "there is time to extend wrap-up by, and no extension is allowed"),
                _ => ("extend_secs", "wrap-up may be extended by no time at all"),
            };
            self.fault(key(name), problem, "extensions and extend_secs together, or none of them");
        }
        let is_timed = matches!(rules.mode, WrapUpMode::TimeBoxed | WrapUpMode::NoEarlyExit);
        if rules.extensions > 0 && !is_timed {
            let allowed = "extensions where the mode is time_boxed or no_early_exit";
            self.fault(key("extensions"), "wrap-up that has no end of its own needs no extension", allowed);
        }
        if rules.code_required && queue.wrap_up_codes.is_empty() {
            self.fault(key("code_required"), "there is no code to choose", "codes in wrap_up_codes");
        }
        for (place, code) in queue.wrap_up_codes.iter().enumerate() {
            if code.id.as_str() == TIME_OUT_CODE {
                let problem = format!("{TIME_OUT_CODE} is written by the service when wrap-up runs out");
                self.fault(path!["queues", index, "wrap_up_codes", place], problem, "another id");
            }
        }
    }
}
