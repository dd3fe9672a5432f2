//! What carriers and desk phones do that the RFCs allow, forbid or never thought of, byte for byte.

use std::time::Duration;

use shared::model::agent::Device;
use tests::Outcome;
use tests::phone::{Phone, PhoneSetup};
use tests::ports::{self, CARRIER, HERE, STRANGER};
use tests::raw::{Message, RawPeer};
use tests::setup::Setup;
use tests::sipp::Sipp;

use crate::floor::{Floor, SALES, SCENARIO, SOON, SUPPORT, assert_tells};

const SALES_ONLY: &[&str] = &["sales"];

/// An offer that can be read, of a codec that nobody here has.
const STRANGE_CODEC: &str = "Content-Type: application/sdp\n\nv=0\no=- 1 2 IN IP4 127.0.0.1\ns=-\n\
     c=IN IP4 127.0.0.1\nt=0 0\nm=audio 40000 RTP/AVP 18\n";

/// A floor with one fixed phone that a test speaks for, and a customer who calls it.
struct Odd {
    floor: Floor,
    phone: RawPeer,
    customer: Phone,
}

impl Odd {
    /// With the INVITE that the phone got.
    async fn rung() -> Outcome<(Odd, Message)> {
        let floor = Floor::with_phones(Setup::test()?, &[("301", SALES_ONLY)]).await?;
        let sip = floor.service.setup.sip;
        let mut phone = RawPeer::at(HERE, floor.port("301"), sip).await?;
        let customer = Phone::start(PhoneSetup::customer(sip, "+49305550177", "Odd")).await?;
        customer.call(SALES).await?;
        let invite = phone.gets("INVITE").await?;
        Ok((Odd { floor, phone, customer }, invite))
    }

    /// With a phone that has answered: the INVITE, and the phone's From and To lines for requests of its own.
    async fn talking() -> Outcome<(Odd, Message, String)> {
        let (mut odd, invite) = Odd::rung().await?;
        odd.accept(&invite, "raw1").await?;
        odd.phone.gets("ACK").await?;
        let own = odd.own(&invite, "raw1")?;
        Ok((odd, invite, own))
    }

    async fn accept(&mut self, invite: &Message, tag: &str) -> Outcome {
        let (own, sdp) = (self.phone.address()?, self.phone.sdp()?);
        let head = format!("Contact: <sip:301@{own}>\nContent-Type: application/sdp\n\n{sdp}");
        self.phone.answer(invite, "200 OK", tag, &head).await
    }

    /// Headers of a request that the phone sends in the dialog of this INVITE.
    fn own(&self, invite: &Message, tag: &str) -> Outcome<String> {
        let header = |name| invite.header(name).ok_or(format!("no {name}"));
        Ok(format!(
            "From: {};tag={tag}\nTo: {}\nCall-ID: {}\nContact: <sip:301@{}>",
            header("To")?,
            header("From")?,
            header("Call-ID")?,
            self.phone.address()?
        ))
    }

    /// The phone hangs up; the call ended as one that talked.
    async fn hang_up(mut self, invite: &Message, own: &str, cseq: u32) -> Outcome {
        let head = format!("{own}\nCSeq: {cseq} BYE");
        self.phone.ask("BYE", invite.contact()?, "bye", &head).await?;
        self.phone.gets("200 BYE").await?;
        self.customer.free(SOON).await?;
        assert_tells(&self.floor.one_ended().await?, &["connected with 301", "ended: agent_hung_up"]);
        Ok(())
    }
}

/// RFC 3261 §13.2.2.4: each 2xx makes a dialog of its own; the tags of a fork's branches have nothing to do with each
/// other.
#[tokio::test]
async fn a_fork_that_answers_twice_leaves_one_call() -> Outcome {
    let (mut odd, invite) = Odd::rung().await?;
    odd.phone.answer(&invite, "183 Session Progress", "branch1", "").await?;
    odd.phone.answer(&invite, "180 Ringing", "branch2", "").await?;
    odd.accept(&invite, "branch3").await?;
    odd.phone.gets_that("ACK", |ack| to(ack).ends_with("tag=branch3")).await?;
    odd.accept(&invite, "branch4").await?;
    odd.phone.gets_that("ACK", |ack| to(ack).ends_with("tag=branch4")).await?;
    let bye = odd.phone.gets("BYE").await?;
    assert!(
        to(&bye).ends_with("tag=branch4"),
        "the second answer is ended, not the first\n{}",
        odd.phone.trace()
    );
    odd.phone.answer(&bye, "200 OK", "", "").await?;
    odd.floor.until("the talk", |floor| floor.calls.values().any(|call| call.agent().is_some())).await?;
    let own = odd.own(&invite, "branch3")?;
    odd.hang_up(&invite, &own, 1).await
}

