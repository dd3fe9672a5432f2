//! How many agents a load of calls needs.

use axum::Json;
use shared::api::error::ErrorCode;
use shared::api::staffing::{StaffingQuery, StaffingReport};
use shared::model::user::Permission;

use super::extract::{Asked, Signed};
use super::problem::Problem;
use crate::staff;

/// The fewest agents that reach a service level, by Erlang C, or by Erlang A with a patience.
#[utoipa::path(get, path = "/staffing", tag = "reports",
    params(
        ("calls" = f64, Query, description = "calls an interval"),
        ("per_secs" = f64, Query, description = "length of the interval"),
        ("aht_secs" = f64, Query, description = "average handle time"),
        ("target_percent" = Option<f64>, Query, description = "service level, 80 when left out"),
        ("target_secs" = Option<f64>, Query, description = "its threshold, 20 when left out"),
        ("patience_secs" = Option<f64>, Query, description = "mean patience: Erlang A"),
        ("max_occupancy_percent" = Option<f64>, Query, description = "bound of the occupancy"),
        ("shrinkage_percent" = Option<f64>, Query, description = "paid time without calls"),
        ("agents" = Option<u32>, Query, description = "work out this number instead")),
    responses((status = 200, body = StaffingReport)))]
pub(super) async fn staffing(
    signed: Signed,
    Asked(query): Asked<StaffingQuery>,
) -> Result<Json<StaffingReport>, Problem> {
    signed.require(Permission::ReadReports)?;
    // Tens of milliseconds at the largest loads.
    let answer = tokio::task::spawn_blocking(move || staff::staff(&query)).await;
    match answer {
        Ok(Ok(report)) => Ok(Json(report)),
        Ok(Err(error)) => Err(Problem::new(
            ErrorCode::BadRequest,
            "This staffing cannot be worked out",
            error.to_string(),
            "Change the query.",
        )),
        Err(error) => Err(Problem::new(
            ErrorCode::Internal,
            "The staffing was not worked out",
            error.to_string(),
            "Ask again.",
        )),
    }
}
