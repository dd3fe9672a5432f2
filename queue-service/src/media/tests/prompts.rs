//! What one party hears and says besides the others: prompts, and keys as tones.

use std::sync::Arc;

use rand::SeedableRng;
use rand::rngs::StdRng;
use shared::audio::codec::Codec;
use shared::audio::goertzel::power_dbfs;
use shared::audio::mixer::Role;
use shared::audio::tone::{Player, Sine, Tone};
use shared::audio::{FRAME_SAMPLES, Frame, RATE_HZ};

use super::super::PlayMode;
use super::super::event::MediaEvent;
use super::super::prompt::Prompt;
use super::floor::{AGENT_HZ, CUSTOMER_HZ, MUSIC_HZ, negotiated};
use super::session::Session;

#[test]
fn complaint_07_an_answer_waits_for_the_end_of_an_announcement() {
    for codec in [Codec::Pcma, Codec::G722, Codec::Opus] {
        let mut session = Session::new();
        let customer = session.add(Role::Customer, codec, CUSTOMER_HZ, None);
        let mut samples = vec![0; 60 * RATE_HZ as usize];
        Sine::new(MUSIC_HZ, RATE_HZ, -15.0).fill(&mut samples);
        session.port(customer).player.play(Arc::new(Prompt::new("long", samples)), PlayMode::Once, 1);
        session.plan();
        session.run(100);
        // In mid-announcement the agent is there, as the switch has it: into the bridge, and the prompt ends.
        session.add(Role::Agent, codec, AGENT_HZ, None);
        session.run(20);
        session.port(customer).player.stop();
        session.plan();
        session.forget();
        session.run(20);
        let heard = &session.phones[customer].as_ref().expect("a phone").heard;
        let level =
            |frame: usize, hz| power_dbfs(&heard[frame * FRAME_SAMPLES..][..FRAME_SAMPLES], hz, RATE_HZ);
        // The phone plays what is sent some frames later; the frame in which the prompt fades is the last with it.
        let last = (0..20).rfind(|frame| level(*frame, MUSIC_HZ) > -40.0).unwrap_or(0);
        assert!(last <= 5, "{codec:?}: the announcement is heard in frame {last}");
        assert!(level(last + 1, AGENT_HZ) > -30.0, "{codec:?}: the frame after it is not the agent's");
        let rest = &heard[(last + 2) * FRAME_SAMPLES..];
        assert!(power_dbfs(rest, MUSIC_HZ, RATE_HZ) < -60.0, "{codec:?}: nothing of it comes later");
    }
}

/// Keys as tones of 100 ms, 60 ms apart.
fn dialled(keys: &str) -> Vec<i16> {
    let mut samples = vec![0; 3_200];
    for key in keys.chars() {
        let mut player = Player::new(Tone::Dtmf(key));
        let mut frame = Frame::SILENCE;
        while player.next_frame(&mut frame) {
            samples.extend_from_slice(&frame.0);
        }
    }
    samples.extend_from_slice(&[0; 3_200]);
    samples
}

/// What is told of keys when a customer of a leg with or without events plays them.
fn told(codec: Codec, hears_keys: bool, has_events: bool) -> (String, Session) {
    let mut session = Session::new();
    let customer = session.add(Role::Customer, codec, CUSTOMER_HZ, None);
    session.add(Role::Agent, codec, AGENT_HZ, None);
    let address = session.phones[customer].as_ref().expect("a phone").socket.local_addr().expect("address");
    let mut agreed = negotiated(address, codec);
    agreed.telephone_event = agreed.telephone_event.filter(|_| has_events);
    let now = session.now;
    session.port(customer).connect(now, agreed, &mut StdRng::seed_from_u64(1));
    session.port(customer).hear_keys(hears_keys);
    session.plan();
    session.run(20);
    session.phones[customer].as_mut().expect("a phone").says = dialled("159#").into();
    session.run(100);
    let digits = std::iter::from_fn(|| session.events.try_recv().ok())
        .filter_map(|event| match event {
            MediaEvent::Digit { digit, leg, .. } => {
                assert_eq!(leg.as_u64(), 1);
                Some(digit)
            }
            _ => None,
        })
        .collect();
    (digits, session)
}

#[test]
fn keys_in_the_sound_are_told_where_that_is_asked_for_and_events_were_not_agreed_on() {
    for codec in [Codec::Pcmu, Codec::Pcma, Codec::G722, Codec::Opus] {
        let (digits, mut session) = told(codec, true, false);
        assert_eq!(digits, "159#", "{codec:?}");
        assert!(session.port(1).stats().packets_relayed > 100, "{codec:?}: and the sound only passes");
        assert!(session.phones[1].as_ref().expect("a phone").keys.is_empty(), "nothing is pressed again");
        assert_eq!(told(codec, true, true).0, "", "{codec:?}: events are what counts");
        assert_eq!(told(codec, false, false).0, "", "{codec:?}: nobody asked");
    }
}
