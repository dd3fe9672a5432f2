//! Who hears whom, measured: every mode and every change between two of them, by tones of 440, 660 and 880 Hz. What shall be
//! there is at least at -30 dBFS, what shall not is at most at -70, for each listener and each track of the recording.
//! Opus is a codec for speech: of 440 and 880 Hz together it makes a third tone of its own, 42 dB below, at 660. So with
//! Opus what shall not be there is at most at -60.

use std::sync::Arc;

use shared::audio::Frame;
use shared::audio::codec::{Codec, Decoder, Encoder, MAX_PACKET_SAMPLES};
use shared::audio::goertzel::power_dbfs;
use shared::audio::mixer::{Party, Role, Supervision};
use shared::audio::tone::Sine;
use shared::rtp::srtp::Suite;

use super::super::PlayMode;
use super::super::prompt::Prompt;
use super::session::Session;

const CUSTOMER: usize = 0;
const AGENT: usize = 1;
/// By letter; the third is a supervisor or a second agent.
const TONES: [(char, f32); 4] = [('C', 440.0), ('A', 880.0), ('S', 660.0), ('M', 1_050.0)];
/// Long enough for a change between relay and mix to be done, and for the phone's buffer to be through.
const SETTLE_FRAMES: usize = 36;
const LISTEN_FRAMES: usize = 20;

/// How the third takes part, what happens besides, and who is heard by customer, agent, third, and on the tracks of
/// customer, agent and supervisor.
struct Mode {
    name: &'static str,
    third: Option<Role>,
    is_held: bool,
    plays_to_agent: bool,
    expected: &'static str,
}

const fn mode(name: &'static str, third: Option<Role>, expected: &'static str) -> Mode {
    Mode { name, third, is_held: false, plays_to_agent: false, expected }
}

const MODES: [Mode; 8] = [
    mode("talk", None, "A C - | C A ."),
    mode("monitor", Some(Role::Supervisor(Supervision::Monitor)), "A C CA | C A ."),
    mode("whisper", Some(Role::Supervisor(Supervision::Whisper)), "A CS CA | C A S"),
    mode("barge", Some(Role::Supervisor(Supervision::Barge)), "AS CS CA | C A S"),
    mode("take over", Some(Role::Supervisor(Supervision::TakeOver)), "S . C | C . S"),
    mode("conference", Some(Role::Agent), "AS CS CA | C AS ."),
    Mode { is_held: true, ..mode("hold", None, "M . - | . A .") },
    Mode { plays_to_agent: true, ..mode("player", None, "A CM - | C A .") },
];

struct Walk {
    session: Session,
    codec: Codec,
    suite: Option<Suite>,
    third: Option<usize>,
    music: Arc<Prompt>,
}

impl Walk {
    fn new(codec: Codec, suite: Option<Suite>) -> Walk {
        let mut session = Session::new();
        session.add(Role::Customer, codec, 440.0, suite);
        session.add(Role::Agent, codec, 880.0, suite);
        session.record();
        let mut music = vec![0; 16_000];
        Sine::new(1_050.0, 16_000, -20.0).fill(&mut music);
        Walk { session, codec, suite, third: None, music: Arc::new(Prompt::new("music", music)) }
    }

    fn enter(&mut self, mode: &Mode) {
        let session = &mut self.session;
        match (self.third, mode.third) {
            (None, Some(role)) => self.third = Some(session.add(role, self.codec, 660.0, self.suite)),
            (Some(slot), Some(role)) => session.port(slot).party = Party::new(role),
            (Some(slot), None) => {
                session.remove(slot);
                self.third = None;
            }
            (None, None) => {}
        }
        session.port(CUSTOMER).party.held = mode.is_held;
        for (slot, plays) in [(CUSTOMER, mode.is_held), (AGENT, mode.plays_to_agent)] {
            let player = &mut session.port(slot).player;
            if plays {
                player.play(self.music.clone(), PlayMode::Loop, 1);
            } else {
                player.stop();
            }
        }
        session.plan();
    }

