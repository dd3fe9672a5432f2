//! Keys as RFC 4733 events.

use shared::audio::codec::Codec;

use super::super::*;
use super::floor::{AGENT_HZ, CUSTOMER_HZ, Floor, SUPERVISOR_HZ, call, config};

fn digits(floor: &mut Floor) -> Vec<(LegId, char)> {
    floor
        .events()
        .into_iter()
        .filter_map(|event| match event {
            MediaEvent::Digit { call: of, leg, digit } => {
                assert_eq!(of, call());
                Some((leg, digit))
            }
            _ => None,
        })
        .collect()
}

#[test]
fn a_key_goes_through_the_relay_and_is_told_once() {
    let mut floor = Floor::talk();
    floor.run(100);
    assert!(floor.phones[0].sender.press('5', 80));
    floor.run(300);
    assert_eq!(floor.media.stats().relaying, 1);
    assert_eq!(floor.phones[1].keys, ['5']);
    assert!(floor.phones[0].keys.is_empty());
    assert_eq!(digits(&mut floor), [(LegId::from_u64(1), '5')]);
    let headers = &floor.phones[1].headers;
    assert!(headers.windows(2).all(|pair| pair[1].sequence == pair[0].sequence.wrapping_add(1)));
}

#[test]
fn a_key_is_pressed_again_in_the_mix() {
    let mut floor = Floor::new(config());
    floor.add(Role::Customer, Codec::Pcma, CUSTOMER_HZ);
    floor.add(Role::Agent, Codec::Opus, AGENT_HZ);
    floor.run(100);
    assert!(floor.phones[0].sender.press('#', 80));
    floor.run(500);
    assert_eq!(floor.phones[1].keys, ['#']);
    assert_eq!(digits(&mut floor), [(LegId::from_u64(1), '#')]);
    assert!(floor.phones[1].headers.iter().any(|header| header.payload_type == 101));
}

#[test]
fn a_listener_gets_no_keys_and_the_agent_gets_them_once() {
    let mut floor = Floor::talk();
    let place = floor.add(supervisor(SupervisionMode::Whisper), Codec::Pcma, SUPERVISOR_HZ);
    floor.run(100);
    // To the agent by the mix, since he also hears the whisper; from the agent by the relay.
    assert!(floor.phones[0].sender.press('4', 60));
    assert!(floor.phones[1].sender.press('7', 60));
    floor.run(500);
    assert_eq!((floor.phones[0].keys.as_slice(), floor.phones[1].keys.as_slice()), (&['7'][..], &['4'][..]));
    assert!(floor.phones[place].keys.is_empty());
    let mut told = digits(&mut floor);
    told.sort_unstable();
    assert_eq!(told, [(floor.leg(0), '4'), (floor.leg(1), '7')]);
}

#[test]
fn a_supervisors_keys_reach_nobody() {
    for mode in [SupervisionMode::Barge, SupervisionMode::TakeOver] {
        let mut floor = Floor::talk();
        let place = floor.add(supervisor(mode), Codec::Pcma, SUPERVISOR_HZ);
        floor.run(100);
        assert!(floor.phones[place].sender.press('1', 60));
        floor.run(400);
        assert!(floor.phones[0].keys.is_empty() && floor.phones[1].keys.is_empty(), "{mode:?}");
        assert_eq!(digits(&mut floor), [(floor.leg(place), '1')]);
    }
}

#[test]
fn the_service_presses_a_key_of_its_own() {
    let mut floor = Floor::talk();
    floor.run(100);
    floor.media.press(floor.leg(1), '9', 60);
    floor.run(300);
    assert_eq!(floor.phones[1].keys, ['9']);
    assert!(floor.phones[0].keys.is_empty());
    // Relayed again once the key is through.
    assert_eq!(floor.media.stats().relaying, 1);
}
