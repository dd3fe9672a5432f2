//! Queues with their live numbers.

use axum::Json;
use axum::extract::State;
use shared::api::queues::QueueReport;
use shared::id::QueueId;
use shared::model::user::Permission;

use super::Api;
use super::extract::{Id, Signed};
use super::problem::Problem;
use crate::clock;

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

fn may_see(api: &Api, signed: &Signed, queue: &QueueId) -> bool {
    signed.may(Permission::SeeFloor)
        || api.parts.hub.with_floor(|floor| {
            floor.agents.get(&signed.agent()).is_some_and(|view| view.info.queues.contains(queue))
        })
}
