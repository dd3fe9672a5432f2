//! The day's numbers and the journal.

use axum::Json;
use axum::extract::State;
use shared::api::error::ErrorCode;
use shared::api::reports::{DayReport, JournalQuery, ServiceLevelQuery, ServiceLevels};
use shared::model::agent::Status;
use shared::model::event::Stamped;
use shared::model::service_level::{Knobs, Waits};
use shared::model::user::Permission;

use super::Api;
use super::extract::{Asked, Signed};
use super::problem::Problem;
use crate::clock;

/// Events after a number, oldest first.
#[utoipa::path(get, path = "/journal", tag = "reports",
    params(("after" = Option<u64>, Query, description = "only events after this number"),
        ("limit" = Option<u32>, Query, description = "1 to 5,000, 1,000 when left out")),
    responses((status = 200, body = Vec<Stamped>)))]
pub(super) async fn journal(
    State(api): State<Api>,
    signed: Signed,
    Asked(query): Asked<JournalQuery>,
) -> Result<Json<Vec<Stamped>>, Problem> {
    signed.require(Permission::ReadReports)?;
    api.settled().await;
    Ok(Json(api.parts.store.journal().list(&query).await?))
}

/// The day so far: each queue, all of them, each agent, with the formulas.
#[utoipa::path(get, path = "/reports/day", tag = "reports", responses((status = 200, body = DayReport)))]
pub(super) async fn day(State(api): State<Api>, signed: Signed) -> Result<Json<DayReport>, Problem> {
    signed.require(Permission::SeeFloor)?;
    Ok(Json(api.parts.hub.day_report(clock::now())))
}

/// The nine service levels of the field over the same waits of the day, and each exit on its own.
#[utoipa::path(get, path = "/reports/service-levels", tag = "reports",
    params(("queue" = Option<String>, Query, description = "only this queue"),
        ("target_secs" = Option<u32>, Query, description = "T; the target of the queue when left out"),
        ("flow_outs" = Option<bool>, Query, description = "SL-D: calls that left in another way count"),
        ("without_short" = Option<bool>, Query, description = "SL-D: short abandons do not count"),
        ("without_abandons" = Option<bool>, Query, description = "SL-D: abandons do not count"),
        ("abandoned_after_secs" = Option<u32>, Query, description = "SL-F: abandons after this count"),
        ("window_secs" = Option<u32>, Query, description = "SL-H: the window, 3,600 when left out")),
    responses((status = 200, body = ServiceLevels)))]
pub(super) async fn service_levels(
    State(api): State<Api>,
    signed: Signed,
    Asked(query): Asked<ServiceLevelQuery>,
) -> Result<Json<ServiceLevels>, Problem> {
    signed.require(Permission::ReadReports)?;
    api.settled().await;
    let floor = api.parts.hub.floor();
    let known = query.queue.as_ref().map(|queue| {
        floor.queues.get(queue).ok_or_else(|| {
            let words = format!("there is no queue {queue}");
            Problem::new(
                ErrorCode::NotFound,
                "There are no such service levels",
                words,
                "Name another queue.",
            )
        })
    });
    let known = known.transpose()?;
    let target_secs = query.target_secs.or(known.map(|view| view.info.target_secs)).unwrap_or(20);
    let signed_in = floor.agents.values().any(|view| {
        view.status != Status::Offline && query.queue.as_ref().is_none_or(|queue| view.serves(queue))
    });
    let millis = |secs: u32| u64::from(secs) * 1000;
    let knobs = Knobs {
        target_millis: millis(target_secs),
        flow_outs: query.flow_outs,
        without_short: query.without_short,
        without_abandons: query.without_abandons,
        abandoned_after_millis: query.abandoned_after_secs.map(millis),
        window_millis: query.window_secs.map_or(3_600_000, millis),
        signed_in,
    };
    let journal = api.parts.store.journal();
    let day = journal.last_of("day_started").await?;
    let mut events = Vec::new();
    for kind in ["call_queued", "call_left_queue"] {
        events.extend(journal.of_kind(kind, day, floor.seq).await?);
    }
    events.sort_by_key(|stamped| stamped.seq);
    let mut waits = Waits::new(query.queue.clone());
    events.iter().for_each(|stamped| waits.apply(stamped));
    let now = clock::now();
    let (waiting, waiting_late) = waits.waiting(now, knobs.target_millis);
    Ok(Json(ServiceLevels {
        queue: query.queue,
        target_secs,
        entered: waits.entered(),
        exits: waits.exits(),
        waiting,
        waiting_late,
        levels: waits.levels(now, &knobs),
    }))
}
