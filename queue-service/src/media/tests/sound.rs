//! Who hears whom, measured; relay and mix; music; recording.

use std::time::Duration;

use shared::audio::codec::Codec;
use shared::audio::goertzel::power_dbfs;
use shared::audio::level::rms_dbov;
use shared::audio::tone::Sine;
use shared::id::RecordingId;
use shared::model::recording;
use shared::sdp::Direction;

use super::super::*;
use super::floor::{AGENT_HZ, CUSTOMER_HZ, Floor, MUSIC_HZ, SUPERVISOR_HZ, config, negotiated};
use crate::recording::vault::Vault;
use crate::recording::{Recorder, RecorderEvent, RecordingConfig};

fn as_supervisor(mode: SupervisionMode) -> Party {
    Party::new(supervisor(mode))
}

fn music() -> Arc<Prompt> {
    let mut samples = vec![0; 16_000];
    Sine::new(MUSIC_HZ, 16_000, -15.0).fill(&mut samples);
    Arc::new(Prompt::new("music", samples))
}

#[test]
fn a_supervisor_listens_and_whispers() {
    let mut floor = Floor::talk();
    let place = floor.add(supervisor(SupervisionMode::Monitor), Codec::Opus, SUPERVISOR_HZ);
    floor.expect("A C CA");
    floor.set(place, as_supervisor(SupervisionMode::Whisper));
    floor.expect("A CS CA");
}

#[test]
fn a_supervisor_barges_in_and_takes_over() {
    let mut floor = Floor::talk();
    let place = floor.add(supervisor(SupervisionMode::Barge), Codec::Pcmu, SUPERVISOR_HZ);
    floor.expect("AS CS CA");
    floor.set(place, as_supervisor(SupervisionMode::TakeOver));
    floor.expect("S . C");
}

#[test]
fn hold_plays_to_the_customer_alone_and_mute_silences_one() {
    let mut floor = Floor::talk();
    let customer = floor.leg(0);
    floor.set(0, Party { held: true, ..Party::new(Role::Customer) });
    floor.media.play(customer, music(), PlayMode::Loop, 1);
    floor.expect("M .");
    floor.media.stop_play(customer);
    floor.media.set_parties(
        floor.bridge,
        vec![
            (customer, Party::new(Role::Customer)),
            (floor.leg(1), Party { muted: true, ..Party::new(Role::Agent) }),
        ],
    );
    floor.expect(". C");
}

#[test]
fn codecs_meet_in_the_mix() {
    let mut floor = Floor::new(config());
    floor.add(Role::Customer, Codec::Pcmu, CUSTOMER_HZ);
    floor.add(Role::Agent, Codec::Opus, AGENT_HZ);
    floor.expect("A C");
    assert_eq!(floor.media.stats().relaying, 0);
}

#[test]
fn relay_and_mix_change_without_a_break() {
    let mut floor = Floor::talk();
    floor.run(300);
    assert_eq!(floor.media.stats().relaying, 1);
    // A third voice: mix. It leaves: relay.
    let place = floor.add(supervisor(SupervisionMode::Barge), Codec::Pcma, SUPERVISOR_HZ);
    floor.run(300);
    assert_eq!(floor.media.stats().relaying, 0);
    floor.media.close_port(floor.leg(place));
    floor.run(300);
    assert_eq!(floor.media.stats().relaying, 1);
    for (phone, hz) in floor.phones[..2].iter().zip([AGENT_HZ, CUSTOMER_HZ]) {
        let headers = &phone.headers;
        assert!(headers.len() > 38, "{} packets", headers.len());
        assert!(headers.iter().all(|header| header.ssrc == headers[0].ssrc), "one source");
        for pair in headers.windows(2) {
            assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1), "{pair:?}");
            let ticks = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
            // One frame, and at most another one where the source changes; a busy machine may add two more.
            assert!((1..=640).contains(&ticks), "{ticks} ticks between {pair:?}");
        }
        // Heard without a hole, from where the phone's own buffer is filled: never more than one quiet frame.
        let levels: Vec<f32> = phone.heard[3_200..].chunks_exact(320).map(rms_dbov).collect();
        assert!(levels.windows(2).all(|pair| pair[0].max(pair[1]) > -40.0), "{hz} Hz: {levels:.0?}");
        assert!(power_dbfs(&phone.heard[3_200..], hz, 16_000) > -25.0);
    }
}

