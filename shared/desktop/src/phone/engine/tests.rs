//! Two phones back to back.

use super::words::{key_of, reason_text, refusal};
use super::world::{World, address};
use super::*;

use std::collections::BTreeMap;

use shared::sip::Body;

use crate::phone::types::{EndReason as Why, Phase};

#[test]
fn registers_refreshes_and_unregisters() {
    let mut world = World::new();
    let since = world.now;
    assert_eq!(world.desks[0].engine.state().registration, Registration::Registered { since });
    world.run(200_000);
    // Longer than the lifetime: it was refreshed, and shows as one stretch.
    assert_eq!(world.desks[0].engine.state().registration, Registration::Registered { since });
    assert_eq!(world.registrar.1.lookup("1").len(), 1);
    world.command(0, PhoneCommand::Stop);
    assert!(world.desks[0].engine.is_stopped());
    assert_eq!(world.desks[0].events.last(), Some(&PhoneEvent::Stopped));
    assert_eq!(world.registrar.1.lookup("1").len(), 0);
}

#[test]
fn says_when_the_account_is_not_accepted() {
    let mut world = World::new();
    let closed = sip::door::Change::RemoveAccount { username: "1".into() };
    world.registrar.0.handle(world.now, sip::Input::Command(sip::Command::Door(closed)));
    world.run(150_000);
    let state = world.desks[0].engine.state();
    assert!(matches!(state.registration, Registration::Failed { status: 401 | 403, .. }), "{state:?}");
    let problems =
        world.desks[0].events.iter().filter(|event| matches!(event, PhoneEvent::Problem(_))).count();
    assert_eq!(problems, 1);
}

#[test]
fn a_call_rings_talks_and_ends() {
    let mut world = World::new();
    world.command(0, PhoneCommand::Dial("sip:2@192.0.2.2:5060".into()));
    assert_eq!(world.phases(), [Phase::RingingThere, Phase::Ringing]);
    assert!(world.desks[1].ringing);
    assert_eq!((world.call(1).peer.name.as_str(), world.call(1).peer.number.as_str()), ("Desk 1", "1"));
    // The caller hears that it rings, the called one is not heard before the answer.
    assert!(world.desks[0].engine.wants_sound());
    world.run(400);
    assert!(!world.desks[1].engine.wants_sound());
    world.command(1, PhoneCommand::Answer);
    assert!(!world.desks[1].ringing);
    world.run(3_000);
    assert_eq!(world.phases(), [Phase::Talking, Phase::Talking]);
    for index in 0..2 {
        assert!(world.hears(index) > -26.0, "desk {index} hears {} dBFS", world.hears(index));
        assert_eq!(world.call(index).codec, Some(Codec::Opus));
        let quality = world.call(index).quality.expect("measured");
        assert!(quality.loss_percent < 0.1 && quality.mos > 4.0, "{quality:?}");
    }
    assert!(world.desks[0].events.iter().any(|event| matches!(event, PhoneEvent::Levels(levels)
        if (-26.0..-20.0).contains(&levels.mic_dbov) && levels.speaker_dbov > -30.0)));
    world.command(0, PhoneCommand::HangUp);
    assert_eq!((world.ended(0), world.ended(1)), (Why::HungUp, Why::PeerHungUp { reason: None }));
    assert!(!world.desks[0].engine.wants_devices());
}

#[test]
fn agrees_on_what_both_have() {
    for codec in [Codec::Pcma, Codec::Pcmu] {
        let mut world = World::with_codecs(&[codec]);
        world.connect();
        assert_eq!(world.call(0).codec, Some(codec));
        assert!(world.hears(0) > -26.0 && world.hears(1) > -26.0);
    }
}

#[test]
fn hold_silences_both_ways_and_comes_back() {
    let mut world = World::new();
    world.connect();
    world.command(0, PhoneCommand::Hold);
    assert_eq!(world.phases(), [Phase::Held, Phase::HeldByPeer]);
    world.run(1_000);
    assert!(world.hears(0) < -90.0 && world.hears(1) < -60.0, "{} {}", world.hears(0), world.hears(1));
    world.command(0, PhoneCommand::Resume);
    assert_eq!(world.phases(), [Phase::Talking, Phase::Talking]);
    world.run(1_000);
    assert!(world.hears(0) > -26.0 && world.hears(1) > -26.0);
    // Both at once, and each takes back its own.
    world.command(0, PhoneCommand::Hold);
    world.command(1, PhoneCommand::Hold);
    assert_eq!(world.phases(), [Phase::Held, Phase::Held]);
    world.command(0, PhoneCommand::Resume);
    world.run(4_000);
    assert_eq!(world.phases(), [Phase::HeldByPeer, Phase::Held]);
    world.command(1, PhoneCommand::Resume);
    world.run(1_000);
    assert_eq!(world.phases(), [Phase::Talking, Phase::Talking]);
    assert!(world.hears(0) > -26.0 && world.hears(1) > -26.0);
}

