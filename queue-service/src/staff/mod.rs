//! How many agents a load needs: Erlang C, or Erlang A when callers hang up.
//!
//! The service level is the share of **all** arriving calls that are answered within the threshold, so who hangs up
//! counts against it; the speed of answer is over the answered calls alone.

pub mod erlang;
pub mod print;

use shared::api::staffing::{StaffingModel, StaffingQuery, StaffingReport, StaffingRow};

use erlang::Load;

/// More agents than this are not worked out.
pub const MAX_AGENTS: u32 = 100_000;
/// Rows shown on either side of the chosen one.
const AROUND: u32 = 3;

/// Why a staffing question has no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StaffError {
    /// A number that cannot be.
    #[error("{field} is {given}, but must be {wanted}")]
    Field {
        /// Its name in the query.
        field: &'static str,
        /// Its value.
        given: f64,
        /// What it may be.
        wanted: &'static str,
    },
    /// The work of more people than there are numbers for.
    #[error("the load is {erlang:.0} erlang, more than {MAX_AGENTS} agents can do")]
    TooMuch {
        /// Offered traffic.
        erlang: f64,
    },
    /// No number of agents is enough.
    #[error(
        "no number of agents up to {MAX_AGENTS} reaches {percent} % within {secs} s and the occupancy wanted"
    )]
    OutOfReach {
        /// The service level.
        percent: f64,
        /// Its threshold.
        secs: f64,
    },
}

/// Answers a question.
///
/// # Errors
/// When a number cannot be, or nothing reaches the target.
pub fn staff(query: &StaffingQuery) -> Result<StaffingReport, StaffError> {
    check(query)?;
    let load = Load {
        calls_per_sec: query.calls / query.per_secs,
        aht_secs: query.aht_secs,
        patience_secs: query.patience_secs,
    };
    let offered_erlang = load.offered();
    if offered_erlang > f64::from(MAX_AGENTS) {
        return Err(StaffError::TooMuch { erlang: offered_erlang });
    }
    let agents = match query.agents {
        Some(agents) => agents,
        None => fewest(query, &load)?,
    };
    let first = agents.saturating_sub(AROUND).max(1).min(agents);
    let last = (agents + AROUND).min(MAX_AGENTS);
    Ok(StaffingReport {
        model: if load.patience_secs.is_some() { StaffingModel::ErlangA } else { StaffingModel::ErlangC },
        offered_erlang,
        chosen: row(query, &load, agents),
        around: (first..=last).map(|agents| row(query, &load, agents)).collect(),
    })
}

fn check(query: &StaffingQuery) -> Result<(), StaffError> {
    let above_zero = |value: f64| value > 0.0 && value.is_finite();
    let fields = [
        ("calls", Some(query.calls), above_zero as fn(f64) -> bool, "above 0"),
        ("per_secs", Some(query.per_secs), above_zero, "above 0"),
        ("aht_secs", Some(query.aht_secs), above_zero, "above 0"),
        ("patience_secs", query.patience_secs, above_zero, "above 0"),
        ("target_secs", Some(query.target_secs), |value| value >= 0.0 && value.is_finite(), "0 or more"),
        (
            "target_percent",
            Some(query.target_percent),
            |value| value > 0.0 && value < 100.0,
            "above 0 and below 100",
        ),
        (
            "max_occupancy_percent",
            query.max_occupancy_percent,
            |value| value > 0.0 && value <= 100.0,
            "above 0, at most 100",
        ),
        (
            "shrinkage_percent",
            Some(query.shrinkage_percent),
            |value| (0.0..100.0).contains(&value),
            "0 or more, below 100",
        ),
        (
            "agents",
            query.agents.map(f64::from),
            |value| value >= 1.0 && value <= f64::from(MAX_AGENTS),
            "1 to 100,000",
        ),
    ];
    for (field, given, holds, wanted) in fields {
        if let Some(given) = given.filter(|given| !holds(*given)) {
            return Err(StaffError::Field { field, given, wanted });
        }
    }
    Ok(())
}

