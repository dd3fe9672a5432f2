//! Signing in and out, and the app's own phone.

use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use shared::api::error::ErrorCode;
use shared::api::session::{DeviceAccount, SignIn, SignedIn};
use shared::model::user::User;

use super::Api;
use super::extract::{Body, Signed};
use super::listener::Peer;
use super::problem::Problem;
use crate::clock;
use crate::switch::command::{Command, Reply};

/// Sign in. The token goes into `Authorization: Bearer …` of everything else.
#[utoipa::path(post, path = "/session", tag = "session", request_body = SignIn,
    responses((status = 200, body = SignedIn), (status = 401, body = shared::api::error::ApiError),
        (status = 429, body = shared::api::error::ApiError)), security(()))]
pub(super) async fn sign_in(
    State(api): State<Api>,
    ConnectInfo(Peer(from)): ConnectInfo<Peer>,
    Body(body): Body<SignIn>,
) -> Result<Json<SignedIn>, Problem> {
    let address = from.ip().to_canonical();
    let signed = api.parts.auth.sign_in(clock::now(), address, &body.user, &body.password).await?;
    if let Err(problem) = api.command(Command::SignedIn { user: body.user }).await {
        // Signed in or not: nothing in between.
        api.parts.auth.sign_out(&signed.token).await?;
        return Err(problem);
    }
    Ok(Json(signed))
}

/// Sign out; an agent goes offline.
#[utoipa::path(delete, path = "/session", tag = "session", responses((status = 204)))]
pub(super) async fn sign_out(State(api): State<Api>, signed: Signed) -> Result<StatusCode, Problem> {
    api.parts.auth.sign_out(&signed.token).await?;
    api.command(Command::SignedOut { user: signed.session.user.id }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who is signed in.
#[utoipa::path(get, path = "/me", tag = "session", responses((status = 200, body = User)))]
pub(super) async fn me(signed: Signed) -> Json<User> {
    Json(signed.session.user)
}

/// A SIP account for the app's own phone.
#[utoipa::path(post, path = "/me/device", tag = "session", responses((status = 200, body = DeviceAccount)))]
pub(super) async fn open_device(
    State(api): State<Api>,
    signed: Signed,
) -> Result<Json<DeviceAccount>, Problem> {
    match api.command(Command::OpenDevice { user: signed.session.user.id }).await? {
        Reply::Device(account) => Ok(Json(account)),
        other => Err(unexpected(&other)),
    }
}

pub(super) fn unexpected(reply: &Reply) -> Problem {
    tracing::error!(?reply, "the switch gave another answer than was asked for");
    Problem::new(ErrorCode::Internal, "The service answered itself wrongly", "see its log", "")
}
