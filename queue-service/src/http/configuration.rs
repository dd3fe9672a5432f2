//! The configuration: read, checked, changed as a whole or one entry at a time, and its versions.

use std::future::Future;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request, State};
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};
use shared::api::configuration::{ConfigurationChange, ConfigurationCheck, ConfigurationVersion};
use shared::api::error::ErrorCode;
use shared::id::{AgentId, QueueId, SkillId};
use shared::model::configuration::ConfigurationSource;
use shared::model::user::Permission;

use super::Api;
use super::extract::{Body, Id, Signed};
use super::problem::Problem;
use crate::config::edit::{Draft, EditError};
use crate::revision::{Author, Refused};

/// Texts and tables may be this long: ten thousand agents have some megabytes.
pub(super) const TEXT_BYTES: usize = 16 * 1024 * 1024;

/// A body of text, whatever its type is called.
#[derive(Debug)]
pub(super) struct Text(pub(super) String);

impl FromRequest<Api> for Text {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        let bytes = Bytes::from_request(request, api).await.map_err(|rejection: BytesRejection| {
            let code = if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                ErrorCode::TooLarge
            } else {
                ErrorCode::BadRequest
            };
            Problem::new(code, "The body cannot be read", rejection.body_text(), "")
        })?;
        String::from_utf8(bytes.into()).map(Text).map_err(|error| {
            let hint = "Save it as UTF-8 and send it again.";
            Problem::new(ErrorCode::BadRequest, "The body is no text", error.to_string(), hint)
        })
    }
}

/// The tag of If-Match, without its quotes.
#[derive(Debug)]
pub(super) struct Expected(pub(super) Option<String>);

impl Expected {
    pub(super) fn of(headers: &HeaderMap) -> Expected {
        let value = headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok());
        Expected(value.map(|value| value.trim().trim_start_matches("W/").trim_matches('"').to_owned()))
    }

    /// The tag; without one the change is refused, so that nobody overwrites what he has not seen.
    pub(super) fn needed(self) -> Result<String, Problem> {
        self.0.ok_or_else(|| {
            Problem::new(
                ErrorCode::BadRequest,
                "The change was not made",
                "it does not say which version it was made from",
                "Send the ETag of GET /api/v1/configuration as If-Match.",
            )
            .with_status(StatusCode::PRECONDITION_REQUIRED)
        })
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Problem {
        let left = "The configuration was left as it is";
        let detail = refused.to_string();
        match refused {
            Refused::Stale { current, .. } => {
                let hint = "Read the configuration again and make your change in that.";
                Problem::new(ErrorCode::Conflict, left, detail, hint)
                    .with_status(StatusCode::PRECONDITION_FAILED)
                    .with_header(header::ETAG, format!("\"{current}\""))
            }
            Refused::ChangedByHand => {
                let hint = "Send the service SIGHUP so that it reads the file, then make your change again.";
                Problem::new(ErrorCode::Conflict, left, detail, hint)
            }
            Refused::Wrong(_) => {
                let hint = "Correct every line; POST /api/v1/configuration/check tells them without changing anything.";
                Problem::new(ErrorCode::BadRequest, left, detail, hint)
                    .with_status(StatusCode::UNPROCESSABLE_ENTITY)
            }
            Refused::Missing(_) => Problem::new(ErrorCode::NotFound, left, detail, ""),
            Refused::Edit(_) => Problem::new(ErrorCode::BadRequest, left, detail, ""),
            Refused::File(_) => {
                let hint = "Give the service's user the right to write the file and its folder.";
                Problem::new(ErrorCode::Internal, left, detail, hint)
            }
            Refused::Table(_) => {
                let hint = "The columns of each table stand in the README; nothing was taken.";
                Problem::new(ErrorCode::BadRequest, "The table was not taken", detail, hint)
                    .with_status(StatusCode::UNPROCESSABLE_ENTITY)
            }
            Refused::Store(error) => error.into(),
            Refused::Auth(error) => error.into(),
            Refused::Switch(error) => error.into(),
        }
    }
}

