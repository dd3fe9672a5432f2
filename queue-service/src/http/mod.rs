//! The API under `/api/v1`, the live feed, the wallboard, and what monitoring asks. One file a resource.
//!
//! Reading is answered from the hub's picture or the store; whatever changes something is a
//! [`Command`](crate::switch::command::Command) to the switch, and is acknowledged only when the journal has it on the
//! disk. Every error is a [`shared::api::error::ApiError`].

mod agents;
mod callbacks;
#[cfg(test)]
mod callbacks_tests;
mod calls;
mod campaigns;
#[cfg(test)]
mod campaigns_tests;
mod configuration;
#[cfg(test)]
mod configuration_tests;
mod defence;
mod do_not_call;
mod extract;
mod feed;
#[cfg(test)]
mod feed_tests;
mod floor;
mod frame;
mod import;
mod listener;
mod metrics;
mod once;
mod openapi;
mod presence;
mod problem;
mod queues;
mod range;
mod recordings;
mod reports;
mod session;
mod sound;
mod staffing;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod trunks;
mod wallboard;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{delete, get, post, put};
use futures_util::future::BoxFuture;
use shared::api::error::{ApiError, ErrorCode};
use shared::id::CallId;
use shared::model::sound::CallSound;
use shared_net::sip::{DriverCounts, DriverMonitor};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::auth::Auth;
use crate::clock;
use crate::config::Config;
use crate::live::Hub;
use crate::media::Media;
use crate::media::stats::MediaStats;
use crate::outreach::Outreach;
use crate::recording::vault::Vault;
use crate::revision::Revisions;
use crate::store::Store;
use crate::switch::command::{Command, Reply, SwitchHandle};
use listener::{Bounded, Patience, Peer};
use presence::Presence;
use problem::Problem;

/// Bodies of requests may be this long.
const BODY_BYTES: usize = 64 * 1024;
/// A command that is carried out waits this long for the journal.
const JOURNAL_WAIT: Duration = Duration::from_secs(10);
/// Connections at once; an app needs one or two and a live feed.
const CONNECTIONS: usize = 2_048;
/// Live feeds that have not said who they are yet.
const STRANGERS: usize = 256;

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
    /// The SIP driver, for its numbers.
    pub sip: DriverMonitor,
    /// Who may sign in, and who is.
    pub auth: Auth,
    /// The configuration with its versions.
    pub revisions: Revisions,
    /// Campaigns, and the list of those who are not to be called.
    pub outreach: Outreach,
}

/// The same with what this module makes of it; tests put in numbers of their own.
#[derive(Clone)]
struct Parts {
    config: Arc<Config>,
    store: Store,
    hub: Hub,
    switch: SwitchHandle,
    vault: Vault,
    media: Arc<dyn Fn() -> MediaStats + Send + Sync>,
    sound: Arc<dyn Fn(CallId) -> BoxFuture<'static, Option<CallSound>> + Send + Sync>,
    sip: Arc<dyn Fn() -> DriverCounts + Send + Sync>,
    auth: Auth,
    revisions: Revisions,
    outreach: Outreach,
    stop: CancellationToken,
}

/// Shared by all handlers; cheap to clone.
#[derive(Clone)]
struct Api(Arc<Shared>);

struct Shared {
    parts: Parts,
    presence: Presence,
    strangers: Arc<Semaphore>,
}

impl std::ops::Deref for Api {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Api {
    /// Asks the switch, and waits until the facts that came of it are on the disk.
    async fn command(&self, command: Command) -> Result<Reply, Problem> {
        let reply = self.parts.switch.ask(command).await?;
        let hub = &self.parts.hub;
        if tokio::time::timeout(JOURNAL_WAIT, hub.durable(hub.last_seq())).await.is_err() {
            let reason = hub.health().err().unwrap_or_else(|| "the disk is slow".into());
            return Err(ApiError::new(
                ErrorCode::Unavailable,
                "The command was carried out, but is not written down yet",
                reason,
                "Look at the service's disk; the service keeps trying.",
            )
            .into());
        }
        Ok(reply)
    }

