//! The service wired together: what is started, in which order, and how it stops.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rand::Rng;
use shared::id::{RecordingId, UserId};
use shared::model::event::Event;
use shared::model::recording::{Recording, RecordingState, Track};
use shared::sip::Method;
use shared_net::sip::{BindError, DriverConfig, DriverMonitor, Dscp, SipDriver};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::auth::{Auth, AuthError};
use crate::clock;
use crate::config::Config;
use crate::http;
use crate::live::{Hub, HubError};
use crate::media::{Media, MediaConfig, MediaError};
use crate::outreach::{Blocked, Outreach};
use crate::recording::vault::Vault;
use crate::recording::{Recorder, RecorderEvent, RecordingConfig, RecordingError, recover};
use crate::revision::Revisions;
use crate::sip::keeper;
use crate::sip::phones::SavedPhones;
use crate::store::{Store, StoreError};
use crate::switch::command::SwitchHandle;
use crate::switch::{self, Parts};
use crate::transcript::{Settings, Transcriber};

/// Facts that wait for the switch or the recorder; when they are full, their makers wait.
const EVENT_QUEUE_LEN: usize = 4096;
/// How long the recorder gets at the end to seal what is open; the rest is recovered at the next start.
const SEAL_WITHIN: Duration = Duration::from_secs(15);

