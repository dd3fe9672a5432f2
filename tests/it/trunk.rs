//! Trunks: calls out over carriers that work, that do not, and that register; what each side is told.

use std::net::IpAddr;
use std::time::Duration;

use shared::api::calls::{CallDetail, CallQuery};
use shared::api::trunks::TrunkReport;
use shared::model::call::{Direction, EndCause};
use shared::model::event::{Event, TransferTarget};
use shared::model::trunk::TrunkState;
use shared::sip::{self, Command};
use shared_desktop::phone::{EndReason, Phase, PhoneCommand};
use shared_net::clock;
use tests::carrier::{Announcement, Carrier};
use tests::phone::{Answer, Phone, PhoneSetup};
use tests::ports::{self, HERE};
use tests::setup::Setup;
use tests::voice::{AGENT_HZ, CUSTOMER_HZ, Mouth};
use tests::{Outcome, http, wait};
use toml::Value;

use crate::floor::{Floor, SALES, SOON, hears};

/// An address of a carrier that no trunk knows by its address.
const FAR: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 9));

fn list(values: &[&str]) -> Value {
    Value::Array(values.iter().map(|value| Value::from(*value)).collect())
}

/// Rules that put something else in place of a beginning, in this order.
fn rules(of: &[(&str, &str)]) -> Value {
    let rule = |(prefix, replace): &(&str, &str)| {
        let mut rule = toml::Table::new();
        rule.insert("prefix".into(), (*prefix).into());
        rule.insert("replace".into(), (*replace).into());
        Value::Table(rule)
    };
    Value::Array(of.iter().map(rule).collect())
}

/// Numbers in Germany may be called, with 0 in front or +49; 00 leads abroad.
fn setup() -> Outcome<Setup> {
    let mut setup = Setup::test()?;
    setup.set("outbound", "allow", list(&["+49"]));
    setup.set("outbound", "deny", list(&["+49900"]));
    setup.set("outbound", "rewrite", rules(&[("00", "+"), ("0", "+49")]));
    Ok(setup)
}

fn trunk(setup: &mut Setup, id: &str, server: &str, priority: i64) {
    let trunk = setup.trunk(id);
    trunk.insert("name".into(), id.into());
    trunk.insert("servers".into(), list(&[server]));
    trunk.insert("priority".into(), priority.into());
    trunk.insert("ping_secs".into(), 0.into());
}

/// Cleo's desk phone.
async fn cleo(floor: &Floor) -> Outcome<Phone> {
    let desk = PhoneSetup::desk(floor.service.setup.sip, "203", "demo-sip-203");
    Phone::start(PhoneSetup { mouth: Mouth::tone(AGENT_HZ), ..desk }).await
}

async fn report(floor: &Floor, id: &str) -> Outcome<TrunkReport> {
    let reports = floor.sara.trunks().await?;
    Ok(reports.into_iter().find(|report| report.info.id.as_str() == id).ok_or("no such trunk")?)
}

async fn until_trunk(
    floor: &Floor,
    id: &str,
    what: &str,
    wanted: impl Fn(&TrunkReport) -> bool,
) -> Outcome<TrunkReport> {
    wait::until_async(what, SOON, async || {
        let report = report(floor, id).await?;
        Ok(wanted(&report).then_some(report))
    })
    .await
}

/// The one call, once it has ended.
async fn ended(floor: &Floor) -> Outcome<CallDetail> {
    wait::until_async("the end of the call", SOON, async || {
        let page = floor.sara.calls(&CallQuery { live: Some(false), ..CallQuery::default() }).await?;
        let Some(call) = page.calls.first() else { return Ok(None) };
        Ok(Some(floor.sara.call(call.id).await?))
    })
    .await
}

