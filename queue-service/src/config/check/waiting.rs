//! When a queue takes calls and how long they stay: what must hold for it.

use shared::audio::spoken;
use shared::model::callback::CallbackRules;

use super::{Check, Step};
use crate::acd::hours::Hours;
use crate::config::Queue;
use crate::media::prompt::Prompt;

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
            match to.destination() {
                Some(to) => self.destination(path, queue, &to),
                None if queue.callback.is_none() => {
                    let problem = "the queue makes no callbacks";
                    self.fault(path, problem, "another destination, or a table [queues.callback]");
                }
                None => {}
            }
        }
        if let Some(rules) = &queue.callback {
            self.callback(index, rules);
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
        self.spoken(index, queue);
        if !rules.serve_after_closing && queue.hours.is_empty() && rules.holidays.is_empty() {
            let problem = "the queue never closes";
            self.fault(key("serve_after_closing"), problem, "hours or holidays, or this key left out");
        }
    }

    /// Everything that announcements may have to say is there and can be played.
    fn spoken(&mut self, index: usize, queue: &Queue) {
        let key = |name: &str| path!["queues", index, "waiting", name];
        let rules = &queue.waiting;
        if !rules.says_figures() {
            return;
        }
        let name = if rules.say_position { "say_position" } else { "say_wait" };
        if queue.announcement_every_secs == 0 {
            self.fault(key(name), "there are no announcements", "announcement_every_secs above 0");
        }
        let Some(folder) = &rules.spoken_parts else {
            self.fault(
                key(name),
                "there is nothing to say it with",
                "spoken_parts with the folder of the parts",
            );
            return;
        };
        if !is_name(folder) {
            let allowed = "the name of a folder in prompts.folder";
            self.fault(key("spoken_parts"), format!("{folder:?} is no name of a folder"), allowed);
            return;
        }
        for part in spoken::parts(rules.spoken_language) {
            let file = format!("{folder}/{part}.wav");
            let path = self.config.prompts_folder().map(|prompts| prompts.join(&file));
            if let Err(problem) = path.map_or_else(
                || Err("prompts.folder is not set".to_owned()),
                |path| Prompt::load(&path).map(drop).map_err(|error| words(&error)),
            ) {
                let allowed = format!("a recording of each part; {file:?} is one of them");
                self.fault(key("spoken_parts"), problem, allowed);
                return;
            }
        }
    }

    fn callback(&mut self, index: usize, rules: &CallbackRules) {
        let key = |name: &str| path!["queues", index, "callback", name];
        self.between(key("attempts"), rules.attempts.into(), 1, 10);
        self.between(key("retry_secs"), rules.retry_secs.into(), 10, 604_800);
        self.between(key("ring_secs"), rules.ring_secs.into(), 5, 180);
        self.between(key("expire_secs"), rules.expire_secs.into(), 0, 2_592_000);
        self.between(key("max_open"), rules.max_open.into(), 1, 10_000);
        for (name, prompt) in [("taken", &rules.taken), ("refused", &rules.refused)] {
            if let Some(prompt) = prompt {
                self.prompt(key(name), prompt);
            }
        }
    }
}

/// One step of a path, which leads nowhere else.
fn is_name(name: &str) -> bool {
    let mut steps = std::path::Path::new(name).components();
    matches!((steps.next(), steps.next()), (Some(std::path::Component::Normal(_)), None))
}

fn words(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}
