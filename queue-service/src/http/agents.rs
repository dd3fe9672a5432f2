//! Agents: what they do, and changing their status.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use shared::api::agents::{EndWrapUp, SetStatus};
use shared::api::error::ErrorCode;
use shared::id::AgentId;
use shared::model::agent::ChangedBy;
use shared::model::floor::AgentView;
use shared::model::user::Permission;

use super::Api;
use super::extract::{Body, Id, Signed};
use super::problem::Problem;
use crate::switch::command::Command;

/// Characters of a note.
const NOTE_LEN: usize = 2_000;

/// All agents; an agent sees himself.
#[utoipa::path(get, path = "/agents", tag = "agents", responses((status = 200, body = Vec<AgentView>)))]
pub(super) async fn list(State(api): State<Api>, signed: Signed) -> Json<Vec<AgentView>> {
    let (all, me) = (signed.may(Permission::SeeFloor), signed.agent());
    let floor = api.parts.hub.floor();
    Json(floor.agents.values().filter(|view| all || view.info.id == me).cloned().collect())
}

/// One agent.
#[utoipa::path(get, path = "/agents/{id}", tag = "agents", params(("id" = String, Path)),
    responses((status = 200, body = AgentView)))]
pub(super) async fn one(
    State(api): State<Api>,
    signed: Signed,
    Id(id): Id<AgentId>,
) -> Result<Json<AgentView>, Problem> {
    if id != signed.agent() {
        signed.require(Permission::SeeFloor)?;
    }
    view(&api, &id).map(Json)
}

/// Become ready, not ready or offline, or make somebody so. While the agent is busy it becomes the next status.
#[utoipa::path(post, path = "/agents/{id}/status", tag = "agents", params(("id" = String, Path)),
    request_body = SetStatus, responses((status = 200, body = AgentView)))]
pub(super) async fn set_status(
    State(api): State<Api>,
    signed: Signed,
    Id(id): Id<AgentId>,
    Body(body): Body<SetStatus>,
) -> Result<Json<AgentView>, Problem> {
    let by = changed_by(&signed, &id)?;
    view(&api, &id)?;
    api.command(Command::SetStatus { agent: id.clone(), wanted: body.wanted, by }).await?;
    view(&api, &id).map(Json)
}

/// End wrap-up, with a code and a note.
#[utoipa::path(post, path = "/agents/{id}/wrap-up", tag = "agents", params(("id" = String, Path)),
    request_body = EndWrapUp, responses((status = 204)))]
pub(super) async fn end_wrap_up(
    State(api): State<Api>,
    signed: Signed,
    Id(id): Id<AgentId>,
    Body(body): Body<EndWrapUp>,
) -> Result<StatusCode, Problem> {
    let by = changed_by(&signed, &id)?;
    view(&api, &id)?;
    if body.note.as_ref().is_some_and(|note| note.chars().count() > NOTE_LEN) {
        let detail = format!("note has more than {NOTE_LEN} characters");
        return Err(Problem::new(ErrorCode::BadRequest, "The note is too long", detail, "Make it shorter."));
    }
    api.command(Command::EndWrapUp { agent: id, code: body.code, note: body.note, by }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// More time for wrap-up, as the queue's rules allow.
#[utoipa::path(post, path = "/agents/{id}/wrap-up/extend", tag = "agents", params(("id" = String, Path)),
    responses((status = 200, body = AgentView)))]
pub(super) async fn extend_wrap_up(
    State(api): State<Api>,
    signed: Signed,
    Id(id): Id<AgentId>,
) -> Result<Json<AgentView>, Problem> {
    changed_by(&signed, &id)?;
    view(&api, &id)?;
    api.command(Command::ExtendWrapUp { agent: id.clone() }).await?;
    view(&api, &id).map(Json)
}

fn changed_by(signed: &Signed, agent: &AgentId) -> Result<ChangedBy, Problem> {
    if *agent == signed.agent() {
        return Ok(ChangedBy::Agent);
    }
    signed.require(Permission::ManageFloor)?;
    Ok(ChangedBy::User(signed.session.user.id.clone()))
}

fn view(api: &Api, agent: &AgentId) -> Result<AgentView, Problem> {
    let view = api.parts.hub.with_floor(|floor| floor.agents.get(agent).cloned());
    view.ok_or_else(|| Problem::missing("agent", agent))
}