    /// Waits, for a moment at most, until rows in the store show what the live picture shows.
    async fn settled(&self) {
        let hub = &self.parts.hub;
        // Older rows are better than none.
        let _ = tokio::time::timeout(Duration::from_secs(1), hub.durable(hub.last_seq())).await;
    }
}

/// The whole site. Starts the task that tells the switch who has a live feed, and the one that ends old sign-ins.
fn router(parts: Parts) -> Router {
    let timeout = request_timeout(&parts.config);
    let api = Api(Arc::new(Shared {
        presence: Presence::start(parts.switch.clone(), parts.stop.clone()),
        strangers: Arc::new(Semaphore::new(STRANGERS)),
        parts,
    }));
    tokio::spawn(expire_sign_ins(api.clone()));
    let v1 = Router::new()
        .route("/openapi.json", get(openapi::document))
        .route("/session", post(session::sign_in).delete(session::sign_out))
        .route("/me", get(session::me))
        .route("/me/device", post(session::open_device))
        .route("/floor", get(floor::floor))
        .route("/agents", get(agents::list))
        .route(
            "/agents/{id}",
            get(agents::one).put(configuration::put_agent).delete(configuration::remove_agent),
        )
        .route("/agents/{id}/status", post(agents::set_status))
        .route("/agents/{id}/wrap-up", post(agents::end_wrap_up))
        .route("/agents/{id}/wrap-up/extend", post(agents::extend_wrap_up))
        .route("/queues", get(queues::list))
        .route(
            "/queues/{id}",
            get(queues::one).put(configuration::put_queue).delete(configuration::remove_queue),
        )
        .route("/skills/{id}", put(configuration::put_skill).delete(configuration::remove_skill))
        .route("/configuration", get(configuration::export).merge(long(put(configuration::replace))))
        .route("/do-not-call", get(do_not_call::list).merge(long(post(do_not_call::import))))
        .route(
            "/do-not-call/{number}",
            get(do_not_call::one).put(do_not_call::add).delete(do_not_call::remove),
        )
        .route("/campaigns", get(campaigns::list))
        .route("/campaigns/{id}", put(campaigns::set_up).delete(campaigns::remove))
        .route("/campaigns/{id}/contacts", long(post(campaigns::import)))
        .route("/campaigns/{id}/next", post(campaigns::next))
        .route("/campaigns/{id}/contacts/{number}/skip", post(campaigns::skip))
        .route("/campaigns/{id}/contacts/{number}/dial", post(campaigns::dial))
        .route("/campaigns/{id}/contacts/{number}/outcome", post(campaigns::outcome))
        .route("/campaigns/{id}/report", get(campaigns::report))
        .route("/campaigns/{id}/report.csv", get(campaigns::report_csv))
        .route("/import/{table}", long(post(import::import)))
        .route("/export/{table}", get(import::export))
        .route("/configuration/check", long(post(configuration::check)))
        .route("/configuration/versions", get(configuration::versions))
        .route("/configuration/versions/{number}", get(configuration::version))
        .route("/configuration/versions/{number}/restore", post(configuration::restore))
        .route("/queues/{id}/expected-wait", get(queues::expected_wait))
        .route("/queues/{id}/callbacks", get(callbacks::list).post(callbacks::book))
        .route("/queues/{id}/callbacks/{callback}", delete(callbacks::cancel))
        .route("/trunks", get(trunks::list))
        .route("/calls", get(calls::list).post(calls::place))
        .route("/calls/{id}", get(calls::one))
        .route("/calls/{id}/decisions", get(calls::decisions))
        .route("/calls/{id}/non-offers", get(calls::non_offers))
        .route("/calls/{id}/sound", get(sound::one))
        .route("/calls/{id}/hold", post(calls::hold))
        .route("/calls/{id}/resume", post(calls::resume))
        .route("/calls/{id}/hangup", post(calls::hang_up))
        .route("/calls/{id}/transfer", post(calls::transfer))
        .route("/calls/{id}/supervision", put(calls::supervise).delete(calls::end_supervision))
        .route("/recordings", get(recordings::list))
        .route("/recordings/{id}", get(recordings::one))
        .route("/recordings/{id}/tracks/{file}", get(recordings::track))
        .route("/recordings/{id}/transcript", get(recordings::transcript))
        .route("/journal", get(reports::journal))
        .route("/reports/day", get(reports::day))
        .route("/reports/service-levels", get(reports::service_levels))
        .route("/defence", get(defence::report))
        .route("/defence/bans/{address}", delete(defence::lift))
        .route("/staffing", get(staffing::staffing))
        .route("/live", get(feed::live))
        .fallback(problem::no_such_path)
        .method_not_allowed_fallback(problem::no_such_method);
    Router::new()
        .nest("/api/v1", v1)
        .merge(wallboard::router())
        .route("/healthz", get(metrics::health))
        .route("/metrics", get(metrics::metrics))
        .fallback(problem::no_such_path)
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(middleware::from_fn_with_state(once::Once::default(), once::once))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(middleware::from_fn(move |request, next| problem::within(timeout, request, next)))
        .layer(middleware::from_fn(problem::guard_headers))
        .with_state(api)
}

/// Takes a long text or table.
fn long(methods: axum::routing::MethodRouter<Api>) -> axum::routing::MethodRouter<Api> {
    methods.layer(DefaultBodyLimit::max(configuration::TEXT_BYTES))
}

/// Serves until `stop` is cancelled.
pub async fn serve(services: Services, listener: TcpListener, stop: CancellationToken) {
    let Services { config, store, hub, switch, vault, media, sip, auth, revisions, outreach } = services;
    let patience = Patience::beyond(request_timeout(&config));
    let sound = sound::of(media.clone(), &config.service.time_zone);
    let media = Arc::new(move || media.stats());
    let sip = Arc::new(move || sip.counts());
    let parts = Parts {
        config,
        store,
        hub,
        switch,
        vault,
        media,
        sound,
        sip,
        auth,
        revisions,
        outreach,
        stop: stop.clone(),
    };
    let site = router(parts).into_make_service_with_connect_info::<Peer>();
    if let Err(error) = axum::serve(Bounded::new(listener, CONNECTIONS, patience), site)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
    {
        tracing::error!(%error, "HTTP ended");
    }
}

fn request_timeout(config: &Config) -> Duration {
    Duration::from_secs(u64::from(config.http.request_timeout_secs))
}

async fn expire_sign_ins(api: Api) {
    let mut every = tokio::time::interval(Duration::from_secs(5));
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = api.parts.stop.cancelled() => return,
        }
        for user in api.parts.auth.expire(clock::now()).await {
            if let Err(error) = api.parts.switch.ask(Command::SignedOut { user }).await {
                tracing::warn!(%error, "switch not told that a sign-in expired");
            }
        }
    }
}
