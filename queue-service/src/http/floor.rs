//! The live picture.

use axum::Json;
use axum::extract::State;
use shared::model::floor::Floor;
use shared::model::user::Permission;

use super::Api;
use super::extract::Signed;

/// The live picture; an agent sees his own part of it.
#[utoipa::path(get, path = "/floor", tag = "floor", responses((status = 200, body = Floor)))]
pub(super) async fn floor(State(api): State<Api>, signed: Signed) -> Json<Floor> {
    Json(visible(&api, &signed))
}

/// The picture as the person may see it.
pub(super) fn visible(api: &Api, signed: &Signed) -> Floor {
    let floor = api.parts.hub.floor();
    if signed.may(Permission::SeeFloor) { (*floor).clone() } else { floor.for_agent(&signed.agent()) }
}
