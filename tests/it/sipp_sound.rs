//! SIPp's own RTP: what it streams is heard in every codec, what it sends back too, and its keys are taken.

use std::time::Duration;

use shared::audio::codec::Codec;
use tests::Outcome;
use tests::phone::{Answer, Phone, PhoneSetup};
use tests::setup::Setup;
use tests::sipp::{Sipp, capture, dialled, encoded, tone};
use tests::voice::{CUSTOMER_HZ, Mouth};
use toml::Value;

use crate::floor::{Floor, SALES, SCENARIO, SOON, assert_tells, hears};

const SALES_ONLY: &[&str] = &["sales"];
const ECHO_HZ: f32 = 620.0;

/// G.711 is relayed to the agent's phone; G.722 is not known to it and is transcoded.
#[tokio::test]
async fn the_agent_hears_what_the_customers_phone_says_in_every_codec() -> Outcome {
    for codec in [Codec::Pcmu, Codec::Pcma, Codec::G722] {
        let floor = Floor::with_phones(Setup::test()?, &[("301", SALES_ONLY)]).await?;
        let (folder, sip) = (floor.service.folder(), floor.service.setup.sip);
        let agent = Phone::start(PhoneSetup::fixed(sip, "301", floor.port("301"))).await?;
        let speaks = Sipp::customer("customer-speaks", sip, SALES)?.pause(Duration::from_secs(3));
        let sound = encoded(codec, &tone(CUSTOMER_HZ, 10_000))?;
        let customer = speaks.says(codec, sound).start(folder).await?;
        agent.talking(SOON).await?;
        let about = agent.state().ok_or("the agent's phone has no call")?;
        assert_eq!(about.peer.number, "+4930777");
        assert!(about.peer.name.contains("Sippy Customer"), "{}", about.peer.name);
        hears(&agent, CUSTOMER_HZ).await.map_err(|error| format!("{codec:?}: {error}"))?;
        customer.passed(SCENARIO).await?;
        agent.free(SOON).await?;
    }
    Ok(())
}

#[tokio::test]
async fn opus_and_keys_as_events_are_heard_from_a_capture() -> Outcome {
    if !may_open_raw_sockets() {
        eprintln!("SIPp may not open raw sockets here, which it needs to play a capture: nothing tried");
        return Ok(());
    }
    let floor = Floor::with_phones(Setup::test()?, &[("301", SALES_ONLY)]).await?;
    let (folder, sip) = (floor.service.folder(), floor.service.setup.sip);
    let agent = Phone::start(PhoneSetup::fixed(sip, "301", floor.port("301"))).await?;
    let capture = capture::opus(&tone(CUSTOMER_HZ, 6_000), '5', Duration::from_secs(2))?;
    let plays = Sipp::customer("customer-plays", sip, SALES)?.pause(Duration::from_secs(5));
    let customer = plays.plays(capture).start(folder).await?;
    agent.talking(SOON).await?;
    hears(&agent, CUSTOMER_HZ).await?;
    agent.hears_keys("5").await?;
    customer.passed(SCENARIO).await?;
    agent.free(SOON).await
}

#[tokio::test]
async fn the_customer_hears_what_the_agents_phone_sends_back() -> Outcome {
    for codec in [Codec::Pcmu, Codec::Pcma] {
        let floor = Floor::with_phones(Setup::test()?, &[("301", SALES_ONLY)]).await?;
        let (folder, sip) = (floor.service.folder(), floor.service.setup.sip);
        let agent = Sipp::agent("agent-answers", sip, floor.port("301")).with_echo().start(folder).await?;
        let customer = PhoneSetup::customer(sip, "+49305550199", "Echo");
        let mouth = Mouth::tone(ECHO_HZ);
        let customer = Phone::start(PhoneSetup { mouth, codecs: vec![codec], ..customer }).await?;
        customer.call(SALES).await?;
        floor.until("the talk", |floor| floor.calls.values().any(|call| call.agent().is_some())).await?;
        hears(&customer, ECHO_HZ).await?;
        customer.hang_up().await?;
        agent.passed(SCENARIO).await?;
    }
    Ok(())
}

/// A caller who waits, on a trunk without events for keys, presses 7 and 1; the queue has an exit by 1.
async fn presses_keys_in_the_sound(dtmf: &str) -> Outcome<bool> {
    let mut setup = Setup::test()?;
    setup.keep_agents(&[]);
    setup.trunk("carrier").insert("dtmf".into(), dtmf.into());
    let keys: Value = toml::from_str(r#"keys = { "1" = { to = "queue", queue = "support" } }"#)?;
    setup.queue("sales").insert("waiting".into(), keys);
    let port = tests::ports::free_pair(tests::ports::HERE)?;
    setup.fixed_agent("302", port, &["support"], true);
    let answer = Answer::After(Duration::from_millis(300));
    let helper = Phone::start(PhoneSetup { answer, ..PhoneSetup::fixed(setup.sip, "302", port) }).await?;
    let floor = Floor::start(setup).await?;
    let (folder, sip) = (floor.service.folder(), floor.service.setup.sip);
    // A voice first: it is no key.
    let mut sound = tone(CUSTOMER_HZ, 1_000);
    sound.extend(dialled("71"));
    sound.extend(vec![0; 96_000]);
    let speaks = Sipp::customer("customer-speaks", sip, SALES)?.pause(Duration::from_secs(4));
    let customer = speaks.says(Codec::Pcmu, encoded(Codec::Pcmu, &sound)?).start(folder).await?;
    customer.passed(SCENARIO).await?;
    helper.free(SOON).await?;
    let call = floor.one_ended().await?;
    let is_there = call.summary.queues.len() == 2;
    if is_there {
        assert_tells(&call, &["queued in sales", "left sales: overflowed", "queued in support"]);
    }
    Ok(is_there)
}

#[tokio::test]
async fn keys_in_the_sound_are_taken_on_trunks_that_need_it() -> Outcome {
    assert!(presses_keys_in_the_sound("inband").await?, "the key of the exit is heard");
    assert!(!presses_keys_in_the_sound("rfc4733").await?, "tones are only sound where keys come as events");
    Ok(())
}

/// Root may, and on Linux nobody else without a further right.
fn may_open_raw_sockets() -> bool {
    socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::RAW, Some(socket2::Protocol::UDP)).is_ok()
}
