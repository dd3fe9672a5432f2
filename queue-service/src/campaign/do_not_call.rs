//! Pure: numbers that are not to be called.

use std::collections::BTreeMap;
use std::ops::Bound;

use shared::id::UserId;
use shared::time::Timestamp;

/// Numbers on the list at most; more are refused.
pub const MOST_NUMBERS: usize = 5_000_000;

/// Why a number is on the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Since when.
    pub at: Timestamp,
    /// Who put it there.
    pub by: UserId,
    /// Why.
    pub reason: String,
}

/// The list: a fold of [`shared::model::event::Event::DoNotCallChanged`]. Numbers have the form of the dial plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DoNotCall {
    numbers: BTreeMap<String, Listed>,
}

impl DoNotCall {
    /// Folds one change.
    pub fn apply(&mut self, at: Timestamp, added: &[String], removed: &[String], by: &UserId, reason: &str) {
        for number in removed {
            self.numbers.remove(number);
        }
        for number in added {
            let listed = || Listed { at, by: by.clone(), reason: reason.to_owned() };
            self.numbers.entry(number.clone()).or_insert_with(listed);
        }
    }

    /// Why a number is on the list; none when it may be called.
    pub fn get(&self, number: &str) -> Option<&Listed> {
        self.numbers.get(number)
    }

    /// Numbers after one in their order, at most so many.
    pub fn after(&self, number: &str, limit: usize) -> Vec<(String, Listed)> {
        let range = self.numbers.range::<str, _>((Bound::Excluded(number), Bound::Unbounded));
        range.take(limit).map(|(number, listed)| (number.clone(), listed.clone())).collect()
    }

    /// How many numbers there are.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether nobody is on it.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }
}
