//! The service's media with so many calls of one kind.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use queue_service::clock;
use queue_service::media::event::MediaEvent;
use queue_service::media::stats::MediaStats;
use queue_service::media::{BridgeId, Media, MediaConfig};
use queue_service::recording::{Recorder, RecorderEvent, RecordingConfig};
use shared::audio::codec::Codec;
use shared::audio::mixer::{Role, Supervision};
use shared::id::{CallId, LegId, RecordingId};
use shared::rtp::srtp::{Keys, Master, Suite};
use shared::sdp::{Direction, Negotiated};
use tokio::sync::mpsc;

use crate::{Mode, Outcome};

/// Calls that last until it is dropped.
pub struct Serve {
    media: Media,
    bridges: Vec<BridgeId>,
    recorder: Option<Recorder>,
}

impl Serve {
    /// Opens the calls; the port of each leg.
    pub fn start(
        mode: Mode,
        calls: usize,
        peers: &[SocketAddr],
        folder: &Path,
    ) -> Outcome<(Serve, Vec<u16>)> {
        let (sender, mut events) = mpsc::channel::<MediaEvent>(4_096);
        let config = MediaConfig { port_min: 10_000, port_max: 59_999, workers: 1, ..MediaConfig::default() };
        let media = Media::start(config, sender)?;
        // Somebody has to take what happens, as the switch does.
        std::thread::Builder::new()
            .name("events".into())
            .spawn(move || while events.blocking_recv().is_some() {})?;
        let recorder = match mode {
            Mode::Recorded => Some(recorder(folder)?),
            _ => None,
        };
        let mut serve = Serve { media, bridges: Vec::with_capacity(calls), recorder };
        let mut ports = Vec::new();
        let mut peers = peers.iter().copied().cycle();
        for number in 1..=calls as u64 {
            let call = CallId::from_u64(number);
            let bridge = serve.media.open_bridge(call);
            for (place, (role, codec)) in legs(mode).iter().enumerate() {
                let leg = LegId::from_u64(number * 8 + place as u64);
                let local = serve.media.open_port(bridge, leg, *role)?;
                ports.push(local.port);
                let peer = peers.next().ok_or("no peers")?;
                serve.media.connect(leg, negotiated(mode, peer, *codec)?);
            }
            if let Some(recorder) = &serve.recorder {
                serve.media.record(bridge, recorder.open(RecordingId::from_u64(number), call, clock::now()));
            }
            serve.bridges.push(bridge);
        }
        Ok((serve, ports))
    }

    pub fn stats(&self) -> MediaStats {
        self.media.stats()
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        for bridge in &self.bridges {
            self.media.close_bridge(*bridge);
        }
        if let Some(recorder) = &self.recorder {
            recorder.shutdown(Duration::from_secs(60));
        }
    }
}

fn recorder(folder: &Path) -> Outcome<Recorder> {
    let (sender, mut events) = mpsc::channel::<RecorderEvent>(1_024);
    let config = RecordingConfig { dir: folder.join("recordings"), sync_secs: 0 };
    let recorder = Recorder::start(config, sender)?;
    std::thread::Builder::new()
        .name("sealed".into())
        .spawn(move || while events.blocking_recv().is_some() {})?;
    Ok(recorder)
}

fn legs(mode: Mode) -> &'static [(Role, Codec)] {
    match mode {
        Mode::Transcoded => &[(Role::Customer, Codec::Pcmu), (Role::Agent, Codec::Opus)],
        Mode::Mixed => &[
            (Role::Customer, Codec::Pcmu),
            (Role::Agent, Codec::Pcmu),
            (Role::Supervisor(Supervision::Monitor), Codec::Pcmu),
        ],
        Mode::Conference => &[
            (Role::Customer, Codec::Pcmu),
            (Role::Agent, Codec::Pcmu),
            (Role::Supervisor(Supervision::Barge), Codec::Pcmu),
        ],
        _ => &[(Role::Customer, Codec::Pcmu), (Role::Agent, Codec::Pcmu)],
    }
}

fn negotiated(mode: Mode, remote: SocketAddr, codec: Codec) -> Outcome<Negotiated> {
    // The same for all, so that the generator needs only one series of packets. Nothing secret is said.
    let keys = match mode {
        Mode::Srtp => {
            let suite = Suite::AesCm128HmacSha1_80;
            let receive = Master::new(suite, &[7; 30])?;
            Some(Keys { send: Master::new(suite, &[9; 30])?, receive })
        }
        _ => None,
    };
    let payload_type = codec.static_payload_type().unwrap_or(111);
    Ok(Negotiated {
        remote,
        remote_rtcp: remote,
        rtcp_mux: true,
        codec,
        payload_type,
        receive: vec![(payload_type, codec)],
        telephone_event: None,
        comfort_noise: None,
        ptime_millis: 20,
        direction: Direction::SendRecv,
        hold: false,
        opus: Default::default(),
        keys,
    })
}