/// A 200 that is sent again is acknowledged again, whatever it looks like: RFC 3261 §13.2.2.4.
#[tokio::test]
async fn a_bare_contact_and_no_allow_are_enough() -> Outcome {
    let (mut odd, invite) = Odd::rung().await?;
    let (own, sdp) = (odd.phone.address()?, odd.phone.sdp()?);
    let head = format!("m: sip:301@{own};line=7\nc: application/sdp\n\n{sdp}");
    odd.phone.answer(&invite, "200 OK", "bare", &head).await?;
    let ack = odd.phone.gets("ACK").await?;
    // §20.10: without brackets, what follows the semicolon is no part of the address.
    assert_eq!(ack.start(), format!("ACK sip:301@{own} SIP/2.0"), "{}", odd.phone.trace());
    odd.phone.answer(&invite, "200 OK", "bare", &head).await?;
    odd.phone.gets("ACK").await?;
    let head = odd.own(&invite, "bare")?;
    // Folded, spaced and small, as old phones write.
    let odd_head = head.replace("From: ", "from :\n  ").replace("Call-ID:", "CALL-ID :");
    odd.hang_up(&invite, &odd_head, 4_000_000).await
}

/// RFC 3261 §9.1: who cancels waits for the INVITE's own answer, and acknowledges it.
#[tokio::test]
async fn a_late_487_is_acknowledged() -> Outcome {
    let (mut odd, invite) = Odd::rung().await?;
    odd.phone.answer(&invite, "180 Ringing", "late", "").await?;
    odd.customer.hang_up().await?;
    let cancel = odd.phone.gets("CANCEL").await?;
    odd.phone.answer(&cancel, "200 OK", "late", "").await?;
    assert_tells(&odd.floor.one_ended().await?, &["offered to 301", "ended: abandoned"]);
    odd.phone.answer(&invite, "487 Request Terminated", "late", "").await?;
    let ack = odd.phone.gets("ACK").await?;
    assert_eq!(
        ack.header("Via"),
        invite.header("Via"),
        "§17.1.1.3: the ACK of a refusal has the INVITE's branch"
    );
    Ok(())
}

/// Methods that a phone sends in a call, asked for or not. The talk goes on after each.
#[tokio::test]
async fn requests_within_a_call_get_an_answer_each() -> Outcome {
    let (mut odd, invite, own) = Odd::talking().await?;
    let target = invite.contact()?.to_owned();
    let cases = [
        ("OPTIONS", "", "200"),
        ("MESSAGE", "Content-Type: text/plain\n\nhello", "405"),
        ("NOTIFY", "Event: message-summary\nSubscription-State: active", "489"),
        ("SUBSCRIBE", "Event: message-summary\nExpires: 60", "489"),
        ("INFO", "Content-Type: application/media_control+xml\n\n<x/>", "200"),
        ("PRACK", "RAck: 1 1 INVITE", "481"),
        ("BREW", "", "501"),
        ("REFER", "", "400"),
        ("INVITE", "Require: x-made-up\nContent-Type: application/sdp\n\nv=0\n", "420"),
        ("INVITE", "Content-Type: application/sdp\n\nno description at all\n", "400"),
        ("INVITE", STRANGE_CODEC, "488"),
        ("UPDATE", "", "200"),
    ];
    for (number, (method, rest, status)) in cases.into_iter().enumerate() {
        let cseq = number + 1;
        let head = format!("{own}\nCSeq: {cseq} {method}\n{rest}");
        odd.phone.ask(method, &target, &format!("in{cseq}"), &head).await?;
        let answer = odd.phone.gets(&format!("{status} {method}")).await?;
        if status == "405" || status == "501" {
            assert!(answer.header("Allow").is_some_and(|allow| allow.contains("INVITE")), "{}", answer.0);
        }
        if method == "INVITE" {
            odd.phone.ask("ACK", &target, &format!("in{cseq}"), &format!("{own}\nCSeq: {cseq} ACK")).await?;
        }
    }
    // §12.2.2: what is older than what came already is refused, and nothing happens.
    odd.phone.ask("BYE", &target, "old", &format!("{own}\nCSeq: 3 BYE")).await?;
    odd.phone.gets("500 BYE").await?;
    let routed = format!("Route: <sip:{};lr>\n{own}", odd.floor.service.setup.sip);
    odd.hang_up(&invite, &routed, 100).await
}

/// Requests that belong to no call, as phones and their servers send them unasked: a refusal that says why, no state.
#[tokio::test]
async fn requests_out_of_the_blue_are_refused_with_a_reason() -> Outcome {
    let floor = Floor::with_phones(Setup::test()?, &[]).await?;
    let sip = floor.service.setup.sip;
    for ip in [CARRIER, STRANGER] {
        let mut peer = RawPeer::at(ip, 0, sip).await?;
        let own = peer.address()?;
        let cases = [
            ("OPTIONS", "", 200),
            ("NOTIFY", "Event: message-summary\nSubscription-State: terminated", 481),
            ("SUBSCRIBE", "Event: message-summary\nExpires: 3600", 489),
            ("SUBSCRIBE", "Event: dialog\nExpires: 0", 489),
            ("PUBLISH", "Event: presence\nExpires: 60", 405),
            ("MESSAGE", "Content-Type: text/plain\n\nhello", 405),
            ("REFER", "Refer-To: <sip:premium@example.com>", 603),
            ("INFO", "", 481),
            ("UPDATE", "", 481),
            ("PRACK", "RAck: 1 1 INVITE", 481),
            ("BYE", "", 481),
            ("CANCEL", "", 481),
            ("BREW", "", 501),
        ];
        for (number, (method, rest, status)) in cases.into_iter().enumerate() {
            let head = format!(
                "From: <sip:odd@{own}>;tag=o{number}\nTo: <sip:{SALES}@{sip}>\nCall-ID: blue-{number}@{own}\n\
                 CSeq: 7 {method}\nContact: <sip:odd@{own}>\n{rest}"
            );
            peer.ask(method, &format!("sip:{SALES}@{sip}"), &format!("blue{number}"), &head).await?;
            let answer = peer.gets_that(&format!("{status} {method}"), |_| true).await?;
            if matches!(status, 405 | 501) {
                assert!(answer.header("Allow").is_some_and(|allow| allow.contains("INVITE")), "{}", answer.0);
            }
            // §8.2.6.2: every answer but 100 has a tag.
            assert!(to(&answer).contains(";tag="), "{}", answer.0);
        }
    }
    assert!(floor.sara.calls(&Default::default()).await?.calls.is_empty());
    Ok(())
}

