//! Attended transfers: a desk phone joins its two calls by REFER with Replaces (RFC 5589 §7); and who may not transfer.

use shared::model::agent::State;
use shared::model::call::{EndCause, LiveCall, Phase};
use shared::model::event::{Event, TransferTarget};
use tests::linphone::Linphone;
use tests::phone::{Phone, PhoneSetup};
use tests::ports::{self, CARRIER, HERE};
use tests::raw::RawPeer;
use tests::setup::Setup;
use tests::voice::{AGENT_HZ, CUSTOMER_HZ, Mouth};
use tests::{Outcome, wait};

use crate::floor::{Floor, SALES, SOON, SUPPORT, assert_tells, hears, is_held};
use crate::linphone::desk;

/// The voice of the one who is consulted.
const CONSULTED_HZ: f32 = 1_230.0;

/// Cleo's desk phone talks with a customer of "Support"; 301 is the phone of a colleague.
struct Consult {
    floor: Floor,
    desk: Linphone,
    customer: Phone,
    consulted: Phone,
}

impl Consult {
    /// `change` sees the port of the consulted phone.
    async fn start(change: impl FnOnce(&mut Setup, u16)) -> Outcome<Consult> {
        let mut setup = Setup::test()?;
        setup.keep_agents(&["203"]);
        let port = ports::free_pair(HERE)?;
        change(&mut setup, port);
        let sip = setup.sip;
        let floor = Floor::start(setup).await?;
        let consulted =
            PhoneSetup { mouth: Mouth::tone(CONSULTED_HZ), ..PhoneSetup::fixed(sip, "301", port) };
        let consulted = Phone::start(consulted).await?;
        let mut desk = desk(&floor, "udp", false).await?;
        let customer = PhoneSetup::customer(sip, "+49305550122", "Carla");
        let customer = Phone::start(PhoneSetup { mouth: Mouth::tone(CUSTOMER_HZ), ..customer }).await?;
        customer.call(SUPPORT).await?;
        desk.says("Receiving new incoming call", SOON).await?;
        desk.tell("answer")?;
        hears(&customer, AGENT_HZ).await.map_err(|error| format!("{error}\n{}", desk.story()))?;
        Ok(Consult { floor, desk, customer, consulted })
    }

    /// The desk phone calls `number`, talks, and joins both calls. What the floor shows then.
    async fn join(&mut self, number: &str) -> Outcome<LiveCall> {
        self.desk.tell("pause")?;
        self.floor.until("the hold", |floor| floor.calls.values().any(is_held)).await?;
        self.desk.tell(&format!("call sip:{number}@callfloor"))?;
        self.consulted.talking(SOON).await.map_err(|error| format!("{error}\n{}", self.desk.story()))?;
        hears(&self.consulted, AGENT_HZ).await.map_err(|error| format!("{error}\n{}", self.desk.story()))?;
        self.desk.tell("transfer 1 --to-call 2")?;
        let both = async {
            hears(&self.customer, CONSULTED_HZ).await?;
            hears(&self.consulted, CUSTOMER_HZ).await
        };
        both.await
            .map_err(|error| format!("{error}\n{}\n{}", self.desk.story(), self.floor.service.log_end(30)))?;
        let live = self.floor.until("one call", |floor| floor.calls.len() == 1).await?;
        let wrap_up = live.agents.get(&"203".parse()?).map(|view| view.state.clone());
        assert!(matches!(wrap_up, Some(State::WrapUp { .. })), "{wrap_up:?}");
        Ok(live.calls.values().next().ok_or("no call")?.clone())
    }

    /// The customer hangs up: his call, and the one that was joined to it.
    async fn end(
        &self,
        live: &LiveCall,
    ) -> Outcome<(shared::api::calls::CallDetail, shared::api::calls::CallDetail)> {
        self.customer.hang_up().await?;
        self.consulted.free(SOON).await?;
        let calls = self.floor.ended(2).await?;
        let (his, others): (Vec<_>, Vec<_>) = calls.into_iter().partition(|call| call.summary.id == live.id);
        let (his, other) = (his.into_iter().next(), others.into_iter().next());
        let (his, other) = (his.ok_or("no call of his")?, other.ok_or("no other call")?);
        assert_eq!(other.summary.cause, Some(EndCause::Joined { into: live.id }));
        assert_eq!(his.summary.from.number, "+49305550122", "he is who he was");
        let joined = his.events.iter().any(
            |stamped| matches!(&stamped.event, Event::CallJoined { other: id, .. } if *id == other.summary.id),
        );
        assert!(joined, "{:#?}", his.events);
        Ok((his, other))
    }
}

#[tokio::test]
async fn a_colleague_takes_the_customer_of_a_desk_phone() -> Outcome {
    let mut consult = Consult::start(|setup, port| setup.fixed_agent("301", port, &["sales"], true)).await?;
    let live = consult.join("301").await?;
    let agent = "301".parse()?;
    assert!(
        matches!(&live.phase, Phase::Talking { agent: with, held: false, .. } if *with == agent),
        "{live:?}"
    );
    let state = consult.floor.sara.agent(&agent).await?.state;
    assert_eq!(state, State::Talking { call: live.id, held: false });
    let recording = live.recording;
    assert!(recording.is_some());
    let (his, _) = consult.end(&live).await?;
    assert_tells(
        &his,
        &[
            "connected with 203",
            "held",
            "transferred by 203",
            "released 203",
            "wrap-up of 203",
            "released 301",
            "wrap-up of 301",
            "ended: customer_hung_up",
        ],
    );
    assert_eq!(his.summary.agents, ["203".parse()?, agent]);
    let one_recording = wait::until_async("the recording", SOON, async || {
        Ok(consult.floor.sara.call(live.id).await?.events.iter().find_map(|stamped| match &stamped.event {
            Event::RecordingSealed { recording, .. } => Some(*recording),
            _ => None,
        }))
    });
    assert_eq!(Some(one_recording.await?), recording, "one recording has the whole call");
    Ok(())
}