/// What the call's events say about its ways.
fn ways(call: &CallDetail) -> Vec<String> {
    let words = call.events.iter().filter_map(|stamped| match &stamped.event {
        Event::CallPlaced { by, to, .. } => Some(format!("{by} calls {}", to.number)),
        Event::NumberRouted { route, .. } => {
            Some(format!("{} over {}", route.number, route.candidates.len()))
        }
        Event::TrunkTried { trunk, number, .. } => Some(format!("{trunk} {number}")),
        Event::TrunkFailed { trunk, status, again, .. } => Some(format!("{trunk} {status} {again}")),
        Event::CallAnswered { trunk, .. } => {
            Some(format!("answered {}", trunk.as_ref().map_or("", |trunk| trunk.as_str())))
        }
        Event::CallTransferred { by, .. } => Some(format!("transferred by {by}")),
        Event::CallEnded { cause, .. } => Some(format!("{cause:?}")),
        _ => None,
    });
    words.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_calls_a_number_over_the_second_trunk() -> Outcome {
    let mut setup = setup()?;
    setup.keep_agents(&["203"]);
    let mut busy = Carrier::start(FAR, None)?;
    let dead = ports::free_pair(HERE)?;
    let port = ports::free_pair(HERE)?;
    trunk(&mut setup, "dead", &format!("sip:127.0.0.1:{dead};transport=tcp"), 1);
    trunk(&mut setup, "busy", &busy.server(), 2);
    trunk(&mut setup, "good", &format!("sip:127.0.0.1:{port}"), 3);
    let good = setup.trunk("good");
    good.insert("called_out".into(), rules(&[("+", "00")]));
    good.insert("caller_id".into(), "+49301".into());
    let far = PhoneSetup::fixed(setup.sip, "far", port);
    let far = Phone::start(PhoneSetup { mouth: Mouth::tone(CUSTOMER_HZ), ..far }).await?;
    let floor = Floor::start(setup).await?;
    let desk = cleo(&floor).await?;
    desk.command(PhoneCommand::Dial("030555".into()))?;
    let call = busy.called(SOON).await?;
    assert_eq!(call.invite.request_uri.user_unescaped().as_deref(), Some("+4930555"));
    busy.refuse(&call, 503, &[]).await?;
    far.talking(SOON).await?;
    hears(&desk, CUSTOMER_HZ).await?;
    hears(&far, AGENT_HZ).await?;
    assert_eq!(far.state().ok_or("no call")?.peer.number, "+49301", "the trunk's own caller ID");

    let live = floor.sara.floor().await?;
    let one = live.calls.values().next().ok_or("no live call")?;
    assert_eq!((one.direction, one.agent().map(|agent| agent.as_str())), (Direction::Outbound, Some("203")));
    assert!(live.agents.values().all(|agent| agent.is_talking()), "no offers for who talks");
    assert_eq!(report(&floor, "good").await?.calls, 1);

    desk.hang_up().await?;
    far.free(SOON).await?;
    let call = ended(&floor).await?;
    assert_eq!(
        ways(&call),
        [
            "203 calls 030555",
            "+4930555 over 3",
            "dead +4930555",
            "dead 503 true",
            "busy +4930555",
            "busy 503 true",
            "good 004930555",
            "answered good",
            "AgentHungUp",
        ]
    );
    assert_eq!(call.summary.trunk.as_ref().map(|trunk| trunk.as_str()), Some("good"));
    assert_eq!(report(&floor, "good").await?.calls, 0);
    assert!(report(&floor, "dead").await?.last_error.is_some_and(|error| error.contains("503")));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_number_is_not_tried_twice_and_the_caller_is_told() -> Outcome {
    let mut setup = setup()?;
    setup.keep_agents(&["203"]);
    let mut first = Carrier::start(FAR, None)?;
    let mut second = Carrier::start(FAR, None)?;
    trunk(&mut setup, "first", &first.server(), 1);
    trunk(&mut setup, "second", &second.server(), 2);
    let floor = Floor::start(setup).await?;
    let desk = cleo(&floor).await?;
    desk.command(PhoneCommand::Dial("030555".into()))?;
    let call = first.called(SOON).await?;
    // The gateway says 480 and means busy.
    first.refuse(&call, 480, &[("Reason", "Q.850;cause=17;text=\"secret\"")]).await?;
    let end = wait::until("the end", SOON, || desk.ends().pop()).await?;
    assert!(matches!(end, EndReason::Refused { status: 486, .. }), "{end:?}");
    assert!(
        second.called(Duration::from_millis(300)).await.is_err(),
        "another carrier would ring the same phone"
    );
    let call = ended(&floor).await?;
    assert_eq!(call.summary.cause, Some(EndCause::NotAnswered { status: 486 }));
    assert!(floor.sara.floor().await?.agents.values().all(|agent| !agent.is_talking()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_that_are_not_allowed_never_leave() -> Outcome {
    let mut setup = setup()?;
    setup.keep_agents(&["203"]);
    let mut carrier = Carrier::start(FAR, None)?;
    trunk(&mut setup, "carrier-out", &carrier.server(), 1);
    let floor = Floor::start(setup).await?;
    let desk = cleo(&floor).await?;
    for (count, number) in ["0900123", "+1202555", "00120255"].into_iter().enumerate() {
        desk.command(PhoneCommand::Dial(number.into()))?;
        let end = wait::until(&format!("the refusal of {number}"), SOON, || desk.ends().get(count).cloned())
            .await
            .map_err(|error| format!("{error}; the phone told {:?}", desk.told()))?;
        assert!(matches!(end, EndReason::Refused { status: 403, .. }), "{number}: {end:?}");
    }
    assert!(carrier.called(Duration::from_millis(300)).await.is_err());
    let calls = floor.sara.calls(&CallQuery::default()).await?.calls;
    assert_eq!(calls.len(), 3, "each attempt is on record");
    assert!(calls.iter().all(|call| call.cause == Some(EndCause::NotAnswered { status: 403 })), "{calls:?}");

    // Neither by transfer of a customer who waits.
    let customer = Phone::start(PhoneSetup::customer(floor.service.setup.sip, "+49301", "Carla")).await?;
    customer.call(SALES).await?;
    let live = wait::until_async("the call", SOON, async || {
        Ok(floor.sara.floor().await?.calls.keys().next().copied())
    })
    .await?;
    let target = TransferTarget::Number { number: "+1202555".into() };
    let error = floor.sara.transfer(live, target).await.expect_err("denied");
    assert!(error.to_string().contains("not allowed"), "{error}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_is_transferred_to_a_number_outside() -> Outcome {
    let mut setup = setup()?;
    setup.keep_agents(&[]);
    let port = ports::free_pair(HERE)?;
    trunk(&mut setup, "out", &format!("sip:127.0.0.1:{port}"), 1);
    setup.queue("sales").insert("caller_id".into(), "+493077".into());
    let far = PhoneSetup::fixed(setup.sip, "far", port);
    let far = Phone::start(PhoneSetup { mouth: Mouth::tone(AGENT_HZ), ..far }).await?;
    let floor = Floor::start(setup).await?;
    let customer = PhoneSetup::customer(floor.service.setup.sip, "+49301", "Carla");
    let customer = Phone::start(PhoneSetup { mouth: Mouth::tone(CUSTOMER_HZ), ..customer }).await?;
    customer.call(SALES).await?;
    let live = wait::until_async("the call", SOON, async || {
        Ok(floor.sara.floor().await?.calls.keys().next().copied())
    })
    .await?;
    far.set_answer(Answer::Refuse);
    let target = || TransferTarget::Number { number: "030 555".into() };
    floor.sara.transfer(live, target()).await?;
    let waits = |floor: &shared::model::floor::Floor| {
        floor.calls.values().any(|call| call.phase.waits_since().is_some())
    };
    wait::until_async("the customer in his queue again", SOON, async || {
        let call = floor.sara.call(live).await?;
        let failed = call.events.iter().any(|stamped| matches!(stamped.event, Event::TrunkFailed { .. }));
        Ok((failed && waits(&floor.sara.floor().await?)).then_some(()))
    })
    .await?;
    far.set_answer(Answer::After(Duration::from_millis(100)));
    floor.sara.transfer(live, target()).await?;
    far.talking(SOON).await?;
    hears(&customer, AGENT_HZ).await?;
    hears(&far, CUSTOMER_HZ).await?;
    assert_eq!(far.state().ok_or("no call")?.peer.number, "+493077", "the queue's caller ID");
    far.hang_up().await?;
    customer.free(SOON).await?;
    let call = ended(&floor).await?;
    assert_eq!(
        ways(&call),
        [
            "transferred by sara",
            "+4930555 over 1",
            "out +4930555",
            "out 486 false",
            "transferred by sara",
            "+4930555 over 1",
            "out +4930555",
            "answered out",
            "OutsideHungUp",
        ]
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn early_media_is_heard_before_the_answer() -> Outcome {
    let mut setup = setup()?;
    setup.keep_agents(&["203"]);
    let mut carrier = Carrier::start(FAR, None)?;
    trunk(&mut setup, "early", &carrier.server(), 1);
    let floor = Floor::start(setup).await?;
    let desk = cleo(&floor).await?;
    desk.command(PhoneCommand::Dial("030555".into()))?;
    let call = carrier.called(SOON).await?;
    let offer = call.invite.body.as_ref().ok_or("no offer")?;
    let sound = Announcement::new(FAR, offer, CUSTOMER_HZ, 6_000).await?;
    let provisional = Command::Provisional {
        session: call.session,
        status: 183,
        reason: String::new(),
        headers: vec![("X-Carrier".into(), "mark".into())],
        body: Some(sound.answer()?),
    };
    carrier.command(provisional).await?;
    let heard = async {
        hears(&desk, CUSTOMER_HZ).await?;
        let phase = desk.state().map(|state| state.phase);
        let rings = matches!(phase, Some(Phase::Calling | Phase::RingingThere));
        assert!(rings, "it is not answered yet: {phase:?}");
        Ok::<_, tests::Fault>(())
    };
    let (played, heard) = tokio::join!(sound.play(), heard);
    played?;
    heard?;
    let body = Some(sound.answer()?);
    carrier.command(Command::Answer { session: call.session, headers: Vec::new(), body }).await?;
    desk.until("the answer", SOON, |state| {
        state.call.as_ref().is_some_and(|call| call.phase == Phase::Talking)
    })
    .await?;
    desk.hang_up().await?;
    let end = loop {
        if let sip::Event::Ended { by, .. } = carrier.event(SOON).await? {
            break by;
        }
    };
    assert_eq!(end, sip::EndedBy::Peer);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_gives_up_cancels_with_a_cause() -> Outcome {
    let mut setup = setup()?;
    setup.keep_agents(&["203"]);
    let mut carrier = Carrier::start(FAR, None)?;
    trunk(&mut setup, "slow", &carrier.server(), 1);
    let floor = Floor::start(setup).await?;
    let desk = cleo(&floor).await?;
    desk.command(PhoneCommand::Dial("030555".into()))?;
    let call = carrier.called(SOON).await?;
    let (status, headers) = (180, Vec::new());
    let ringing =
        Command::Provisional { session: call.session, status, reason: String::new(), headers, body: None };
    carrier.command(ringing).await?;
    desk.until("ringing", SOON, |state| {
        state.call.as_ref().is_some_and(|call| call.phase == Phase::RingingThere)
    })
    .await?;
    desk.command(PhoneCommand::HangUp)?;
    let reason = loop {
        if let sip::Event::Cancelled { reason, .. } = carrier.event(SOON).await? {
            break reason;
        }
    };
    assert_eq!(reason.as_deref(), Some("Q.850;cause=16"));
    assert_eq!(ended(&floor).await?.summary.cause, Some(EndCause::Abandoned));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trunk_registers_and_its_calls_are_known_by_the_contact() -> Outcome {
    let mut setup = setup()?;
    setup.keep_agents(&[]);
    let mut carrier = Carrier::start(FAR, Some(("4930", "secret")))?;
    trunk(&mut setup, "account", &carrier.server(), 1);
    let account = setup.trunk("account");
    account.insert("username".into(), "4930".into());
    account.insert("password".into(), "secret".into());
    account.insert("register".into(), true.into());
    let mut floor = Floor::start(setup).await?;
    let binding = carrier.registered("4930", SOON).await?;
    let up =
        until_trunk(&floor, "account", "the registration", |report| report.state == TrunkState::Up).await?;
    assert!(up.registered_until.is_some_and(|until| until > clock::now()), "{up:?}");

    // The registrar's address was no trunk's before it answered.
    let to = format!("<sip:{SALES}@carrier.example>");
    carrier.call(binding.contact.clone(), "\"Carl\" <sip:+49171@carrier.example>", &to).await?;
    let call = wait::until_async("the call", SOON, async || {
        Ok(floor.sara.floor().await?.calls.values().next().cloned())
    })
    .await?;
    assert_eq!(call.trunk.as_ref().map(|trunk| trunk.as_str()), Some("account"));
    assert_eq!((call.dialled.as_str(), call.from.number.as_str()), (SALES, "+49171"));

    floor.service.stop().await?;
    let gone = wait::within("the end of the registration", SOON, async {
        loop {
            let _ = carrier.event(Duration::from_millis(200)).await;
            if carrier.bindings("4930") == 0 {
                return Ok(());
            }
        }
    });
    gone.await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pings_say_whether_a_trunk_works() -> Outcome {
    let mut setup = setup()?;
    setup.keep_agents(&[]);
    let carrier = Carrier::start(FAR, None)?;
    trunk(&mut setup, "pinged", &carrier.server(), 1);
    let pinged = setup.trunk("pinged");
    pinged.insert("ping_secs".into(), 1.into());
    pinged.insert("ping_timeout_secs".into(), 1.into());
    let floor = Floor::start(setup).await?;
    let up = until_trunk(&floor, "pinged", "the answer to a ping", |report| report.state == TrunkState::Up)
        .await?;
    assert!(up.servers[0].round_trip_millis.is_some(), "{up:?}");
    drop(carrier);
    let down = until_trunk(&floor, "pinged", "silence", |report| !report.state.is_usable()).await?;
    assert!(down.last_error.is_some_and(|error| error.contains("OPTIONS")), "the reason is told");
    let metrics = http::get(floor.service.setup.http, "/metrics", &[]).await?.text();
    assert!(metrics.lines().any(|line| line == "callfloor_trunk_up{trunk=\"pinged\"} 0"), "{metrics}");
    let journal = tests::service::journal(&floor.service.sign_in("mia").await?).await?;
    let facts: Vec<&str> = journal
        .iter()
        .filter_map(|stamped| match &stamped.event {
            Event::TrunkUp { trunk } if trunk.as_str() == "pinged" => Some("up"),
            Event::TrunkDown { trunk, .. } if trunk.as_str() == "pinged" => Some("down"),
            _ => None,
        })
        .collect();
    assert_eq!(facts, ["up", "down"]);
    Ok(())
}