/// Carries a change out to its end, even when nobody waits for the answer any more.
pub(super) async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Refused>> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::spawn(work).await {
        Ok(result) => Ok(result?),
        Err(error) => {
            tracing::error!(%error, "a change of the configuration was not carried out");
            Err(Problem::new(ErrorCode::Internal, "The change failed", "see the service's log", ""))
        }
    }
}

fn toml(text: String, tag: Option<String>) -> Response {
    let mut response = ([(header::CONTENT_TYPE, "application/toml; charset=utf-8")], text).into_response();
    if let Some(tag) = tag.and_then(|tag| format!("\"{tag}\"").parse().ok()) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

pub(super) type Changed = Result<([(header::HeaderName, String); 1], Json<ConfigurationChange>), Problem>;

pub(super) fn changed(change: ConfigurationChange) -> Changed {
    Ok(([(header::ETAG, format!("\"{}\"", change.tag))], Json(change)))
}

fn api_author(signed: &Signed, how: ConfigurationSource) -> Author {
    Author { by: Some(signed.session.user.id.clone()), how }
}

/// The configuration as TOML. A mark ($secret:…) stands for each secret; a text that is sent back keeps those.
#[utoipa::path(get, path = "/configuration", tag = "configuration",
    responses((status = 200, body = String, content_type = "application/toml")))]
pub(super) async fn export(State(api): State<Api>, signed: Signed) -> Result<Response, Problem> {
    signed.require(Permission::Configure)?;
    let (tag, text) = api.parts.revisions.export().await?;
    Ok(toml(text, Some(tag)))
}

/// Change the whole configuration. With one fault nothing changes; the answer tells all of them.
#[utoipa::path(put, path = "/configuration", tag = "configuration",
    request_body(content = String, content_type = "application/toml"),
    params(("If-Match" = String, Header, description = "the ETag that the text was read with")),
    responses((status = 200, body = ConfigurationChange), (status = 412, body = shared::api::error::ApiError),
        (status = 422, body = shared::api::error::ApiError), (status = 428, body = shared::api::error::ApiError)))]
pub(super) async fn replace(
    State(api): State<Api>,
    signed: Signed,
    headers: HeaderMap,
    Text(text): Text,
) -> Changed {
    signed.require(Permission::Configure)?;
    let tag = Expected::of(&headers).needed()?;
    let author = api_author(&signed, ConfigurationSource::Api);
    let revisions = api.parts.revisions.clone();
    changed(to_the_end(async move { revisions.change(Some(&tag), author, move |_| Ok(text)).await }).await?)
}

/// What would come of a text: all faults, or the difference. Nothing is changed.
#[utoipa::path(post, path = "/configuration/check", tag = "configuration",
    request_body(content = String, content_type = "application/toml"),
    responses((status = 200, body = ConfigurationCheck)))]
pub(super) async fn check(
    State(api): State<Api>,
    signed: Signed,
    Text(text): Text,
) -> Result<Json<ConfigurationCheck>, Problem> {
    signed.require(Permission::Configure)?;
    Ok(Json(api.parts.revisions.check(&text).await?))
}

/// The latest versions, newest first, at most 500.
#[utoipa::path(get, path = "/configuration/versions", tag = "configuration",
    responses((status = 200, body = Vec<ConfigurationVersion>)))]
pub(super) async fn versions(
    State(api): State<Api>,
    signed: Signed,
) -> Result<Json<Vec<ConfigurationVersion>>, Problem> {
    signed.require(Permission::Configure)?;
    Ok(Json(api.parts.revisions.list().await?))
}

/// The text of a version, with marks in place of secrets.
#[utoipa::path(get, path = "/configuration/versions/{number}", tag = "configuration",
    params(("number" = u64, Path)), responses((status = 200, body = String, content_type = "application/toml")))]
pub(super) async fn version(
    State(api): State<Api>,
    signed: Signed,
    Id(number): Id<u64>,
) -> Result<Response, Problem> {
    signed.require(Permission::Configure)?;
    Ok(toml(api.parts.revisions.version(number).await?, None))
}

