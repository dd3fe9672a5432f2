//! The API and the pages, on axum.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::live::Hub;
use crate::media::Media;
use crate::recording::vault::Vault;
use crate::store::Store;
use crate::switch::command::SwitchHandle;

/// What the API works with.
#[derive(Clone)]
pub struct Services {
    /// The configuration.
    pub config: Arc<Config>,
    /// The database.
    pub store: Store,
    /// The journal and the floor.
    pub hub: Hub,
    /// The call switch.
    pub switch: SwitchHandle,
    /// The recordings.
    pub vault: Vault,
    /// The media workers, for their numbers.
    pub media: Media,
}

/// Serves until `stop` is cancelled.
pub async fn serve(services: Services, listener: TcpListener, stop: CancellationToken) {
    let router = Router::new().route("/healthz", get(health)).with_state(services);
    let served =
        axum::serve(listener, router).with_graceful_shutdown(async move { stop.cancelled().await }).await;
    if let Err(error) = served {
        tracing::error!(%error, "HTTP ended");
    }
}

async fn health(State(services): State<Services>) -> (StatusCode, String) {
    match services.hub.health() {
        Ok(()) => (StatusCode::OK, "ok\n".into()),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
    }
}
