//! Calls that come in.

use super::world::{World, address};
use super::*;

use shared::sip::{Body, Flow, IncomingInfo, SessionId, Transport};

use crate::phone::types::Phase;

fn incoming(headers: &[(&str, &str)], offer: Option<&str>) -> IncomingInfo {
    let mut all = sip::Headers::new();
    headers.iter().for_each(|(name, value)| all.push(name, value));
    IncomingInfo {
        request_uri: "sip:1@192.0.2.1".parse().expect("uri"),
        from: "\"Customer\" <sip:%2B49301234@callfloor>".parse().expect("address"),
        to: "<sip:1@callfloor>".parse().expect("address"),
        headers: all,
        call_id: "x".into(),
        body: offer.map(Body::sdp),
        replaces: None,
    }
}

const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n";

/// Offers one call to one engine from `host`; the commands that come of it.
fn offer(world: &mut World, host: u8, number: u64, request: IncomingInfo) -> Vec<sip::Command> {
    let session = SessionId(1 << 63 | number);
    let flow = Flow {
        transport: Transport::Udp,
        local: address(1, 5060),
        remote: address(host, 5060),
        connection: 0,
    };
    let now = world.now;
    let engine = &mut world.desks[0].engine;
    engine.handle(
        now,
        Input::Sip(sip::Event::Incoming {
            session,
            flow,
            caller: sip::door::Caller::Unchecked,
            request: Box::new(request),
        }),
    );
    let mut commands = Vec::new();
    while let Some(output) = engine.poll() {
        if let Output::Sip(command) = output {
            commands.push(command);
        }
    }
    commands
}

fn statuses(commands: &[sip::Command]) -> Vec<u16> {
    commands
        .iter()
        .map(|command| match command {
            sip::Command::Provisional { status, .. } | sip::Command::Reject { status, .. } => *status,
            sip::Command::Answer { body: Some(_), .. } => 200,
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn a_supervisors_way_into_a_call_answers_by_itself_and_is_muted() {
    let supervision = shared::api::session::header::SUPERVISION;
    let mut world = World::new();
    let commands = offer(&mut world, 2, 1, incoming(&[(supervision, "monitor")], Some(OFFER)));
    assert_eq!(statuses(&commands), [180, 200]);
    assert_eq!((world.call(0).phase, world.call(0).muted), (Phase::Talking, true));
    // From an address that is not the service's, a microphone does not open by itself.
    let mut world = World::new();
    let commands = offer(&mut world, 66, 1, incoming(&[(supervision, "whisper")], Some(OFFER)));
    assert_eq!(statuses(&commands), [180]);
    assert_eq!((world.call(0).phase, world.call(0).muted), (Phase::Ringing, false));
}

#[test]
fn an_asked_for_delay_is_kept() {
    let mut world = World::new();
    let delayed = incoming(&[("Call-Info", "<sip:x>;answer-after=2")], Some(OFFER));
    assert_eq!(statuses(&offer(&mut world, 2, 1, delayed)), [180]);
    let deadline = world.desks[0].engine.deadline();
    assert_eq!(deadline, Some(world.now + Duration::from_secs(2)));
    let now = world.now + Duration::from_secs(2);
    world.desks[0].engine.handle(now, Input::Tick);
    assert_eq!(world.call(0).phase, Phase::Talking);
}

#[test]
fn what_cannot_be_taken_is_refused_with_the_right_status() {
    let check = |offered: Option<&str>, expected: &[u16]| {
        let mut world = World::new();
        let commands = offer(&mut world, 2, 1, incoming(&[], offered));
        assert_eq!(statuses(&commands), expected, "{offered:?}");
    };
    check(Some(OFFER), &[180]);
    // Without an offer ours goes out with the answer.
    check(None, &[180]);
    check(Some("rubbish"), &[400]);
    check(Some(&OFFER.replace("RTP/AVP 0 101", "RTP/AVP 18")), &[488]);
    let mut world = World::new();
    offer(&mut world, 2, 1, incoming(&[], Some(OFFER)));
    let second = offer(&mut world, 2, 2, incoming(&[], Some(OFFER)));
    assert_eq!(statuses(&second), [486]);
}
