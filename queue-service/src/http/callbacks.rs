//! Callbacks of a queue: who waits to be called, booked and cancelled.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use shared::api::callbacks::{BookCallback, BookedCallback, CancelCallback};
use shared::api::error::ErrorCode;
use shared::id::{CallId, QueueId};
use shared::model::call::Party;
use shared::model::callback::OpenCallback;
use shared::model::user::Permission;

use super::Api;
use super::extract::{Asked, Body, Id, Signed};
use super::problem::Problem;
use super::session::unexpected;
use crate::switch::command::{Command, Reply};

/// Longest name and longest reason, in characters.
const WORDS: usize = 200;

/// Callbacks that are not over, in the order of their places.
#[utoipa::path(get, path = "/queues/{id}/callbacks", tag = "queues", params(("id" = String, Path)),
    responses((status = 200, body = Vec<OpenCallback>)))]
pub(super) async fn list(
    State(api): State<Api>,
    signed: Signed,
    Id(id): Id<QueueId>,
) -> Result<Json<Vec<OpenCallback>>, Problem> {
    signed.require(Permission::SeeFloor)?;
    let floor = api.parts.hub.floor();
    if !floor.queues.contains_key(&id) {
        return Err(Problem::missing("queue", &id));
    }
    Ok(Json(floor.callbacks_of(&id).into_iter().cloned().collect()))
}

/// Have somebody called back when it is his turn. A number that waits to be called already keeps its callback.
#[utoipa::path(post, path = "/queues/{id}/callbacks", tag = "queues", params(("id" = String, Path)),
    request_body = BookCallback, responses((status = 201, body = BookedCallback)))]
pub(super) async fn book(
    State(api): State<Api>,
    signed: Signed,
    Id(id): Id<QueueId>,
    Body(body): Body<BookCallback>,
) -> Result<(StatusCode, Json<BookedCallback>), Problem> {
    signed.require(Permission::ManageFloor)?;
    short("name", &body.name)?;
    let to = Party { number: body.number, name: body.name };
    match api.command(Command::BookCallback { queue: id, to, by: signed.session.user.id }).await? {
        Reply::Callback(callback) => Ok((StatusCode::CREATED, Json(BookedCallback { callback }))),
        other => Err(unexpected(&other)),
    }
}

/// Take a callback back. A customer whose phone rings for an agent just then is still put through.
#[utoipa::path(delete, path = "/queues/{id}/callbacks/{callback}", tag = "queues",
    params(("id" = String, Path), ("callback" = String, Path),
        ("reason" = String, Query, description = "why, at most 200 characters; it is kept with your name")),
    responses((status = 204)))]
pub(super) async fn cancel(
    State(api): State<Api>,
    signed: Signed,
    Path((queue, callback)): Path<(String, String)>,
    Asked(query): Asked<CancelCallback>,
) -> Result<StatusCode, Problem> {
    signed.require(Permission::ManageFloor)?;
    short("reason", &query.reason)?;
    let missing = || Problem::missing("open callback", &callback);
    let id: CallId = callback.parse().map_err(|_| missing())?;
    let known = api.parts.hub.with_floor(|floor| floor.callbacks.get(&id).map(|open| open.queue.clone()));
    if known.is_none_or(|known| known.as_str() != queue) {
        return Err(missing());
    }
    let by = signed.session.user.id;
    api.command(Command::CancelCallback { callback: id, by, reason: query.reason }).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn short(what: &str, text: &str) -> Result<(), Problem> {
    if text.chars().count() <= WORDS {
        return Ok(());
    }
    let detail = format!("{what} has more than {WORDS} characters");
    Err(Problem::new(ErrorCode::BadRequest, "The text is too long", detail, "Make it shorter."))
}
