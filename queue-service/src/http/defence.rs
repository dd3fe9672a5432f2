//! What is kept out of signalling: bans to see and to lift.

use std::net::IpAddr;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use shared::api::defence::DefenceReport;
use shared::model::user::Permission;

use super::Api;
use super::extract::{Id, Signed};
use super::problem::Problem;
use super::session::unexpected;
use crate::switch::command::{Command, Reply};

/// Bans that stand, and what has been let in and kept out.
#[utoipa::path(get, path = "/defence", tag = "defence", responses((status = 200, body = DefenceReport)))]
pub(super) async fn report(State(api): State<Api>, signed: Signed) -> Result<Json<DefenceReport>, Problem> {
    signed.require(Permission::ManageFloor)?;
    Ok(Json(current(&api).await?))
}

/// What the door says.
pub(super) async fn current(api: &Api) -> Result<DefenceReport, Problem> {
    match api.parts.switch.ask(Command::Defence).await? {
        Reply::Defence(report) => Ok(report),
        other => Err(unexpected(&other)),
    }
}

/// Read from this source again.
#[utoipa::path(delete, path = "/defence/bans/{address}", tag = "defence", params(("address" = String, Path)),
    responses((status = 204)))]
pub(super) async fn lift(
    State(api): State<Api>,
    signed: Signed,
    Id(source): Id<IpAddr>,
) -> Result<StatusCode, Problem> {
    signed.require(Permission::ManageFloor)?;
    api.parts.switch.ask(Command::LiftBan { source, by: signed.session.user.id }).await?;
    Ok(StatusCode::NO_CONTENT)
}
