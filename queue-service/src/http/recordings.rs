//! Recordings: finding them, hearing them, reading them.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use shared::api::error::ErrorCode;
use shared::api::recordings::RecordingQuery;
use shared::id::RecordingId;
use shared::model::recording::{Recording, RecordingState, Track, TrackFile};
use shared::model::transcript::{Transcript, TranscriptState};
use shared::model::user::Permission;

use super::Api;
use super::extract::{Asked, Id, Signed};
use super::problem::Problem;
use super::range::{self, Resource};

/// Recordings, newest first.
#[utoipa::path(get, path = "/recordings", tag = "recordings",
    params(("call" = Option<String>, Query, description = "only of this call"),
        ("words" = Option<String>, Query, description = "only those whose transcript has these words (four at most)"),
        ("before" = Option<String>, Query, description = "the next page: only those before this one"),
        ("limit" = Option<u32>, Query, description = "1 to 500, 100 when left out")),
    responses((status = 200, body = Vec<Recording>)))]
pub(super) async fn list(
    State(api): State<Api>,
    signed: Signed,
    Asked(query): Asked<RecordingQuery>,
) -> Result<Json<Vec<Recording>>, Problem> {
    signed.require(Permission::HearRecordings)?;
    Ok(Json(api.parts.store.recordings().list(&query).await?))
}

/// One recording.
#[utoipa::path(get, path = "/recordings/{id}", tag = "recordings", params(("id" = String, Path)),
    responses((status = 200, body = Recording)))]
pub(super) async fn one(
    State(api): State<Api>,
    signed: Signed,
    Id(id): Id<RecordingId>,
) -> Result<Json<Recording>, Problem> {
    signed.require(Permission::HearRecordings)?;
    recording(&api, id).await.map(Json)
}

/// One track as a WAV file; ranges and conditions work as RFC 9110 says.
#[utoipa::path(get, path = "/recordings/{id}/tracks/{track}.wav", tag = "recordings",
    params(("id" = String, Path), ("track" = Track, Path, description = "customer, agent or supervisor")),
    responses((status = 200, content_type = "audio/wav", body = Vec<u8>),
        (status = 206, content_type = "audio/wav", body = Vec<u8>),
        (status = 416, body = shared::api::error::ApiError)))]
pub(super) async fn track(
    State(api): State<Api>,
    signed: Signed,
    Path((id, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    signed.require(Permission::HearRecordings)?;
    let unknown = || Problem::missing("track", format!("{id}/{file}"));
    let id: RecordingId = id.parse().map_err(|_| unknown())?;
    let name = file.strip_suffix(".wav").ok_or_else(unknown)?;
    let track = Track::ALL.into_iter().find(|track| track.as_str() == name).ok_or_else(unknown)?;
    let recording = recording(&api, id).await?;
    if recording.state == RecordingState::Open {
        return Err(Problem::new(
            ErrorCode::Conflict,
            "The recording is still being written",
            "it can be heard when the call is over",
            "Wait for the event recording_sealed.",
        ));
    }
    let sealed: TrackFile =
        recording.tracks.iter().find(|sealed| sealed.track == track).cloned().ok_or_else(unknown)?;
    let vault = api.parts.vault.clone();
    let opened =
        tokio::task::spawn_blocking(move || vault.open(id, recording.started_at, track)).await.map_err(
            |_| Problem::new(ErrorCode::Internal, "The recording cannot be read", "a thread failed", ""),
        )??;
    tracing::info!(recording = %id, track = track.as_str(), user = %signed.session.user.id, "recording heard");
    let resource = Resource {
        file: tokio::fs::File::from_std(opened.file),
        size_bytes: opened.size_bytes,
        etag: format!("\"{}\"", sealed.sha256),
        content_type: "audio/wav",
        name: format!("{id}-{}.wav", track.as_str()),
    };
    range::respond(resource, &headers).await
}

/// The transcript, or why there is none yet.
#[utoipa::path(get, path = "/recordings/{id}/transcript", tag = "recordings", params(("id" = String, Path)),
    responses((status = 200, body = Transcript)))]
pub(super) async fn transcript(
    State(api): State<Api>,
    signed: Signed,
    Id(id): Id<RecordingId>,
) -> Result<Json<Transcript>, Problem> {
    signed.require(Permission::HearRecordings)?;
    let recording = recording(&api, id).await?;
    let known = api.parts.store.transcripts().get(id).await?;
    Ok(Json(known.unwrap_or_else(|| Transcript {
        recording: id,
        call: recording.call,
        state: TranscriptState::Waiting { reason: "the recording is not sealed yet".into() },
        model: None,
        demonstration: false,
        segments: Vec::new(),
    })))
}

async fn recording(api: &Api, id: RecordingId) -> Result<Recording, Problem> {
    api.parts.store.recordings().get(id).await?.ok_or_else(|| Problem::missing("recording", id))
}