    fn check(&mut self, from: &str, mode: &Mode) {
        self.session.run(SETTLE_FRAMES);
        self.session.forget();
        self.session.run(LISTEN_FRAMES);
        let what = format!("{} {:?}: {from} to {}", self.codec, self.suite, mode.name);
        let phone = |slot: Option<usize>| {
            slot.and_then(|slot| self.session.phones[slot].as_ref()).map(|phone| phone.heard.as_slice())
        };
        let listeners = [phone(Some(CUSTOMER)), phone(Some(AGENT)), phone(self.third)];
        let tracks = self.session.tracks.each_ref().map(|track| Some(track.as_slice()));
        let words = mode.expected.split(' ').filter(|word| *word != "|");
        let places =
            ["customer", "agent", "third", "customer's track", "agent's track", "supervisor's track"];
        for ((heard, word), place) in listeners.into_iter().chain(tracks).zip(words).zip(places) {
            assert_eq!(heard.is_none(), word == "-", "{what}: the third is there or not");
            let Some(heard) = heard else { continue };
            for (letter, hz) in TONES {
                let level = power_dbfs(heard, hz, 16_000);
                if word.contains(letter) {
                    assert!(level >= -30.0, "{what}: {place} misses {letter}, {level:.0} dBFS");
                } else {
                    let limit = if self.codec == Codec::Opus { -60.0 } else { -70.0 };
                    assert!(level <= limit, "{what}: {place} hears {letter} at {level:.0} dBFS");
                }
            }
        }
    }
}

/// Through all modes once.
fn each_mode(codec: Codec, suite: Option<Suite>) {
    let mut walk = Walk::new(codec, suite);
    let mut from = "the start";
    for mode in &MODES {
        walk.enter(mode);
        walk.check(from, mode);
        from = mode.name;
    }
}

#[test]
fn every_change_between_two_modes_with_pcmu() {
    let mut walk = Walk::new(Codec::Pcmu, None);
    for (number, one) in MODES.iter().enumerate() {
        walk.enter(one);
        walk.check("the one before", one);
        for other in &MODES[number + 1..] {
            walk.enter(other);
            walk.check(one.name, other);
            walk.enter(one);
            walk.check(other.name, one);
        }
    }
}

#[test]
fn every_mode_with_pcmu_and_srtp() {
    each_mode(Codec::Pcmu, Some(Suite::AesCm128HmacSha1_80));
}

#[test]
fn every_mode_with_g722_plain_and_srtp() {
    each_mode(Codec::G722, None);
    each_mode(Codec::G722, Some(Suite::AeadAes128Gcm));
}

#[test]
fn every_mode_with_opus_plain_and_srtp() {
    each_mode(Codec::Opus, None);
    each_mode(Codec::Opus, Some(Suite::AeadAes256Gcm));
}

/// Why the limit is another one with Opus: encoder and decoder alone, without anything of ours between them, put that much
/// at the place of the third tone.
#[test]
fn opus_by_itself_makes_a_tone_that_nobody_sent() {
    let mut encoder = Encoder::new(Codec::Opus, &Default::default()).expect("an encoder");
    let mut decoder = Decoder::new(Codec::Opus).expect("a decoder");
    let mut tones = [440.0, 880.0].map(|hz| Sine::new(hz, 16_000, -20.0));
    let mut heard = Vec::new();
    for _ in 0..SETTLE_FRAMES + LISTEN_FRAMES {
        let mut sum = Frame::SILENCE;
        for tone in &mut tones {
            let mut frame = Frame::SILENCE;
            tone.fill(&mut frame.0);
            sum.0.iter_mut().zip(frame.0).for_each(|(sum, sample)| *sum += sample);
        }
        let (mut payload, mut decoded) = ([0; 1_500], [0; MAX_PACKET_SAMPLES]);
        let len = encoder.encode(&sum.0, &mut payload);
        let len = decoder.decode(&payload[..len], &mut decoded);
        heard.extend_from_slice(&decoded[..len]);
    }
    let heard = &heard[SETTLE_FRAMES * 320..];
    assert!(power_dbfs(heard, 440.0, 16_000) > -30.0);
    let level = power_dbfs(heard, 660.0, 16_000);
    assert!((-70.0..-58.0).contains(&level), "{level:.1} dBFS at 660 Hz");
}
