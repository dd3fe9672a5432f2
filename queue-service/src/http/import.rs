//! Tables of agents, queues and skills, in and out.

use axum::Json;
use axum::extract::State;
use axum::http::header::{self, HeaderMap};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde::de::value::{Error as WordError, StrDeserializer};
use shared::api::import::{ImportQuery, ImportReport, Table};
use shared::model::user::Permission;

use super::Api;
use super::configuration::{Expected, Text, to_the_end};
use super::extract::{Asked, Id, Signed};
use super::problem::Problem;
use crate::import;

/// A table by its name in the path.
#[derive(Debug)]
pub(super) struct Named(Table);

impl std::str::FromStr for Named {
    type Err = WordError;

    fn from_str(text: &str) -> Result<Named, WordError> {
        Table::deserialize(StrDeserializer::new(text)).map(Named)
    }
}

/// A table as a download.
pub(super) fn csv(name: &str, text: String) -> Response {
    let disposition = format!("attachment; filename=\"{name}.csv\"");
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    (headers, text).into_response()
}

/// Bring a table in: agents, queues or skills. All lines or none, unless partial.
#[utoipa::path(post, path = "/import/{table}", tag = "configuration",
    request_body(content = String, content_type = "text/csv"),
    params(("table" = String, Path, description = "agents, queues or skills"), ("dry_run" = Option<bool>, Query, description = "only say what would come of it"),
        ("partial" = Option<bool>, Query, description = "take the good lines even when others are wrong")),
    responses((status = 200, body = ImportReport)))]
pub(super) async fn import(
    State(api): State<Api>,
    signed: Signed,
    headers: HeaderMap,
    Id(Named(table)): Id<Named>,
    Asked(query): Asked<ImportQuery>,
    Text(text): Text,
) -> Result<Json<ImportReport>, Problem> {
    signed.require(Permission::Configure)?;
    let (revisions, by) = (api.parts.revisions.clone(), signed.session.user.id);
    let tag = Expected::of(&headers).0;
    let work = async move { revisions.import(tag.as_deref(), by, table, text, query).await };
    Ok(Json(to_the_end(work).await?))
}

/// A table as CSV. No cell is a formula to a spreadsheet, and no password is in it.
#[utoipa::path(get, path = "/export/{table}", tag = "configuration", params(("table" = String, Path, description = "agents, queues or skills")),
    responses((status = 200, body = String, content_type = "text/csv")))]
pub(super) async fn export(
    State(api): State<Api>,
    signed: Signed,
    Id(Named(table)): Id<Named>,
) -> Result<Response, Problem> {
    signed.require(Permission::Configure)?;
    let config = api.parts.revisions.config().await;
    Ok(csv(import::list(table).0, import::export(&config, table)))
}
