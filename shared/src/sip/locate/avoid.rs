//! Targets that have just failed, so that the next call does not wait for them again.

use std::collections::HashMap;
use std::time::Duration;

use super::Target;
use crate::time::Timestamp;

/// How long a target is tried last; a server that is restarted is back by then.
const AVOID: Duration = Duration::from_secs(30);
/// Longest wish of a 503 that is granted.
const MAX_AVOID: Duration = Duration::from_secs(300);
/// Targets kept at most; further failures are forgotten at once, which costs a wait and nothing else.
const MAX_TARGETS: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Avoid {
    until: HashMap<Target, Timestamp>,
}

impl Avoid {
    /// `wish` is the Retry-After of a 503 (RFC 3261 §21.5.4).
    pub(super) fn add(&mut self, now: Timestamp, target: Target, wish: Option<Duration>) {
        if self.until.len() >= MAX_TARGETS {
            self.until.retain(|_, until| now < *until);
        }
        if self.until.len() < MAX_TARGETS {
            self.until.insert(target, now + wish.unwrap_or(AVOID).min(MAX_AVOID));
        }
    }

    pub(super) fn remove(&mut self, target: &Target) {
        self.until.remove(target);
    }

    /// Puts those to avoid behind the others; they are still better than nothing.
    pub(super) fn sort(&self, now: Timestamp, targets: &mut [Target]) {
        targets.sort_by_key(|target| self.until.get(target).is_some_and(|until| now < *until));
    }
}
