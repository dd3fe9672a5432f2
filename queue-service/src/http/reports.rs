//! The day's numbers and the journal.

use axum::Json;
use axum::extract::State;
use shared::api::reports::{DayReport, JournalQuery};
use shared::model::event::Stamped;
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