/// Why the service does not start. One plain sentence each, with the remedy.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder cannot be used.
    #[error(
        "make the data folder {folder}: {source}; choose another with service.data_dir or give this user the right to write there"
    )]
    DataFolder {
        /// Which.
        folder: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The database cannot be used.
    #[error("open the database: {0}")]
    Store(#[from] StoreError),
    /// The journal cannot be taken up.
    #[error("take up the journal: {0}")]
    Hub(#[from] HubError),
    /// The folder of the recordings cannot be used.
    #[error("prepare the recordings: {}; choose another folder with recording.folder or give this user the right to write there", .0.whole())]
    Recording(#[from] RecordingError),
    /// The sign-ins of before cannot be read.
    #[error("take up the sign-ins: {0}")]
    SignIns(#[from] AuthError),
    /// Media cannot be set up.
    #[error("{0}")]
    Media(#[from] MediaError),
    /// A SIP port cannot be used.
    #[error("{0}")]
    Sip(#[from] BindError),
    /// The HTTP port cannot be used.
    #[error(
        "listen for HTTP on {address}: {source}; stop the program that uses the port or change http.listen"
    )]
    Http {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// No thread for transcription.
    #[error("start the transcriber: {0}")]
    Transcriber(std::io::Error),
}

/// Runs the service until `stop` is cancelled; returns when every call has ended and everything is written.
///
/// # Errors
/// Why it does not start.
pub async fn run(config: Config, stop: CancellationToken) -> Result<(), StartError> {
    let config = Arc::new(config);
    let data_dir = config.data_dir();
    std::fs::create_dir_all(&data_dir)
        .map_err(|source| StartError::DataFolder { folder: data_dir.display().to_string(), source })?;
    let listener = TcpListener::bind(config.http.listen)
        .await
        .map_err(|source| StartError::Http { address: config.http.listen, source })?;
    let http_address = listener.local_addr().unwrap_or(config.http.listen);

    let store = Store::open(&config.store_url()).await?;
    let hub = Hub::open(&store, &config).await?;
    let recordings = Recordings::start(&config, &store, &hub).await?;

    let (media_sender, media_events) = mpsc::channel(EVENT_QUEUE_LEN);
    let media = Media::start(media_config(&config), media_sender)?;
    let phones = keeper::load(&store, config.users().into_iter().map(|person| person.id)).await?;
    let (sip, sip_events) = SipDriver::start(sip_config(&config, &phones), rand::rng().next_u64())?;
    let sip_addresses = sip.local_addrs().to_vec();
    let sip_monitor = sip.monitor();
    let (phone_keeper, phone_changes) = mpsc::channel(EVENT_QUEUE_LEN);
    let phone_task = tokio::spawn(keeper::run(store.clone(), phone_changes));
    let (switch_handle, commands) = SwitchHandle::channel();
    let outreach = Outreach::open(&store, &hub, Blocked::new(&config)).await?;
    tokio::spawn(outreach.clone().run(stop.clone()));
    let switch = tokio::spawn(switch::run(
        Parts {
            config: config.clone(),
            config_version: hub.config_version(),
            blocked: outreach.blocked().clone(),
            sip,
            sip_events,
            media: media.clone(),
            media_events,
            recorder: recordings.recorder.clone(),
            recordings: recordings.opened.clone(),
            phones,
            phone_keeper,
            hub: hub.clone(),
            commands,
        },
        stop.clone(),
    ));
    for (transport, address) in &sip_addresses {
        tracing::info!(%address, transport = transport.as_via(), "SIP");
    }
    tracing::info!(address = %http_address, "HTTP; the wallboard is at /wallboard");

    let auth = Auth::open(&store, &config, clock::now()).await?;
    let revisions =
        Revisions::open(config.clone(), &store, &hub, switch_handle.clone(), auth.clone()).await?;
    let reload = tokio::spawn(reload_on_hangup(sip_monitor.clone(), revisions.clone()));
    let vault = Vault::new(config.recordings_folder());
    let api = http::Services {
        config: config.clone(),
        store: store.clone(),
        hub: hub.clone(),
        switch: switch_handle,
        vault,
        media,
        sip: sip_monitor,
        auth,
        revisions,
        outreach,
    };
    let http_stop = CancellationToken::new();
    let http = tokio::spawn(http::serve(api, listener, http_stop.clone()));

    stop.cancelled().await;
    reload.abort();
    tracing::info!("stopping: calls end, recordings are sealed, the journal is written");
    // A task that panicked has said so already; what it left is recovered at the next start.
    let _ = switch.await;
    let _ = phone_task.await;
    recordings.stop().await;
    http_stop.cancel();
    let _ = http.await;
    hub.close().await;
    store.close().await;
    Ok(())
}

/// SIGHUP, as everywhere: read the certificates and the configuration again. What is wrong is told in the log, and
/// nothing changes.
#[cfg(unix)]
async fn reload_on_hangup(sip: DriverMonitor, revisions: Revisions) {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
    while hangup.recv().await.is_some() {
        sip.reload_certificates();
        match revisions.reload().await {
            Ok(change) if change.changes.is_empty() => tracing::info!("the configuration file is as it was"),
            Ok(change) => {
                tracing::info!(version = change.version, changes = ?change.changes, needs_restart = ?change.restart,
                    "the configuration file was read again");
            }
            Err(error) => {
                tracing::error!(%error, "the configuration file was not taken; the old one stays in force")
            }
        }
    }
}

#[cfg(not(unix))]
async fn reload_on_hangup(_sip: DriverMonitor, _revisions: Revisions) {}

fn media_config(config: &Config) -> MediaConfig {
    let media = &config.media;
    let advertised = media.advertised_address.or_else(|| media.bind.is_unspecified().then(own_address));
    MediaConfig {
        bind: media.bind,
        advertised,
        port_min: media.port_min,
        port_max: media.port_max,
        workers: media.workers as usize,
        dscp: media.dscp,
        no_media_secs: media.no_media_secs,
        no_first_media_secs: media.no_first_media_secs,
    }
}

fn sip_config(config: &Config, phones: &[(UserId, SavedPhones)]) -> DriverConfig {
    let mut door = config.door();
    // An app of before the restart may refresh at once.
    door.accounts.extend(phones.iter().filter_map(|(_, saved)| saved.app.clone()));
    let endpoint = shared::sip::Config {
        user_agent: format!("Callfloor/{}", env!("CARGO_PKG_VERSION")),
        advertised: config.sip.advertised_address,
        advertised_name: config.sip.advertised_name.clone(),
        // Below the half minute that most NATs remember UDP for.
        keep_alive: Some(Duration::from_secs(25)),
        // A call has two legs, and a supervisor or a transfer makes a third and fourth for a while.
        max_sessions: config.sip.max_calls as usize * 4,
        // Finished ones absorb repetitions for 32 s (RFC 3261 §17.2), and a short call makes four: a service for many
        // calls at once also gets many a second.
        max_transactions: (config.sip.max_calls as usize * 10).max(50_000),
        user_methods: vec![Method::Register],
        door: Some(door),
        ..shared::sip::Config::default()
    };
    DriverConfig {
        udp: config.sip.udp.clone(),
        tcp: config.sip.tcp.clone(),
        tls: Some(config.tls()),
        name_servers: config.sip.name_servers.clone(),
        dscp: Dscp(config.sip.dscp),
        unlimited: config.trunks.iter().flat_map(|trunk| trunk.addresses.clone()).collect(),
        endpoint,
        ..DriverConfig::default()
    }
}

/// The address by which this machine reaches others; loopback when it reaches nobody.
fn own_address() -> IpAddr {
    // Any public address will do: nothing is sent, the system only names the route's own address.
    let far = SocketAddr::from(([192, 0, 2, 1], 9));
    shared_net::sip::local_ip_towards(far).unwrap_or(IpAddr::from([127, 0, 0, 1]))
}

/// The recorder with the task that brings its results to the store, the journal and the transcriber.
struct Recordings {
    recorder: Recorder,
    opened: mpsc::Sender<Recording>,
    task: tokio::task::JoinHandle<()>,
    end: CancellationToken,
}

impl Recordings {
    async fn start(config: &Config, store: &Store, hub: &Hub) -> Result<Recordings, StartError> {
        let folder = config.recordings_folder();
        let (sender, events) = mpsc::channel(EVENT_QUEUE_LEN);
        let recorder = Recorder::start(
            RecordingConfig { dir: folder.clone(), sync_secs: config.recording.sync_secs },
            sender,
        )?;
        let vault = Vault::new(&folder);
        let transcriber = start_transcriber(config, store, hub, vault.clone())?;
        let (opened, news) = mpsc::channel(EVENT_QUEUE_LEN);
        let keeper = Keeper { store: store.clone(), hub: hub.clone(), transcriber };
        keeper.recover(&folder, &vault).await;
        let end = CancellationToken::new();
        let task = tokio::spawn(keeper.run(events, news, end.clone()));
        Ok(Recordings { recorder, opened, task, end })
    }

    /// Seals what is open, within [`SEAL_WITHIN`].
    async fn stop(self) {
        let recorder = self.recorder;
        let sealed = tokio::task::spawn_blocking(move || recorder.shutdown(SEAL_WITHIN)).await;
        if !matches!(sealed, Ok(true)) {
            tracing::warn!("not every recording was sealed in time; the next start seals the rest");
        }
        self.end.cancel();
        let _ = self.task.await;
    }
}

fn start_transcriber(
    config: &Config,
    store: &Store,
    hub: &Hub,
    vault: Vault,
) -> Result<Transcriber, StartError> {
    let transcripts = Arc::new(store.transcripts());
    let recordings = store.recordings();
    let runtime = tokio::runtime::Handle::current();
    let tracks_of = move |recording: RecordingId| {
        // Called by the transcriber's own thread, which may wait.
        match runtime.block_on(recordings.get(recording)) {
            Ok(Some(found)) => Track::ALL
                .into_iter()
                .filter(|track| found.tracks.iter().any(|file| file.track == *track))
                .map(|track| (track, vault.path(recording, found.started_at, track)))
                .collect(),
            Ok(None) => Vec::new(),
            Err(error) => {
                tracing::error!(%recording, %error, "the tracks of a recording cannot be looked up");
                Vec::new()
            }
        }
    };
    let publish = {
        let hub = hub.clone();
        move |event| {
            hub.publish(event);
        }
    };
    Transcriber::start(Settings::from(config), transcripts, tracks_of, publish)
        .map_err(StartError::Transcriber)
}

/// Brings the ends of recordings to the store, the journal and the transcriber.
struct Keeper {
    store: Store,
    hub: Hub,
    transcriber: Transcriber,
}

impl Keeper {
    /// Seals what a crash left open, and catches up with what was sealed but not told.
    async fn recover(&self, folder: &std::path::Path, vault: &Vault) {
        let dir = folder.to_owned();
        let found = tokio::task::spawn_blocking(move || recover::recover(&dir)).await.unwrap_or_default();
        for (folder, error) in &found.failed {
            tracing::error!(folder = %folder.display(), error = %error.whole(), "a recording could not be recovered");
        }
        for sealed in found.sealed {
            tracing::warn!(recording = %sealed.recording, "a recording was recovered after a crash");
            self.keep(sealed.to_recording()).await;
        }
        // Sealed, and then the process died before the store knew.
        let open = match self.store.recordings().open().await {
            Ok(open) => open,
            Err(error) => {
                tracing::error!(%error, "open recordings cannot be looked up");
                return;
            }
        };
        for recording in open {
            match vault.describe(recording.id, recording.started_at) {
                Ok(described) if described.state != RecordingState::Open => self.keep(described).await,
                Ok(_) => {}
                Err(error) => {
                    tracing::error!(recording = %recording.id, error = %error.whole(), "a recording is missing");
                }
            }
        }
    }

    async fn run(
        self,
        mut events: mpsc::Receiver<RecorderEvent>,
        mut news: mpsc::Receiver<Recording>,
        end: CancellationToken,
    ) {
        loop {
            tokio::select! {
                biased;
                opened = news.recv() => match opened {
                    Some(recording) => self.save(&recording).await,
                    None => break,
                },
                event = events.recv() => match event {
                    Some(event) => self.recorder_says(event).await,
                    None => break,
                },
                () = end.cancelled() => break,
            }
        }
        while let Ok(event) = events.try_recv() {
            self.recorder_says(event).await;
        }
        self.transcriber.shutdown().await;
    }

    async fn recorder_says(&self, event: RecorderEvent) {
        match event {
            RecorderEvent::Sealed(sealed) => self.keep(sealed.to_recording()).await,
            RecorderEvent::Failed { recording, call, reason } => {
                tracing::error!(%recording, %call, %reason, "a recording failed; its files stay for the next start");
            }
        }
    }

    /// Store first, then the fact: who reads the fact finds the recording.
    async fn keep(&self, recording: Recording) {
        self.save(&recording).await;
        self.hub.publish(sealed_event(&recording));
        if let Err(error) = self.transcriber.enqueue(recording.id, recording.call).await {
            tracing::error!(recording = %recording.id, %error, "no transcription job was saved");
        }
    }

    async fn save(&self, recording: &Recording) {
        // The files are safe; a store that is away for a while must not lose the row.
        for attempt in 1..=20_u32 {
            match self.store.recordings().save(recording).await {
                Ok(()) => return,
                Err(error) => {
                    tracing::error!(recording = %recording.id, %error, attempt, "a recording's row was not saved");
                    tokio::time::sleep(Duration::from_millis(250)).await;
                }
            }
        }
    }
}

fn sealed_event(recording: &Recording) -> Event {
    Event::RecordingSealed {
        recording: recording.id,
        call: recording.call,
        duration_millis: recording.duration_millis,
        tracks: recording.tracks.clone(),
        dropped_frames: recording.dropped_frames,
        recovered: recording.state == RecordingState::Recovered,
    }
}