#[tokio::test]
async fn the_agent_of_another_queue_takes_the_customer_of_a_desk_phone() -> Outcome {
    let mut consult = Consult::start(|setup, port| setup.fixed_agent("301", port, &["sales"], true)).await?;
    let live = consult.join(SALES).await?;
    let (his, other) = consult.end(&live).await?;
    assert_tells(&his, &["transferred by 203", "released 203", "released 301", "wrap-up of 301"]);
    assert_tells(&other, &["queued in sales", "connected with 301", "released 301", "ended: joined"]);
    let wrapped = other.events.iter().any(|stamped| matches!(stamped.event, Event::WrapUpStarted { .. }));
    assert!(!wrapped, "wrap-up is for the customer, not for the colleague");
    Ok(())
}

#[tokio::test]
async fn a_number_outside_takes_the_customer_of_a_desk_phone() -> Outcome {
    let mut consult = Consult::start(|setup, port| {
        setup.way_out(&format!("127.0.0.1:{port}")).insert("max_calls".into(), 1.into());
    })
    .await?;
    let live = consult.join("+4930555").await?;
    assert!(matches!(&live.phase, Phase::Outside { number, .. } if number == "+4930555"), "{live:?}");
    let in_use = async |floor: &Floor| -> Outcome<u32> {
        let reports = floor.sara.trunks().await?;
        Ok(reports.into_iter().find(|report| report.info.id.as_str() == "out").ok_or("no trunk")?.calls)
    };
    assert_eq!(in_use(&consult.floor).await?, 1, "the trunk's one call goes on");
    let (his, other) = consult.end(&live).await?;
    assert_tells(&his, &["transferred by 203", "released 203", "ended: customer_hung_up"]);
    let number = "+4930555".to_owned();
    let to = his.events.iter().any(|stamped| {
        matches!(&stamped.event, Event::CallTransferred { target: TransferTarget::Number { number: to }, .. } if *to == number)
    });
    assert!(to, "{:#?}", his.events);
    assert_eq!(other.summary.dialled, number);
    Ok(())
}

/// RFC 3515 §2.4.2: who may not, and where nobody may be sent. The talk goes on after each refusal (RFC 5057 §5.1).
#[tokio::test]
async fn a_transfer_that_may_not_be_is_refused_and_the_talk_goes_on() -> Outcome {
    let mut setup = Setup::test()?;
    setup.way_out("127.0.0.9:5060");
    let floor = Floor::with_phones(setup, &[("301", &["sales"])]).await?;
    let sip = floor.service.setup.sip;
    let mut phone = RawPeer::at(HERE, floor.port("301"), sip).await?;
    let mut customer = RawPeer::at(CARRIER, 0, sip).await?;
    let (address, sdp) = (customer.address()?, customer.sdp()?);
    let dialog =
        format!("From: <sip:+49305550177@{address}>;tag=c1\nCall-ID: refers\nContact: <sip:c@{address}>");
    let invite =
        format!("{dialog}\nTo: <sip:{SALES}@{sip}>\nCSeq: 1 INVITE\nContent-Type: application/sdp\n\n{sdp}");
    customer.ask("INVITE", &format!("sip:{SALES}@{sip}"), "i1", &invite).await?;
    let rung = phone.gets("INVITE").await?;
    let head =
        format!("Contact: <sip:301@{}>\nContent-Type: application/sdp\n\n{}", phone.address()?, phone.sdp()?);
    phone.answer(&rung, "200 OK", "p1", &head).await?;
    phone.gets("ACK").await?;
    let answer = customer.gets("200 INVITE").await?;
    let to = answer.header("To").ok_or("no To")?.to_owned();
    let within = format!("{dialog}\nTo: {to}");
    customer.ask("ACK", answer.contact()?, "a1", &format!("{within}\nCSeq: 1 ACK")).await?;
    floor.until("the talk", |floor| floor.calls.values().any(|call| call.agent().is_some())).await?;

    let refer = |cseq: u32, to: &str| format!("\nCSeq: {cseq} REFER\nRefer-To: <{to}>");
    // A customer would place calls at our cost.
    customer
        .ask("REFER", answer.contact()?, "r1", &format!("{within}{}", refer(2, "sip:3002@callfloor")))
        .await?;
    customer.gets("403 REFER").await?;
    let own = format!(
        "From: {};tag=p1\nTo: {}\nCall-ID: {}\nContact: <sip:301@{}>",
        rung.header("To").ok_or("no To")?,
        rung.header("From").ok_or("no From")?,
        rung.header("Call-ID").ok_or("no Call-ID")?,
        phone.address()?
    );
    for (cseq, target, status) in [
        (2, "sip:+15551234@callfloor", "403 REFER"),
        (3, "sip:nobody@callfloor", "603 REFER"),
        (4, "sip:3002@callfloor?Replaces=unknown%3Bto-tag%3D1%3Bfrom-tag%3D2", "603 REFER"),
    ] {
        let head = format!("{own}{}", refer(cseq, target));
        phone.ask("REFER", rung.contact()?, &format!("r{cseq}"), &head).await?;
        phone.gets(status).await.map_err(|error| format!("{target}: {error}"))?;
    }
    phone.ask("BYE", rung.contact()?, "b1", &format!("{own}\nCSeq: 5 BYE")).await?;
    phone.gets("200 BYE").await?;
    assert_tells(&floor.one_ended().await?, &["connected with 301", "ended: agent_hung_up"]);
    Ok(())
}