/// Both figures get better with each agent, so the search halves.
fn fewest(query: &StaffingQuery, load: &Load) -> Result<u32, StaffError> {
    let enough = |agents: u32| {
        let found = load.with_agents(agents, query.target_secs);
        found.service_level * 100.0 >= query.target_percent
            && query.max_occupancy_percent.is_none_or(|most| found.occupancy * 100.0 <= most)
    };
    if !enough(MAX_AGENTS) {
        return Err(StaffError::OutOfReach { percent: query.target_percent, secs: query.target_secs });
    }
    let mut few = 0;
    let mut many = 1;
    while !enough(many) {
        few = many;
        many = (many * 2).min(MAX_AGENTS);
    }
    while many - few > 1 {
        let middle = few.midpoint(many);
        if enough(middle) {
            many = middle;
        } else {
            few = middle;
        }
    }
    Ok(many)
}

fn row(query: &StaffingQuery, load: &Load, agents: u32) -> StaffingRow {
    let found = load.with_agents(agents, query.target_secs);
    let scheduled = f64::from(agents) / (1.0 - query.shrinkage_percent / 100.0);
    StaffingRow {
        agents,
        // A hair of rounding error must not cost a person.
        scheduled: (scheduled - 1e-9).ceil() as u32,
        service_level_percent: found.service_level * 100.0,
        asa_secs: found.asa_secs,
        waits_percent: found.waits * 100.0,
        abandoned_percent: found.abandoned * 100.0,
        occupancy_percent: found.occupancy * 100.0,
        queue_len: found.queue_len,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query() -> StaffingQuery {
        StaffingQuery::new(100.0, 1800.0, 180.0)
    }

    #[test]
    fn the_fewest_agents_that_reach_the_target_are_found() {
        let report = staff(&query()).expect("an answer");
        assert_eq!((report.chosen.agents, report.model), (14, StaffingModel::ErlangC));
        assert_eq!(
            report.around.iter().map(|row| row.agents).collect::<Vec<_>>(),
            [11, 12, 13, 14, 15, 16, 17]
        );
        let patient = StaffingQuery { patience_secs: Some(120.0), ..query() };
        let report = staff(&patient).expect("an answer");
        assert!(report.chosen.agents < 14, "who hangs up needs no agent: {:?}", report.chosen);
        assert!(report.chosen.abandoned_percent > 0.0);
    }

    #[test]
    fn occupancy_and_shrinkage_are_kept() {
        let query = StaffingQuery { max_occupancy_percent: Some(65.0), shrinkage_percent: 30.0, ..query() };
        let report = staff(&query).expect("an answer");
        assert_eq!((report.chosen.agents, report.chosen.scheduled), (16, 23));
    }

    #[test]
    fn a_given_number_is_worked_out() {
        let report = staff(&StaffingQuery { agents: Some(9), ..query() }).expect("an answer");
        assert_eq!((report.chosen.agents, report.chosen.asa_secs), (9, None));
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        let refused = |query: StaffingQuery| staff(&query).expect_err("no answer").to_string();
        assert_eq!(refused(StaffingQuery { calls: 0.0, ..query() }), "calls is 0, but must be above 0");
        assert!(refused(StaffingQuery { aht_secs: f64::NAN, ..query() }).starts_with("aht_secs is NaN"));
        assert!(refused(StaffingQuery { target_percent: 100.0, ..query() }).contains("target_percent"));
        assert!(refused(StaffingQuery { shrinkage_percent: 100.0, ..query() }).contains("shrinkage_percent"));
        assert!(refused(StaffingQuery { calls: 1e9, ..query() }).contains("erlang"));
        assert!(refused(StaffingQuery { agents: Some(0), ..query() }).contains("1 to 100,000"));
    }
}