#[test]
fn mute_is_for_one_side_and_one_call() {
    let mut world = World::new();
    world.connect();
    world.command(0, PhoneCommand::Mute(true));
    world.run(1_000);
    assert!(world.hears(1) < -60.0 && world.hears(0) > -26.0);
    world.command(0, PhoneCommand::Mute(false));
    world.run(1_000);
    assert!(world.hears(1) > -26.0);
    world.command(0, PhoneCommand::Mute(true));
    world.command(0, PhoneCommand::HangUp);
    world.connect();
    assert!(!world.call(0).muted);
}

#[test]
fn keys_arrive_once_each_and_in_order() {
    let mut world = World::new();
    world.connect();
    "12*#d".chars().for_each(|key| world.command(0, PhoneCommand::Key(key)));
    world.command(0, PhoneCommand::Key('x'));
    world.run(2_000);
    let keys: String = world.desks[1]
        .events
        .iter()
        .filter_map(|event| if let PhoneEvent::KeyHeard(key) = event { Some(*key) } else { None })
        .collect();
    assert_eq!(keys, "12*#D");
}

#[test]
fn keys_go_by_info_where_there_are_no_events() {
    let key = |content: &str, text: &str| key_of(&Body::new(content, text));
    assert_eq!(key("application/dtmf-relay", "Signal=5\r\nDuration=160"), Some('5'));
    assert_eq!(key("application/dtmf-relay", "Duration=160\r\nsignal = 11\r\n"), Some('#'));
    assert_eq!(key("application/dtmf", "*"), Some('*'));
    assert_eq!(key("application/dtmf-relay", "Signal=hook"), None);
    assert_eq!(key("text/plain", "5"), None);
    // A far side whose description has no events gets INFO.
    let mut world = World::new();
    let now = world.now;
    world.desks[0].engine.handle(now, Input::Command(PhoneCommand::Dial("9".into())));
    let mut session = None;
    while let Some(output) = world.desks[0].engine.poll() {
        if let Output::Sip(sip::Command::Invite { session: id, .. }) = output {
            session = Some(id);
        }
    }
    let session = session.expect("calls");
    let answer =
        "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
    let body = Some(Body::sdp(answer));
    let answered = sip::Event::Answered { session, body, headers: sip::Headers::new() };
    world.desks[0].engine.handle(now, Input::Sip(answered));
    world.desks[0].engine.handle(now, Input::Command(PhoneCommand::Key('5')));
    let mut sent = None;
    while let Some(output) = world.desks[0].engine.poll() {
        if let Output::Sip(sip::Command::Info { body, .. }) = output {
            sent = Some(body);
        }
    }
    assert_eq!(sent.as_ref().and_then(key_of), Some('5'));
}

/// What the far side, here a service, makes of a REFER.
fn transfer(status: Option<u16>) -> (World, Vec<PhoneEvent>) {
    let mut world = World::new();
    world.connect();
    let session = world.desks[0].engine.call.as_ref().expect("call").session;
    let now = world.now;
    let engine = &mut world.desks[0].engine;
    engine.handle(now, Input::Command(PhoneCommand::Transfer("support".into())));
    let refer = std::iter::from_fn(|| engine.poll()).find_map(|output| match output {
        Output::Sip(sip::Command::Refer { refer_to, .. }) => Some(refer_to.to_string()),
        _ => None,
    });
    assert_eq!(refer.as_deref(), Some("sip:support@192.0.2.100:5060"));
    assert_eq!(world.call(0).phase, Phase::Transferring);
    world.input(0, Input::Sip(sip::Event::ReferProgress { session, status: 100, last: false }));
    assert_eq!(world.call(0).phase, Phase::Transferring);
    match status {
        Some(status) => world.input(0, Input::Sip(sip::Event::ReferProgress { session, status, last: true })),
        None => world.run(61_000),
    }
    let events = std::mem::take(&mut world.desks[0].events);
    (world, events)
}

