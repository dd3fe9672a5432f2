//! The second half of an attended transfer: a caller takes the place of another one with Replaces.

use std::net::SocketAddr;
use std::time::Duration;

use shared::model::call::Phase;
use shared::sip::{self, Body, Command, Event, SessionId, Transport, Uri};
use shared_net::sip::{DriverConfig, SipDriver};
use tests::ports::CARRIER;
use tests::setup::Setup;
use tests::{Outcome, wait};
use tokio::sync::mpsc;

use crate::floor::{Floor, SALES, assert_tells};

const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\n\
                     m=audio 31000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n";

async fn event(events: &mut mpsc::Receiver<Event>) -> Outcome<Event> {
    wait::within("an event of the carrier", Duration::from_secs(10), async {
        events.recv().await.ok_or_else(|| "the carrier has ended".into())
    })
    .await
}

#[tokio::test]
async fn a_caller_takes_the_place_of_the_customer() -> Outcome {
    let floor = Floor::with_phones(Setup::test()?, &[("301", &["sales"])]).await?;
    let service = floor.service.setup.sip;
    let agent = tests::sipp::Sipp::agent("agent-answers", service, floor.port("301"))
        .start(floor.service.folder())
        .await?;
    let config = DriverConfig {
        udp: vec![SocketAddr::new(CARRIER, 0)],
        endpoint: sip::Config::default(),
        ..DriverConfig::default()
    };
    let (carrier, mut events) = SipDriver::start(config, 7)?;
    let own = carrier.local_addr(Transport::Udp).ok_or("no socket")?;
    let target: Uri = format!("sip:{SALES}@{service}").parse()?;
    let invite = |number: u64, headers: Vec<(String, String)>| -> Outcome<Command> {
        Ok(Command::Invite {
            session: SessionId(number),
            target: target.clone(),
            flow: None,
            from: format!("<sip:+49305550{number}@{own}>").parse()?,
            to: format!("<{target}>").parse()?,
            headers,
            body: Some(Body::sdp(OFFER)),
            credentials: None,
        })
    };
    carrier.try_command(invite(1, Vec::new())?)?;
    let headers = loop {
        if let Event::Answered { headers, .. } = event(&mut events).await? {
            break headers;
        }
    };
    // The phone must have answered before its customer changes.
    floor
        .until("the talk", |floor| {
            floor.calls.values().any(|call| matches!(call.phase, Phase::Talking { .. }))
        })
        .await?;
    let tag =
        |name: &str| headers.address(name).and_then(|it| it.tag().map(str::to_owned)).unwrap_or_default();
    let replaces = format!("{};to-tag={};from-tag={}", headers.call_id(), tag("To"), tag("From"));
    carrier.try_command(invite(2, vec![("Replaces".into(), replaces)])?)?;
    let (mut answered, mut ended) = (false, false);
    while !(answered && ended) {
        match event(&mut events).await? {
            Event::Answered { session, .. } => answered = session == SessionId(2),
            Event::Ended { session, .. } => ended = session == SessionId(1),
            Event::Rejected { status, .. } => return Err(format!("refused with {status}").into()),
            _ => {}
        }
    }
    carrier.try_command(Command::Hangup { session: SessionId(2), reason: None })?;
    let call = floor.one_ended().await?;
    assert_tells(&call, &["connected with 301", "ended: customer_hung_up"]);
    drop(agent);
    Ok(())
}