/// RFC 3261 §10.2.2: `*` with an expiry of 0 removes every binding, and nothing else may be meant by it.
#[tokio::test]
async fn a_phone_takes_all_its_bindings_away() -> Outcome {
    let mut setup = Setup::test()?;
    setup.keep_agents(&["203"]);
    let floor = Floor::start(setup).await?;
    let (folder, sip) = (floor.service.folder(), floor.service.setup.sip);
    let port = ports::free_pair(HERE)?;
    let id = "203".parse()?;
    let registers = async |contact: &str, expires: &str, status: &str| -> Outcome<Device> {
        let phone = Sipp::agent("phone-registers-as", sip, port).digest_for("callfloor");
        let phone = phone.word("USER", "203").word("PASSWORD", "demo-sip-203").word("STATUS", status);
        let phone = phone.word("WHERE", contact).word("EXPIRES", expires);
        phone.start(folder).await?.passed(SCENARIO).await?;
        Ok(floor.sara.agent(&id).await?.device)
    };
    let here = format!("sip:203@127.0.0.1:{port}");
    assert!(matches!(registers(&here, "300", "200").await?, Device::Phone { .. }));
    assert!(matches!(registers("*", "300", "400").await?, Device::Phone { .. }), "only with 0");
    assert_eq!(registers("*", "0", "200").await?, Device::None);
    let two = format!("<{here}>;q=0.3, <sip:203@127.0.0.1:9>;q=0.2;expires=120");
    assert!(matches!(registers(&two, "300", "200").await?, Device::Phone { .. }));
    assert!(matches!(registers(&here, "0", "200").await?, Device::Phone { .. }), "the other one is left");
    assert_eq!(registers("*", "0", "200").await?, Device::None);
    Ok(())
}

/// An INVITE that comes again after its answer is answered again; a second one with another branch is a merged one or
/// none at all (RFC 3261 §8.2.2.2), never a second call.
#[tokio::test]
async fn one_invite_is_one_call() -> Outcome {
    let floor = Floor::with_phones(Setup::test()?, &[]).await?;
    let sip = floor.service.setup.sip;
    let mut carrier = RawPeer::at(CARRIER, 0, sip).await?;
    let own = carrier.address()?;
    let head = format!(
        "From: \"O'Dd\" <sip:%2B4930@{own};user=phone>;tag=one\nTo: sip:{SUPPORT}@{sip}\nCall-ID: one@{own}\n\
         CSeq: 1 INVITE\nContact: sip:one@{own}\nContent-Type: application/sdp\n\n{}",
        carrier.sdp()?
    );
    let target = format!("sip:{SUPPORT}@{sip}");
    carrier.ask("INVITE", &target, "one", &head).await?;
    let first = carrier.gets("200 INVITE").await?;
    carrier.ask("INVITE", &target, "one", &head).await?;
    let again = carrier.gets("200 INVITE").await?;
    assert_eq!(to(&first), to(&again), "the same answer");
    carrier.ask("INVITE", &target, "two", &head).await?;
    carrier.gets("482 INVITE").await?;
    let dialog = format!(
        "From: \"O'Dd\" <sip:%2B4930@{own};user=phone>;tag=one\nTo: {}\nCall-ID: one@{own}\nCSeq:",
        to(&first)
    );
    carrier.ask("ACK", first.contact()?, "ack", &format!("{dialog} 1 ACK")).await?;
    carrier.ask("BYE", first.contact()?, "bye", &format!("{dialog} 2 BYE")).await?;
    carrier.gets("200 BYE").await?;
    // Crossed: the second BYE finds nothing.
    tokio::time::sleep(Duration::from_millis(50)).await;
    carrier.ask("BYE", first.contact()?, "bye2", &format!("{dialog} 3 BYE")).await?;
    carrier.gets("481 BYE").await?;
    let call = floor.one_ended().await?;
    assert_eq!(call.summary.from.number, "+4930");
    Ok(())
}

fn to(message: &Message) -> &str {
    message.header("To").unwrap_or_default()
}
