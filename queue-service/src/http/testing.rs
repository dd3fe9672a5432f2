//! A whole API over a fresh store and a switch that only writes down what it is asked.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::connect_info::MockConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode, header};
use serde_json::Value;
use shared::api::defence::DefenceReport;
use shared::api::queues::{ExpectedWait, ExpectedWaitReport};
use shared::api::session::DeviceAccount;
use shared::api::trunks::TrunkReport;
use shared::id::CallId;
use shared::model::agent::Status;
use shared::model::call::{Party, Supervision};
use shared::model::event::{Event, Stamped};
use shared::model::trunk::{TrunkInfo, TrunkState};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::listener::Peer;
use super::{Parts, router};
use crate::auth::Auth;
use crate::clock;
use crate::config::Config;
use crate::live::Hub;
use crate::media::stats::MediaStats;
use crate::outreach::{Blocked, Outreach};
use crate::recording::vault::Vault;
use crate::revision::Revisions;
use crate::store::{Store, testing};
use crate::switch::command::{Command, Reply, SwitchHandle};
use shared_net::sip::DriverCounts;

const CONFIG: &str = r#"
    [http]
    max_feeds_per_user = 2
    [[queues]]
    id = "sales"
    name = "Sales"
    [[queues]]
    id = "help"
    name = "Help"
    [[agents]]
    id = "ada"
    name = "Ada"
    password = "pw"
    queues = ["sales"]
    [[agents]]
    id = "bob"
    name = "Bob"
    password = "pw"
    queues = ["help"]
    [[users]]
    id = "sue"
    name = "Sue"
    role = "supervisor"
    password = "pw"
    [[users]]
    id = "max"
    name = "Max"
    role = "manager"
    password = "pw"
    [[users]]
    id = "adm"
    name = "Adm"
    role = "admin"
    password = "pw"
"#;

