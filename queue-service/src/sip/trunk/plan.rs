//! The dial plan: which numbers may be called, and which trunks a number is tried over.
//!
//! Nothing may be called that is not allowed (toll fraud): `[outbound] allow` and `deny`, then those of the trunk; of
//! two beginnings that fit the longer one decides. Emergency numbers pass all of that.

use std::collections::BTreeMap;

use rand::{Rng, RngExt};
use shared::id::TrunkId;
use shared::model::trunk::{RouteCandidate, RouteExcluded, RouteRecord};

use super::rewrite::Rules;
use crate::config::{Outbound, Trunk};

/// Longest number that may be dialled.
const MAX_DIALLED: usize = 32;

/// Why a number may not be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Not digits.
    #[error("this is no telephone number")]
    NotANumber,
    /// Not in a list of numbers that may be called.
    #[error("calls to this number are not allowed")]
    NotAllowed,
    /// No trunk that takes calls out.
    #[error("no trunk leads to this number")]
    NoTrunk,
    /// All trunks for it are down or full.
    #[error("all trunks to this number are down or in use")]
    Unavailable,
    /// The person has too many calls, or places them too fast.
    #[error("too many calls by this person")]
    TooMany,
}

impl Denied {
    /// What the caller gets: 404, 403 and 503 (RFC 3261 §21.4.5, §21.4.4, §21.5.4).
    pub fn status(self) -> u16 {
        match self {
            Denied::NotANumber | Denied::NoTrunk => 404,
            Denied::NotAllowed => 403,
            Denied::Unavailable | Denied::TooMany => 503,
        }
    }
}

/// Where a number goes.
#[derive(Debug, Clone)]
pub struct DialPlan {
    rewrite: Rules,
    permits: Lists,
    emergency: Vec<String>,
    trunks: Vec<Way>,
}

#[derive(Debug, Clone)]
struct Way {
    id: TrunkId,
    priority: u16,
    weight: u16,
    permits: Lists,
    called_out: Rules,
    leads_out: bool,
}

#[derive(Debug, Clone)]
struct Lists {
    allow: Vec<String>,
    deny: Vec<String>,
}

impl Lists {
    /// The longest beginning that fits decides; as long ones, the denial.
    fn permits(&self, number: &str) -> bool {
        let longest = |list: &[String]| {
            let fitting = list.iter().filter(|prefix| number.starts_with(prefix.as_str()));
            fitting.map(|prefix| prefix.len()).max()
        };
        match (longest(&self.allow), longest(&self.deny)) {
            (Some(allowed), Some(denied)) => allowed > denied,
            (allowed, _) => allowed.is_some(),
        }
    }
}

impl DialPlan {
    /// From the configuration, which has been checked: a rule that cannot be read is no rule.
    pub fn new(outbound: &Outbound, trunks: &[Trunk]) -> DialPlan {
        let ways = trunks.iter().map(|trunk| Way {
            id: trunk.id.clone(),
            priority: trunk.priority,
            weight: trunk.weight,
            permits: Lists {
                // Empty: whatever [outbound] allows.
                allow: if trunk.allow.is_empty() { vec![String::new()] } else { trunk.allow.clone() },
                deny: trunk.deny.clone(),
            },
            called_out: Rules::new(&trunk.called_out).unwrap_or_default(),
            leads_out: !trunk.servers.is_empty(),
        });
        DialPlan {
            rewrite: Rules::new(&outbound.rewrite).unwrap_or_default(),
            permits: Lists { allow: outbound.allow.clone(), deny: outbound.deny.clone() },
            emergency: outbound.emergency.clone(),
            trunks: ways.collect(),
        }
    }

    /// Whether a number is one that may always be called.
    pub fn is_emergency(&self, dialled: &str) -> bool {
        plain(dialled).is_some_and(|number| self.emergency.contains(&number))
    }