/// Bring a version back, as a new one. Secrets stay those of now.
#[utoipa::path(post, path = "/configuration/versions/{number}/restore", tag = "configuration",
    params(("number" = u64, Path), ("If-Match" = String, Header, description = "the ETag of what is in force")),
    responses((status = 200, body = ConfigurationChange)))]
pub(super) async fn restore(
    State(api): State<Api>,
    signed: Signed,
    headers: HeaderMap,
    Id(number): Id<u64>,
) -> Changed {
    signed.require(Permission::Configure)?;
    let tag = Expected::of(&headers).needed()?;
    let (revisions, by) = (api.parts.revisions.clone(), signed.session.user.id);
    changed(to_the_end(async move { revisions.restore(Some(&tag), number, by).await }).await?)
}

async fn put(
    api: Api,
    signed: Signed,
    headers: HeaderMap,
    list: &'static str,
    id: String,
    object: Map<String, Value>,
) -> Changed {
    signed.require(Permission::Configure)?;
    if object.get("id").is_some_and(|given| given.as_str() != Some(&id)) {
        let detail = "the id in the body is another one than in the path";
        return Err(Problem::new(
            ErrorCode::BadRequest,
            "The entry was not changed",
            detail,
            "Leave the id out.",
        ));
    }
    edit(api, signed, headers, move |text| {
        let mut draft = Draft::new(text)?;
        draft.put(list, &id, &object)?;
        Ok(draft.text())
    })
    .await
}

async fn remove(api: Api, signed: Signed, headers: HeaderMap, list: &'static str, id: String) -> Changed {
    signed.require(Permission::Configure)?;
    edit(api, signed, headers, move |text| {
        let mut draft = Draft::new(text)?;
        draft.remove(list, &id)?;
        Ok(draft.text())
    })
    .await
}

async fn edit(
    api: Api,
    signed: Signed,
    headers: HeaderMap,
    edit: impl FnOnce(&str) -> Result<String, EditError> + Send + 'static,
) -> Changed {
    let tag = Expected::of(&headers).needed()?;
    let author = api_author(&signed, ConfigurationSource::Api);
    let revisions = api.parts.revisions.clone();
    changed(to_the_end(async move { revisions.change(Some(&tag), author, edit).await }).await?)
}

macro_rules! entries {
    ($put:ident, $remove:ident, $list:literal, $path:literal, $id:ty, $what:literal) => {
        #[doc = concat!("Make or change ", $what, ": the keys as in the TOML. Other keys go; a secret that is left out stays.")]
        #[utoipa::path(put, path = $path, tag = "configuration", request_body = serde_json::Value,
            params(("id" = String, Path), ("If-Match" = String, Header, description = "the ETag of the configuration")),
            responses((status = 200, body = ConfigurationChange)))]
        pub(super) async fn $put(
            State(api): State<Api>,
            signed: Signed,
            headers: HeaderMap,
            Id(id): Id<$id>,
            Body(object): Body<Map<String, Value>>,
        ) -> Changed {
            put(api, signed, headers, $list, id.to_string(), object).await
        }

        #[doc = concat!("Take ", $what, " out of the configuration.")]
        #[utoipa::path(delete, path = $path, tag = "configuration",
            params(("id" = String, Path), ("If-Match" = String, Header, description = "the ETag of the configuration")),
            responses((status = 200, body = ConfigurationChange)))]
        pub(super) async fn $remove(
            State(api): State<Api>,
            signed: Signed,
            headers: HeaderMap,
            Id(id): Id<$id>,
        ) -> Changed {
            remove(api, signed, headers, $list, id.to_string()).await
        }
    };
}

entries!(put_queue, remove_queue, "queues", "/queues/{id}", QueueId, "a queue");
entries!(put_agent, remove_agent, "agents", "/agents/{id}", AgentId, "an agent");
entries!(put_skill, remove_skill, "skills", "/skills/{id}", SkillId, "a skill");