/// The API with everything behind it.
pub(super) struct Site {
    pub(super) router: Router,
    pub(super) hub: Hub,
    pub(super) store: Store,
    pub(super) auth: Auth,
    pub(super) stop: CancellationToken,
    pub(super) folder: tempfile::TempDir,
    commands: Arc<Mutex<Vec<Command>>>,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {:?}", self.body))
    }

    pub(super) fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl Site {
    pub(super) async fn new() -> Site {
        let (store, folder) = testing::sqlite().await;
        let config = Config::parse(CONFIG, &folder.path().join("call.toml")).expect("right");
        let hub = Hub::open(&store, &config).await.expect("the hub opens");
        let auth = Auth::open(&store, &config, clock::now()).await.expect("people");
        let (switch, mut requests) = SwitchHandle::channel();
        let commands = Arc::new(Mutex::new(Vec::new()));
        let (log, floor) = (Arc::clone(&commands), hub.clone());
        tokio::spawn(async move {
            while let Some(request) = requests.recv().await {
                log.lock().expect("not poisoned").push(request.command.clone());
                // A caller who is gone is no fault.
                let _ = request.reply.send(Ok(carry_out(&floor, request.command)));
            }
        });
        let stop = CancellationToken::new();
        let config = Arc::new(config);
        std::fs::write(config.file(), CONFIG).expect("the file is written");
        let revisions = Revisions::open(config.clone(), &store, &hub, switch.clone(), auth.clone()).await;
        let parts = Parts {
            revisions: revisions.expect("versions"),
            outreach: Outreach::open(&store, &hub, Blocked::new(&config)).await.expect("campaigns"),
            vault: Vault::new(config.recordings_folder()),
            config,
            store: store.clone(),
            hub: hub.clone(),
            switch,
            media: Arc::new(MediaStats::default),
            sound: Arc::new(|call| Box::pin(async move { Some(super::sound::tests::made_up(call)) })),
            sip: Arc::new(|| DriverCounts { datagrams_received: 7, ..DriverCounts::default() }),
            auth: auth.clone(),
            stop: stop.clone(),
        };
        let router = router(parts);
        Site { router, hub, store, auth, stop, folder, commands }
    }

    pub(super) fn recordings(&self) -> std::path::PathBuf {
        Path::new(self.folder.path()).join("data/recordings")
    }

    /// What the switch was asked so far, and forgets it.
    pub(super) fn asked(&self) -> Vec<Command> {
        std::mem::take(&mut self.commands.lock().expect("not poisoned"))
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Answer {
        let from = SocketAddr::from(([192, 0, 2, 7], 4711));
        let router = self.router.clone().layer(MockConnectInfo(Peer(from)));
        let response = router.oneshot(request).await.expect("the router answers");
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(super) async fn ask(&self, method: &str, path: &str, token: &str, body: Option<Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        self.send(request.body(body).expect("a request")).await
    }

    pub(super) async fn get(&self, path: &str, token: &str) -> Answer {
        self.ask("GET", path, token, None).await
    }

    /// A token, without the switch hearing of it.
    pub(super) async fn token(&self, user: &str) -> String {
        let address = [127, 0, 0, 1].into();
        let user = user.parse().expect("a name");
        self.auth.sign_in(clock::now(), address, &user, "pw").await.expect("in").token
    }

    /// A call that waits in a queue.
    pub(super) fn call(&self, number: u64, queue: &str) -> (CallId, Vec<Stamped>) {
        let call = CallId::from_u64(number);
        let from = Party { number: "+4930".into(), name: String::new() };
        let arrived = Event::CallArrived { call, from, dialled: "100".into(), trunk: None };
        let queue = queue.parse().expect("a queue");
        let since = clock::now();
        let queued = Event::CallQueued { call, queue, priority_secs: 0, since, only: None };
        (call, [arrived, queued].map(|event| self.hub.publish(event).stamped.clone()).to_vec())
    }

    /// The call is with an agent.
    pub(super) fn connect(&self, call: CallId, queue: &str, agent: &str) {
        let (queue, agent): (shared::id::QueueId, _) =
            (queue.parse().expect("a queue"), agent.parse().expect("an agent"));
        let exit = shared::model::call::QueueExit::Answered;
        self.hub.publish(Event::CallLeftQueue { call, queue: queue.clone(), exit, wait_millis: 4_000 });
        self.hub.publish(Event::CallConnected { call, queue, agent, wait_millis: 4_000, setup_millis: 12 });
    }
}

fn carry_out(hub: &Hub, command: Command) -> Reply {
    match command {
        Command::SetStatus { agent, by, .. } => {
            hub.publish(Event::AgentStatusChanged { agent, status: Status::Ready, by, since: None });
            Reply::Done
        }
        Command::OpenDevice { user } => Reply::Device(DeviceAccount {
            address: format!("sip:{user}@callfloor"),
            username: user.to_string(),
            password: "secret".into(),
            realm: "callfloor".into(),
            udp: Some("127.0.0.1:5060".into()),
            tcp: None,
        }),
        Command::Supervise { supervisor, mode, .. } => {
            Reply::Supervision(Supervision { supervisor, mode, since: clock::now() })
        }
        Command::Trunks => Reply::Trunks(vec![TrunkReport {
            info: TrunkInfo {
                id: "carrier".parse().expect("id"),
                name: "Carrier".into(),
                servers: vec!["sip:carrier.example".into()],
                registers: false,
                priority: 10,
                weight: 10,
                max_calls: 30,
                max_calls_per_sec: 0,
            },
            state: TrunkState::Down { reason: "no answer to OPTIONS".into() },
            since: clock::now(),
            last_error: None,
            registered_until: None,
            servers: Vec::new(),
            calls: 2,
        }]),
        Command::Defence => Reply::Defence(DefenceReport::default()),
        Command::ExpectedWait { .. } => Reply::ExpectedWait(ExpectedWaitReport {
            expected: Some(ExpectedWait { p50_secs: 40, p90_secs: 95 }),
            foreseen: 20,
            within_p50: 11,
            within_p90: 18,
        }),
        Command::WhyNobody { .. } => Reply::NonOffer(None),
        Command::PlaceCall { .. } => Reply::Placed(CallId::from_u64(7)),
        Command::Configure(change) => {
            hub.publish(change.event().clone());
            Reply::Done
        }
        Command::BookCallback { .. } => Reply::Callback(CallId::from_u64(8)),
        Command::CancelCallback { .. }
        | Command::EndWrapUp { .. }
        | Command::ExtendWrapUp { .. }
        | Command::SetHold { .. }
        | Command::Hangup { .. }
        | Command::Transfer { .. }
        | Command::EndSupervision { .. }
        | Command::SignedIn { .. }
        | Command::SignedOut { .. }
        | Command::LiftBan { .. }
        | Command::FeedPresence { .. } => Reply::Done,
    }
}