/// What the customer gets is the agent's packets, from the first to the last, whoever listens or whispers.
#[test]
fn a_customer_cannot_notice_a_listener_or_a_whisper() {
    let mut floor = Floor::talk();
    floor.run(200);
    let place = floor.add(supervisor(SupervisionMode::Monitor), Codec::Opus, SUPERVISOR_HZ);
    floor.expect("A C CA");
    floor.set(place, as_supervisor(SupervisionMode::Whisper));
    floor.expect("A CS CA");
    floor.media.close_port(floor.leg(place));
    floor.run(200);
    let headers = &floor.phones[0].headers;
    assert!(headers.len() > 50);
    for pair in headers.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
        assert_eq!(pair[1].timestamp, pair[0].timestamp.wrapping_add(160), "the agent's own timeline");
    }
}

/// The phone puts us on hold and takes another codec when it comes back: nothing is sent meanwhile, and the stream
/// that it gets goes on.
#[test]
fn a_negotiation_in_mid_call_keeps_the_stream() {
    let mut floor = Floor::talk();
    floor.run(200);
    let (leg, remote) = (floor.leg(0), floor.phones[0].socket.local_addr().expect("address"));
    let mut held = negotiated(remote, Codec::Pcma);
    held.direction = Direction::RecvOnly;
    floor.media.connect(leg, held);
    floor.run(60);
    let before = floor.phones[0].headers.len();
    floor.run(200);
    assert_eq!(floor.phones[0].headers.len(), before, "nothing for who does not want it");
    floor.phones[0].renegotiate(Codec::Pcmu);
    floor.media.connect(leg, negotiated(remote, Codec::Pcmu));
    floor.expect("A C");
    let headers = &floor.phones[0].headers;
    assert!(headers.iter().all(|header| header.ssrc == headers[0].ssrc));
    assert_eq!(headers.last().map(|header| header.payload_type), Some(0));
    for pair in headers.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
        assert!(pair[1].timestamp.wrapping_sub(pair[0].timestamp).cast_signed() > 0);
    }
}

#[test]
fn a_prompt_ends_with_an_event_and_another_takes_over_at_once() {
    let mut floor = Floor::new(config());
    floor.add(Role::Customer, Codec::Pcma, CUSTOMER_HZ);
    let leg = floor.leg(0);
    let call = super::floor::call();
    floor.media.play(leg, music(), PlayMode::Loop, 1);
    floor.expect("M");
    let mut samples = vec![0; 3_200];
    Sine::new(SUPERVISOR_HZ, 16_000, -15.0).fill(&mut samples);
    floor.media.play(leg, Arc::new(Prompt::new("short", samples)), PlayMode::Once, 2);
    floor.run(100);
    assert!(
        power_dbfs(&floor.phones[0].heard[floor.phones[0].heard.len() - 320..], MUSIC_HZ, 16_000) < -40.0
    );
    floor.run(240);
    let done: Vec<MediaEvent> =
        floor.events().into_iter().filter(|event| matches!(event, MediaEvent::PlayDone { .. })).collect();
    assert_eq!(done, [MediaEvent::PlayDone { call, leg, id: 2 }]);
}