    /// Whether the number may be called at all, whatever the trunks do at the moment.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, dialled: &str) -> Result<(), Denied> {
        self.number(dialled).map(|_| ())
    }

    /// The number of what somebody writes, whether it may be called or not; none when it is no number.
    pub fn normal(&self, dialled: &str) -> Option<String> {
        let dialled = plain(dialled)?;
        if self.emergency.contains(&dialled) { Some(dialled) } else { plain(&self.rewrite.apply(&dialled)) }
    }

    /// The number of what was dialled, and whether it is an emergency number.
    fn number(&self, dialled: &str) -> Result<(String, bool), Denied> {
        let dialled = plain(dialled).ok_or(Denied::NotANumber)?;
        let ways_out = self.trunks.iter().any(|way| way.leads_out);
        if self.emergency.contains(&dialled) {
            return if ways_out { Ok((dialled, true)) } else { Err(Denied::NoTrunk) };
        }
        // Without a way out every number is as unknown as it was without trunks.
        if !ways_out {
            return Err(Denied::NoTrunk);
        }
        let number = plain(&self.rewrite.apply(&dialled)).ok_or(Denied::NotANumber)?;
        if self.permits.permits(&number) { Ok((number, false)) } else { Err(Denied::NotAllowed) }
    }

    /// The trunks for a number, best first: by priority, then drawn by weight. `unavailable` are those that cannot take
    /// a call now, and why; an emergency call tries them last.
    ///
    /// # Errors
    /// Why there is none; [`Denied::Unavailable`] when there would be, with the record of why not.
    pub fn route(
        &self,
        dialled: &str,
        unavailable: &BTreeMap<TrunkId, String>,
        random: &mut impl Rng,
    ) -> Result<RouteRecord, (Denied, Option<Box<RouteRecord>>)> {
        let (number, emergency) = self.number(dialled).map_err(|denied| (denied, None))?;
        let mut record = RouteRecord {
            dialled: dialled.chars().take(MAX_DIALLED * 2).collect(),
            number: number.clone(),
            emergency,
            candidates: Vec::new(),
            excluded: Vec::new(),
        };
        let mut ways: Vec<&Way> = Vec::new();
        let mut last: Vec<&Way> = Vec::new();
        let mut leads = false;
        for way in self.trunks.iter().filter(|way| way.leads_out) {
            let refused = !emergency && !way.permits.permits(&number);
            leads |= !refused;
            match unavailable.get(&way.id) {
                _ if refused => record.exclude(way, "this number does not go over it"),
                Some(_) if emergency => last.push(way),
                Some(why) => record.exclude(way, why),
                None => ways.push(way),
            }
        }
        let ordered = in_order(ways, random).into_iter().chain(in_order(last, random));
        record.candidates = ordered
            .map(|way| RouteCandidate {
                trunk: way.id.clone(),
                number: if emergency { number.clone() } else { way.called_out.apply(&number) },
            })
            .collect();
        match (record.candidates.is_empty(), leads) {
            (false, _) => Ok(record),
            (true, true) => Err((Denied::Unavailable, Some(Box::new(record)))),
            (true, false) => Err((Denied::NotAllowed, Some(Box::new(record)))),
        }
    }
}

trait Exclude {
    fn exclude(&mut self, way: &Way, why: &str);
}

impl Exclude for RouteRecord {
    fn exclude(&mut self, way: &Way, why: &str) {
        self.excluded.push(RouteExcluded { trunk: way.id.clone(), why: why.to_owned() });
    }
}

/// By priority, and within one each next by lot, weighted (as RFC 2782 does for servers). A weight of 0 comes last.
fn in_order<'w>(mut ways: Vec<&'w Way>, random: &mut impl Rng) -> Vec<&'w Way> {
    ways.sort_by_key(|way| way.priority);
    let mut ordered = Vec::with_capacity(ways.len());
    while let Some(priority) = ways.first().map(|way| way.priority) {
        let same = ways.iter().take_while(|way| way.priority == priority).count();
        let total: u32 = ways.iter().take(same).map(|way| u32::from(way.weight)).sum();
        let mut lot = if total == 0 { 0 } else { random.random_range(0..total) };
        let mut drawn = 0;
        for (place, way) in ways.iter().take(same).enumerate() {
            let weight = u32::from(way.weight);
            if lot < weight {
                drawn = place;
                break;
            }
            lot -= weight;
        }
        ordered.push(ways.remove(drawn));
    }
    ordered
}

/// The number without what people put in to read it better (RFC 3966 §5.1.1); none when it is no number.
pub fn plain(dialled: &str) -> Option<String> {
    if dialled.len() > MAX_DIALLED * 2 {
        return None;
    }
    let number: String =
        dialled.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')' | '/')).collect();
    let digits = number.strip_prefix('+').unwrap_or(&number);
    let fits = !digits.is_empty()
        && number.len() <= MAX_DIALLED
        && digits.bytes().all(|b| b.is_ascii_digit() || b == b'*' || b == b'#')
        && digits.bytes().any(|b| b.is_ascii_digit());
    fits.then_some(number)
}
