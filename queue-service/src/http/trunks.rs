//! Trunks: whether they work, and how much of them is in use.

use axum::Json;
use axum::extract::State;
use shared::api::trunks::TrunkReport;
use shared::model::user::Permission;

use super::Api;
use super::extract::Signed;
use super::problem::Problem;
use super::session::unexpected;
use crate::switch::command::{Command, Reply};

/// All trunks, in the order of the configuration.
#[utoipa::path(get, path = "/trunks", tag = "trunks", responses((status = 200, body = Vec<TrunkReport>)))]
pub(super) async fn list(State(api): State<Api>, signed: Signed) -> Result<Json<Vec<TrunkReport>>, Problem> {
    if !signed.may(Permission::SeeFloor) {
        return Err(Problem::forbidden("the trunks are for supervisors"));
    }
    Ok(Json(reports(&api).await?))
}

/// The trunks as the switch has them.
pub(super) async fn reports(api: &Api) -> Result<Vec<TrunkReport>, Problem> {
    match api.parts.switch.ask(Command::Trunks).await? {
        Reply::Trunks(reports) => Ok(reports),
        other => Err(unexpected(&other)),
    }
}
