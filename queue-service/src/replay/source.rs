//! A stretch of the journal, read page by page: what the routing was told, and the facts, in their order.

use shared::api::reports::JournalQuery;
use shared::model::event::{Event, Stamped};
use shared::time::Timestamp;

use crate::acd::Told;
use crate::store::{Journal, StoreError, ToldRow};

/// Rows that are read at once.
const PAGE: u32 = 2_000;

/// Why nothing is replayed.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The journal cannot be read.
    #[error("read the journal: {0}")]
    Store(#[from] StoreError),
    /// The routing's inputs are not in it.
    #[error(
        "find what the routing was told: the journal has nothing of it; only days from this version on are replayed"
    )]
    Empty,
    /// That day is not in it.
    #[error("find the day {day} in the journal: it has {first} to {last}")]
    Day {
        /// The day that was asked for.
        day: String,
        /// The first one there is.
        first: String,
        /// The last one there is.
        last: String,
    },
    /// An input cannot be read.
    #[error("read input {number} of the routing: {source}")]
    Told {
        /// Its number.
        number: u64,
        /// What is wrong.
        source: serde_json::Error,
    },
}

/// One thing in the journal.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "lines are read and used one by one")]
pub enum Line {
    /// What the routing was told.
    Told(Timestamp, Told),
    /// A fact.
    Fact(Stamped),
}

/// Reads a stretch of the journal.
pub struct Source {
    journal: Journal,
    /// The first moment that was asked for; reading begins at a state before it.
    pub from: Timestamp,
    until: Option<Timestamp>,
    told: std::vec::IntoIter<ToldRow>,
    next_told: Option<ToldRow>,
    told_from: u64,
    facts: std::iter::Peekable<std::vec::IntoIter<Stamped>>,
    facts_after: u64,
    ended: bool,
}

impl Source {
    /// From the start of one day to the end of another, each as 2026-03-02; all there is when none is given, and one day
    /// when only the first is.
    ///
    /// # Errors
    /// [`SourceError`].
    pub async fn open(
        journal: Journal,
        from: Option<&str>,
        until: Option<&str>,
    ) -> Result<Source, SourceError> {
        let beginnings = journal.beginnings().await?;
        let (Some(first), Some(last)) = (beginnings.first(), beginnings.last()) else {
            return Err(SourceError::Empty);
        };
        let days = days(&journal).await?;
        let place = |day: &str| {
            days.iter().position(|known| known.0 == day).ok_or_else(|| SourceError::Day {
                day: day.to_owned(),
                first: days.first().map(|known| known.0.clone()).unwrap_or_default(),
                last: days.last().map(|known| known.0.clone()).unwrap_or_default(),
            })
        };
        let mut start = *first;
        let mut end = None;
        let mut since = start.1;
        if let Some(day) = from {
            let here = place(day)?;
            let there = until.map_or(Ok(here), place)?;
            since = days.get(here).map_or(since, |known| known.1);
            end = days.get(there + 1).map(|known| known.1);
            start = begin(&journal, &beginnings, since).await?.unwrap_or(*last);
        }
        let mut source = Source {
            journal,
            from: since,
            until: end,
            told: Vec::new().into_iter(),
            next_told: None,
            told_from: start.0,
            facts: Vec::new().into_iter().peekable(),
            facts_after: 0,
            ended: false,
        };
        source.advance().await?;
        // Facts before the state are not of this stretch.
        source.facts_after = source.next_told.as_ref().map_or(0, |row| row.after);
        Ok(source)
    }

    async fn advance(&mut self) -> Result<(), SourceError> {
        self.next_told = self.told.next();
        if self.next_told.is_none() {
            let page = self.journal.told(self.told_from, PAGE).await?;
            self.told_from = page.last().map_or(self.told_from, |row| row.number + 1);
            self.told = page.into_iter();
            self.next_told = self.told.next();
        }
        Ok(())
    }

    async fn fact(&mut self) -> Result<Option<&Stamped>, SourceError> {
        if self.facts.peek().is_none() {
            let query = JournalQuery { after: self.facts_after, limit: Some(PAGE) };
            let page = self.journal.list(&query).await?;
            self.facts_after = page.last().map_or(self.facts_after, |stamped| stamped.seq);
            self.facts = page.into_iter().peekable();
        }
        Ok(self.facts.peek())
    }

    /// The next line; none at the end.
    ///
    /// # Errors
    /// [`SourceError`].
    pub async fn next(&mut self) -> Result<Option<Line>, SourceError> {
        if self.ended {
            return Ok(None);
        }
        let told_after = self.next_told.as_ref().map(|row| row.after);
        let until = self.until;
        let fact = self.fact().await?;
        let fact_is_first = fact.is_some_and(|fact| told_after.is_none_or(|after| fact.seq <= after));
        let at =
            if fact_is_first { fact.map(|fact| fact.at) } else { self.next_told.as_ref().map(|row| row.at) };
        let Some(at) = at else { return Ok(None) };
        // A day ends with the first input after midnight; facts of what came before it still follow.
        if !fact_is_first && until.is_some_and(|until| at >= until) {
            self.ended = true;
            return Ok(None);
        }
        if fact_is_first {
            return Ok(self.facts.next().map(Line::Fact));
        }
        let Some(row) = self.next_told.take() else { return Ok(None) };
        self.advance().await?;
        let told = serde_json::from_str(&row.told)
            .map_err(|source| SourceError::Told { number: row.number, source })?;
        Ok(Some(Line::Told(row.at, told)))
    }
}

/// The days in the journal with their starts, one each: a day may be told anew by a start of the service.
async fn days(journal: &Journal) -> Result<Vec<(String, Timestamp)>, SourceError> {
    let mut days: Vec<(String, Timestamp)> = Vec::new();
    for stamped in journal.of_kind("day_started", 0, u64::MAX >> 1).await? {
        if let Event::DayStarted { date } = stamped.event
            && days.iter().all(|known| known.0 != date)
        {
            days.push((date, stamped.at));
        }
    }
    Ok(days)
}

/// The state to begin with: the first one of the day when nothing was told of that day before it, else the last one
/// before the day.
async fn begin(
    journal: &Journal,
    beginnings: &[(u64, Timestamp)],
    from: Timestamp,
) -> Result<Option<(u64, Timestamp)>, SourceError> {
    let later = beginnings.iter().find(|(_, at)| *at >= from);
    let earlier = beginnings.iter().rev().find(|(_, at)| *at < from);
    if let (Some(later), Some(_)) = (later, earlier) {
        let before = journal.told(later.0.saturating_sub(1), 1).await?;
        if before.first().is_some_and(|row| row.at < from) {
            return Ok(Some(*later));
        }
    }
    Ok(earlier.or(later).copied())
}
