//! When the frames of a bridge come.

use std::time::Duration;

use shared::audio::codec::Codec;
use shared::audio::level::rms_dbov;
use shared::audio::mixer::Role;

use super::super::*;
use super::session::Session;
use super::supervisor;

/// A supervisor listens to a customer and to an agent whose packets come `lag_millis` later. Returns for how long both
/// wait for a frame that they need not wait for, in the beginning and when it has settled.
fn spare_millis(codec: Codec, phase_millis: u64, lag_millis: u64) -> [Vec<i64>; 2] {
    let mut session = Session::new();
    session.frame_at = session.now + Duration::from_millis(phase_millis);
    session.add(Role::Customer, codec, 440.0, None);
    let agent = session.add(Role::Agent, codec, 880.0, None);
    session.lags.insert(agent, Duration::from_millis(lag_millis));
    session.run(150);
    let listener = session.add(supervisor(SupervisionMode::Monitor), codec, 660.0, None);
    session.run(1);
    let spare = |session: &mut Session| -> Vec<i64> {
        [0, agent]
            .map(|slot| session.port(slot).ears().and_then(|ears| ears.spare_millis()).expect("plays"))
            .into()
    };
    let first = spare(&mut session);
    session.run(50);
    session.forget();
    session.run(400);
    let case = format!("{codec:?}, frames at {phase_millis} ms, {lag_millis} ms between them");
    for slot in 0..3 {
        // Whom nobody hears nobody waits for.
        assert!(slot == listener || session.port(slot).stats().frames_concealed == 0, "{case}: of {slot}");
        let phone = session.phones[slot].as_ref().expect("a phone");
        assert_eq!(phone.receiver.statistics().buffer.concealed, 0, "{case}: at {slot}");
        let quietest = phone.heard.chunks(320).map(rms_dbov).fold(0.0, f32::min);
        assert!(quietest > -30.0, "{case}: {quietest} dBov at {slot}");
    }
    let phone = session.phones[listener].as_ref().expect("a phone");
    for pair in phone.headers.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1), "{case}");
        let ticks = codec.clock_rate_hz() / 50;
        assert_eq!(pair[1].timestamp, pair[0].timestamp.wrapping_add(ticks), "{case}");
    }
    [first, spare(&mut session)]
}

#[test]
fn frames_come_as_soon_as_all_speakers_are_there() {
    for codec in [Codec::Pcma, Codec::G722, Codec::Opus] {
        for phase_millis in [1, 7, 13, 19] {
            for lag_millis in [0, 4, 10, 16] {
                let [first, settled] = spare_millis(codec, phase_millis, lag_millis);
                // Half a frame between them is the worst there is.
                let between = lag_millis.min(20 - lag_millis) as i64;
                assert!(
                    settled.iter().all(|spare| (-2..=between + 4).contains(spare)),
                    "{codec:?}, frames at {phase_millis} ms, {lag_millis} ms between them: {first:?}, {settled:?}"
                );
            }
        }
    }
}