#[test]
fn a_transfer_that_stands_ends_the_call_here() {
    let (mut world, events) = transfer(Some(200));
    assert!(events.contains(&PhoneEvent::Transfer { done: true, status: 200 }));
    assert!(matches!(events.last(), Some(PhoneEvent::State(_))));
    assert!(events.iter().any(|event| matches!(event, PhoneEvent::Ended { why: Why::Transferred, .. })));
    assert!(world.desks[0].engine.state().call.is_none());
    // RFC 5589: the transferor hangs up.
    assert_eq!(world.ended(1), Why::PeerHungUp { reason: None });
}

#[test]
fn a_transfer_that_fails_leaves_the_call() {
    for (given, told) in [(Some(486), 486), (None, 408)] {
        let (world, events) = transfer(given);
        assert!(events.contains(&PhoneEvent::Transfer { done: false, status: told }), "{given:?}");
        assert_eq!(world.call(0).phase, Phase::Talking);
    }
}

#[test]
fn a_phone_is_not_sent_elsewhere() {
    let mut world = World::new();
    world.connect();
    world.command(0, PhoneCommand::Transfer("sip:evil@192.0.2.66".into()));
    assert!(world.desks[0].events.contains(&PhoneEvent::Transfer { done: false, status: 603 }));
    assert_eq!(world.phases(), [Phase::Talking, Phase::Talking]);
}

#[test]
fn refused_busy_and_given_up() {
    let mut world = World::new();
    world.command(0, PhoneCommand::Dial("sip:2@192.0.2.2:5060".into()));
    world.command(1, PhoneCommand::Reject);
    let refused = Why::Refused { status: 486, reason: "the line is busy".into() };
    assert_eq!((world.ended(0), world.ended(1)), (refused, Why::HungUp));
    // The caller hears a busy tone for a while.
    assert!(world.desks[0].engine.wants_sound());
    world.run(3_100);
    assert!(!world.desks[0].engine.wants_sound());

    world.command(0, PhoneCommand::Dial("sip:2@192.0.2.2:5060".into()));
    world.command(0, PhoneCommand::HangUp);
    world.run(200);
    assert_eq!((world.ended(0), world.ended(1)), (Why::HungUp, Why::Missed { reason: None }));

    world.command(0, PhoneCommand::Dial("4711".into()));
    assert_eq!(world.ended(0), Why::Refused { status: 404, reason: "there is no such number".into() });
    world.command(0, PhoneCommand::Dial("sip:".into()));
    assert!(matches!(world.desks[0].events.last(), Some(PhoneEvent::Problem(_))));
}

#[test]
fn a_new_network_loses_the_call_and_registers_again() {
    let mut world = World::new();
    world.connect();
    let now = world.now;
    let moved = Input::Moved { media: address(1, 4_002), trusted: Vec::new() };
    world.desks[0].engine.handle(now, moved);
    let registers = std::iter::from_fn(|| world.desks[0].engine.poll())
        .filter(|output| matches!(output, Output::Sip(sip::Command::Register { .. })))
        .count();
    assert_eq!(registers, 1);
    assert_eq!(world.desks[0].engine.state().call, None);
}

#[test]
fn a_service_that_is_gone_does_not_keep_the_phone() {
    let mut world = World::new();
    let now = world.now;
    let engine = &mut world.desks[0].engine;
    engine.handle(now, Input::Command(PhoneCommand::Stop));
    assert!(!engine.is_stopped());
    let deadline = engine.deadline().expect("a deadline");
    engine.handle(deadline, Input::Tick);
    assert!(engine.is_stopped());
}

#[test]
fn people_read_reasons() {
    let header = "SIP;cause=200;text=\"Call completed; elsewhere\"";
    assert_eq!(reason_text(header).as_deref(), Some("Call completed; elsewhere"));
    assert_eq!(reason_text("Q.850;cause=16"), None);
    let words: BTreeMap<u16, String> =
        [404, 480, 486, 500, 603].map(|code| (code, refusal(code, "Oops"))).into();
    assert_eq!(words[&500], "the far side answered 500 Oops");
    assert!(words.values().all(|words| !words.ends_with('.')));
}