/// Customer, agent and a whispering supervisor are recorded, each on a track of his own; the music is on none.
#[test]
fn a_recording_has_every_voice_on_its_track() {
    let dir = tempfile::tempdir().expect("folder");
    let (sender, mut sealed) = mpsc::channel(4);
    let recorder =
        Recorder::start(RecordingConfig { dir: dir.path().into(), sync_secs: 0 }, sender).expect("recorder");
    let mut floor = Floor::talk();
    let place = floor.add(supervisor(SupervisionMode::Monitor), Codec::Pcma, SUPERVISOR_HZ);
    floor.run(200);
    let (id, started_at) = (RecordingId::from_u64(3), crate::clock::now());
    let tap = recorder.open(id, super::floor::call(), started_at);
    floor.media.record(floor.bridge, tap);
    let began = std::time::Instant::now();
    floor.run(300);
    // The supervisor leaves: relay, and the recording goes on from the relayed packets.
    floor.set(place, as_supervisor(SupervisionMode::Whisper));
    floor.run(300);
    floor.set(0, Party { held: true, ..Party::new(Role::Customer) });
    floor.media.play(floor.leg(0), music(), PlayMode::Loop, 1);
    floor.run(300);
    let talked = began.elapsed();
    floor.media.close_bridge(floor.bridge);
    let Some(RecorderEvent::Sealed(sealed)) = sealed.blocking_recv() else { panic!("sealed") };
    let recorded = Duration::from_millis(sealed.duration_millis);
    assert!(recorded.abs_diff(talked) <= Duration::from_millis(40), "{recorded:?} of {talked:?}");
    assert_eq!(sealed.dropped_frames, 0);
    let track = |track| -> Vec<i16> {
        let path = Vault::new(dir.path()).path(id, started_at, track);
        hound::WavReader::open(path)
            .expect("file")
            .samples::<i16>()
            .map(|sample| sample.expect("sample"))
            .collect()
    };
    let tones = [CUSTOMER_HZ, AGENT_HZ, SUPERVISOR_HZ, MUSIC_HZ];
    let heard = |samples: &[i16]| tones.map(|hz| power_dbfs(samples, hz, 16_000) > -35.0);
    let [customer, agent, supervisor] = recording::Track::ALL.map(track);
    // While he only listens, while he whispers, while the customer is held.
    let parts = [800..4_000, 6_400..9_000, 12_000..14_000];
    for (samples, expected) in [
        (&customer, [[true, false, false, false], [true, false, false, false], [false; 4]]),
        (&agent, [[false, true, false, false], [false, true, false, false], [false, true, false, false]]),
        (&supervisor, [[false; 4], [false, false, true, false], [false, false, true, false]]),
    ] {
        for (part, expected) in parts.iter().zip(expected) {
            assert_eq!(heard(&samples[part.clone()]), expected, "{part:?}");
        }
    }
}

#[test]
fn a_relayed_call_is_recorded_too() {
    let dir = tempfile::tempdir().expect("folder");
    let (sender, mut sealed) = mpsc::channel(4);
    let recorder =
        Recorder::start(RecordingConfig { dir: dir.path().into(), sync_secs: 0 }, sender).expect("recorder");
    let mut floor = Floor::talk();
    floor.run(200);
    let (id, started_at) = (RecordingId::from_u64(3), crate::clock::now());
    floor.media.record(floor.bridge, recorder.open(id, super::floor::call(), started_at));
    floor.run(500);
    assert_eq!(floor.media.stats().relaying, 1);
    floor.media.stop_record(floor.bridge);
    let Some(RecorderEvent::Sealed(_)) = sealed.blocking_recv() else { panic!("sealed") };
    for (track, hz) in [(recording::Track::Customer, CUSTOMER_HZ), (recording::Track::Agent, AGENT_HZ)] {
        let path = Vault::new(dir.path()).path(id, started_at, track);
        let samples: Vec<i16> = hound::WavReader::open(path)
            .expect("file")
            .samples::<i16>()
            .map(|sample| sample.expect("sample"))
            .collect();
        assert!(power_dbfs(&samples[1_600..6_400], hz, 16_000) > -20.0, "{track:?}");
    }
    let talks: Vec<LegId> = floor
        .events()
        .into_iter()
        .filter_map(|event| match event {
            MediaEvent::Talk { leg, talking: true, .. } => Some(leg),
            _ => None,
        })
        .collect();
    assert_eq!(talks.len(), 2, "both begin to talk");
}
