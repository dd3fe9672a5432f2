//! Queues with their live numbers.

use axum::Json;
use axum::extract::State;
use shared::api::queues::{ExpectedWaitReport, QueueReport};
use shared::id::QueueId;
use shared::model::user::Permission;

use super::Api;
use super::extract::{Id, Signed};
use super::problem::Problem;
use super::session::unexpected;
use crate::clock;
use crate::switch::command::{Command, Reply};

/// All queues; an agent sees those whose calls he takes.
#[utoipa::path(get, path = "/queues", tag = "queues", responses((status = 200, body = Vec<QueueReport>)))]
pub(super) async fn list(State(api): State<Api>, signed: Signed) -> Json<Vec<QueueReport>> {
    let floor = api.parts.hub.floor();
    let now = clock::now();
    let visible = floor.queues.keys().filter(|queue| may_see(&api, &signed, queue));
    Json(visible.filter_map(|queue| floor.queue_report(queue, now)).collect())
}

/// One queue.
#[utoipa::path(get, path = "/queues/{id}", tag = "queues", params(("id" = String, Path)),
    responses((status = 200, body = QueueReport)))]
pub(super) async fn one(
    State(api): State<Api>,
    signed: Signed,
    Id(id): Id<QueueId>,
) -> Result<Json<QueueReport>, Problem> {
    let report = api.parts.hub.floor().queue_report(&id, clock::now());
    let report = report.ok_or_else(|| Problem::missing("queue", &id))?;
    if !may_see(&api, &signed, &id) {
        return Err(Problem::forbidden(format!("you do not take calls of {id}")));
    }
    Ok(Json(report))
}

/// How long a call that came now would wait, and how good such forecasts were.
#[utoipa::path(get, path = "/queues/{id}/expected-wait", tag = "queues", params(("id" = String, Path)),
    responses((status = 200, body = ExpectedWaitReport)))]
pub(super) async fn expected_wait(
    State(api): State<Api>,
    signed: Signed,
    Id(id): Id<QueueId>,
) -> Result<Json<ExpectedWaitReport>, Problem> {
    if !api.parts.hub.with_floor(|floor| floor.queues.contains_key(&id)) {
        return Err(Problem::missing("queue", &id));
    }
    if !may_see(&api, &signed, &id) {
        return Err(Problem::forbidden(format!("you do not take calls of {id}")));
    }
    match api.command(Command::ExpectedWait { queue: id }).await? {
        Reply::ExpectedWait(report) => Ok(Json(report)),
        other => Err(unexpected(&other)),
    }
}

fn may_see(api: &Api, signed: &Signed, queue: &QueueId) -> bool {
    signed.may(Permission::SeeFloor)
        || api.parts.hub.with_floor(|floor| {
            floor.agents.get(&signed.agent()).is_some_and(|view| view.info.queues.contains(queue))
        })
}
