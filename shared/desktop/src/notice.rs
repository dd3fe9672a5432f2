//! Short messages that appear over the window and go by themselves, or stay until they are dismissed.

use std::collections::VecDeque;
use std::time::Duration;

use shared::api::error::ApiError;
use shared::time::Timestamp;

use crate::theme::Tone;

/// At most so many are shown; an older one goes when another comes.
pub const MOST: usize = 4;
const SHORT: Duration = Duration::from_secs(5);
const LONG: Duration = Duration::from_secs(15);

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// For dismissing it.
    pub id: u64,
    /// Good, warning or bad.
    pub tone: Tone,
    /// What happened, one sentence.
    pub title: String,
    /// Why and what to do; may be empty.
    pub detail: String,
    /// When it goes by itself.
    pub until: Timestamp,
}

/// The messages that are shown now, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Notices {
    shown: VecDeque<Notice>,
    last: u64,
}

impl Notices {
    /// Something went well.
    pub fn good(&mut self, now: Timestamp, title: impl Into<String>) {
        self.push(now + SHORT, Tone::Ready, title.into(), String::new());
    }

    /// Something that one should know.
    pub fn warn(&mut self, now: Timestamp, title: impl Into<String>, detail: impl Into<String>) {
        self.push(now + LONG, Tone::WrapUp, title.into(), detail.into());
    }

    /// Something failed.
    pub fn error(&mut self, now: Timestamp, error: &ApiError) {
        self.push(now + LONG, Tone::Away, error.message.clone(), explain(error));
    }

    /// Takes one away.
    pub fn dismiss(&mut self, id: u64) {
        self.shown.retain(|notice| notice.id != id);
    }

    /// Takes away what has been shown long enough.
    pub fn expire(&mut self, now: Timestamp) {
        self.shown.retain(|notice| notice.until > now);
    }

    /// What to show.
    pub fn iter(&self) -> impl Iterator<Item = &Notice> {
        self.shown.iter()
    }

    fn push(&mut self, until: Timestamp, tone: Tone, title: String, detail: String) {
        // The same message again only stays longer.
        self.shown.retain(|notice| notice.title != title || notice.detail != detail);
        self.last += 1;
        self.shown.push_back(Notice { id: self.last, tone, title, detail, until });
        while self.shown.len() > MOST {
            self.shown.pop_front();
        }
    }
}

/// Why it failed and what to do, as sentences.
pub fn explain(error: &ApiError) -> String {
    let mut text = String::new();
    for part in [&error.detail, &error.hint] {
        let part = part.trim().trim_end_matches('.');
        if part.is_empty() {
            continue;
        }
        if !text.is_empty() {
            text.push(' ');
        }
        // An address at the beginning stays as it is.
        let is_address = part.split_whitespace().next().is_some_and(|word| word.contains("://"));
        let mut letters = part.chars();
        if !is_address {
            text.extend(letters.next().into_iter().flat_map(char::to_uppercase));
        }
        text.push_str(letters.as_str());
        text.push('.');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::api::error::ErrorCode;

    #[test]
    fn messages_are_few_not_doubled_and_go_by_themselves() {
        let now = Timestamp::from_secs(100);
        let mut notices = Notices::default();
        for number in 0..6 {
            notices.warn(now, format!("message {number}"), "");
        }
        notices.warn(now, "message 5", "");
        assert_eq!(notices.iter().count(), MOST);
        let first = notices.iter().next().expect("shown").id;
        notices.dismiss(first);
        assert_eq!(notices.iter().count(), MOST - 1);
        notices.expire(now + LONG);
        assert_eq!(notices.iter().count(), 0);
    }

    #[test]
    fn an_error_reads_as_sentences() {
        let error =
            ApiError::new(ErrorCode::Conflict, "Hold failed", "the call has ended", "Choose another call.");
        assert_eq!(explain(&error), "The call has ended. Choose another call.");
        assert_eq!(explain(&ApiError::new(ErrorCode::Conflict, "x", "", "")), "");
        let error = ApiError::new(ErrorCode::Unavailable, "x", "http://a:1: refused", "check it");
        assert_eq!(explain(&error), "http://a:1: refused. Check it.");
    }
}
