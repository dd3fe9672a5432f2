//! baresip as an agent's desk phone.

use std::net::SocketAddr;
use std::path::PathBuf;

use shared::api::agents::WantedStatus;
use shared::audio::goertzel::power_dbfs;
use shared::id::AgentId;
use shared::model::agent::Device;
use shared_desktop::phone::PhoneCommand;
use tests::baresip::{Baresip, BaresipSetup, G711};
use tests::certificate::Certificates;
use tests::ear::HEARD_DBFS;
use tests::phone::{Phone, PhoneSetup};
use tests::ports::{self, HERE};
use tests::setup::Setup;
use tests::voice::{AGENT_HZ, CUSTOMER_HZ, Mouth};
use tests::{Outcome, wait};

use crate::floor::{Floor, SALES, SOON, SUPPORT, assert_tells, hears, hears_music, is_held};

/// A second agent's voice.
const OTHER_HZ: f32 = 1_330.0;

/// Cleo's desk phone, for whom the floor's agent 203 stands.
struct Desk {
    floor: Floor,
    phone: Baresip,
}

impl Desk {
    /// Over this transport; with an agent 301 for the other queue whose phone answers.
    async fn start(transport: &'static str) -> Outcome<Desk> {
        let mut setup = Setup::test()?;
        setup.keep_agents(&["203"]);
        setup.set("sip", "registration_min_secs", 10);
        Desk::with(setup, transport).await
    }

    async fn with(setup: Setup, transport: &'static str) -> Outcome<Desk> {
        let service = setup.sip;
        Desk::at(setup, service, transport, None).await
    }

    async fn at(
        setup: Setup,
        service: SocketAddr,
        transport: &'static str,
        authority: Option<PathBuf>,
    ) -> Outcome<Desk> {
        Desk::speaking(setup, service, transport, authority, G711, None).await
    }

    /// With these codecs and this encryption of the phone.
    async fn speaking(
        setup: Setup,
        service: SocketAddr,
        transport: &'static str,
        authority: Option<PathBuf>,
        codecs: &'static str,
        encryption: Option<&'static str>,
    ) -> Outcome<Desk> {
        let floor = Floor::start(setup).await?;
        let phone = Baresip::start_as(&BaresipSetup {
            codecs,
            encryption,
            service,
            transport,
            authority,
            domain: "callfloor".into(),
            user: "203".into(),
            password: "demo-sip-203".into(),
            hz: AGENT_HZ,
            register_secs: 10,
        })
        .await?;
        let travels = format!("/{}/", transport.to_uppercase());
        assert!(phone.log().contains(&travels), "registered another way:\n{}", phone.log());
        let id = cleo()?;
        let device = floor.sara.agent(&id).await?.device;
        let right = matches!(&device, Device::Phone { product, .. } if product.starts_with("baresip"));
        assert!(right, "{device:?}");
        // Its person has no app: he is made ready in the console.
        floor.service.sign_in("203").await?;
        floor.sara.set_status(&id, WantedStatus::Ready).await?;
        Ok(Desk { floor, phone })
    }

    /// A customer who talks with it.
    async fn customer(&self) -> Outcome<Phone> {
        let mut customer = PhoneSetup::customer(self.floor.service.setup.sip, "+49305550122", "Carla");
        customer.mouth = Mouth::tone(CUSTOMER_HZ);
        let customer = Phone::start(customer).await?;
        customer.call(SUPPORT).await?;
        self.is_heard_by(&customer).await?;
        Ok(customer)
    }

    async fn is_heard_by(&self, customer: &Phone) -> Outcome {
        hears(customer, AGENT_HZ)
            .await
            .map_err(|error| format!("{error}\nbaresip says:\n{}", self.phone.log()).into())
    }

    /// Waits for half a second of the customer's tone.
    async fn hears_the_customer(&self) -> Outcome {
        let heard = || {
            let samples = self.phone.heard().ok()?;
            let blocks = samples.chunks_exact(800);
            let loud = blocks.filter(|block| power_dbfs(block, CUSTOMER_HZ, 8_000) > HEARD_DBFS).count();
            (loud >= 5).then_some(())
        };
        wait::until("half a second of the customer's tone at baresip", SOON, heard)
            .await
            .map_err(|error| format!("{error}\nbaresip says:\n{}", self.phone.log()).into())
    }
}

fn cleo() -> Outcome<AgentId> {
    Ok("203".parse()?)
}

async fn both_sides_hear_each_other(desk: Desk) -> Outcome {
    let customer = desk.customer().await?;
    desk.hears_the_customer().await?;
    customer.hang_up().await?;
    assert_tells(&desk.floor.one_ended().await?, &["connected with 203", "ended: customer_hung_up"]);
    Ok(())
}

#[tokio::test]
async fn a_desk_phone_registers_answers_and_both_sides_hear_each_other() -> Outcome {
    both_sides_hear_each_other(Desk::start("udp").await?).await
}

#[tokio::test]
async fn a_desk_phone_over_tcp_registers_answers_and_both_sides_hear_each_other() -> Outcome {
    both_sides_hear_each_other(Desk::start("tcp").await?).await
}

/// The service behind TLS, and who vouches for it.
pub fn behind_tls() -> Outcome<(Setup, SocketAddr, Certificates)> {
    let certificates = Certificates::new()?;
    let mut setup = Setup::test()?;
    setup.keep_agents(&["203"]);
    setup.set("sip", "registration_min_secs", 10);
    let secure = SocketAddr::new(HERE, ports::free_pair(HERE)?);
    setup.set("sip", "tls", vec![secure.to_string()]);
    setup.set("sip", "certificate", certificates.certificate().display().to_string());
    setup.set("sip", "key", certificates.key().display().to_string());
    Ok((setup, secure, certificates))
}

#[tokio::test]
async fn a_desk_phone_over_tls_registers_answers_and_both_sides_hear_each_other() -> Outcome {
    let (setup, secure, certificates) = behind_tls()?;
    // It proves who the service is, too.
    both_sides_hear_each_other(Desk::at(setup, secure, "tls", Some(certificates.authority())).await?).await
}

/// New keys by a re-INVITE of ours, every second of the talk.
#[tokio::test]
async fn a_desk_phone_takes_new_keys_in_the_talk() -> Outcome {
    let (mut setup, secure, certificates) = behind_tls()?;
    setup.set("media", "srtp_rekey_secs", 1);
    setup.agent("203").insert("srtp".into(), "required".into());
    let authority = Some(certificates.authority());
    let desk = Desk::speaking(setup, secure, "tls", authority, G711, Some("srtp-mand")).await?;
    let customer = desk.customer().await?;
    desk.phone.says("SRTP is Enabled", SOON).await?;
    for _ in 0..3 {
        desk.hears_the_customer().await?;
        tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
        hears(&customer, AGENT_HZ).await?;
    }
    desk.phone.says("got re-INVITE (SDP Offer)", SOON).await?;
    customer.hang_up().await?;
    assert_tells(&desk.floor.one_ended().await?, &["connected with 203", "ended: customer_hung_up"]);
    Ok(())
}

/// A phone that offers SRTP, and one that takes nothing else from a service that takes nothing else.
#[tokio::test]
async fn a_desk_phone_encrypts_its_voice() -> Outcome {
    for (policy, encryption) in [("optional", "srtp"), ("required", "srtp-mand")] {
        let (mut setup, secure, certificates) = behind_tls()?;
        // The customer's phone has neither TLS nor SRTP.
        setup.agent("203").insert("srtp".into(), policy.into());
        let authority = Some(certificates.authority());
        let desk = Desk::speaking(setup, secure, "tls", authority, G711, Some(encryption)).await?;
        let customer = desk.customer().await?;
        desk.phone.says("SRTP is Enabled", SOON).await?;
        desk.hears_the_customer().await?;
        customer.hang_up().await?;
        assert_tells(&desk.floor.one_ended().await?, &["connected with 203", "ended: customer_hung_up"]);
    }
    Ok(())
}

#[tokio::test]
async fn a_desk_phone_speaks_every_codec_with_keys_both_ways() -> Outcome {
    for codecs in ["PCMU/8000/1", "PCMA/8000/1", "G722/16000/1", "opus/48000/2"] {
        let mut setup = Setup::test()?;
        setup.keep_agents(&["203"]);
        setup.set("sip", "registration_min_secs", 10);
        let service = setup.sip;
        let mut desk = Desk::speaking(setup, service, "udp", None, codecs, None).await?;
        let customer = desk.customer().await?;
        desk.hears_the_customer().await?;
        desk.phone.tell("sndcode 1").await?;
        customer.hears_keys("1").await?;
        customer.command(PhoneCommand::Key('7'))?;
        desk.phone.says("received event: '7' (end=1)", SOON).await?;
        customer.hang_up().await?;
        assert_tells(&desk.floor.one_ended().await?, &["connected with 203", "ended: customer_hung_up"]);
    }
    Ok(())
}

#[tokio::test]
async fn a_desk_phone_holds_resumes_and_sends_keys() -> Outcome {
    let mut desk = Desk::start("udp").await?;
    let customer = desk.customer().await?;
    desk.phone.tell("hold").await?;
    desk.floor.until("the hold", |floor| floor.calls.values().any(is_held)).await?;
    hears_music(&customer, AGENT_HZ).await?;
    desk.phone.tell("resume").await?;
    desk.is_heard_by(&customer).await?;

    // RFC 4733 both ways. baresip writes no more of what it hears once it has held; the keys show that it hears.
    desk.phone.tell("sndcode 1").await?;
    customer.hears_keys("1").await?;
    customer.command(PhoneCommand::Key('7'))?;
    desk.phone.says("received event: '7' (end=1)", SOON).await?;

    desk.phone.tell("hangup").await?;
    customer.free(SOON).await?;
    let call = desk.floor.one_ended().await?;
    assert_tells(&call, &["connected with 203", "held", "resumed", "ended: agent_hung_up"]);
    Ok(())
}

#[tokio::test]
async fn a_desk_phone_transfers_by_refer() -> Outcome {
    let mut setup = Setup::test()?;
    setup.keep_agents(&["203"]);
    setup.set("sip", "registration_min_secs", 10);
    let port = ports::free_pair(HERE)?;
    setup.fixed_agent("301", port, &["sales"], true);
    let mut desk = Desk::with(setup, "udp").await?;
    let other = PhoneSetup::fixed(desk.floor.service.setup.sip, "301", port);
    let other = Phone::start(PhoneSetup { mouth: Mouth::tone(OTHER_HZ), ..other }).await?;
    let customer = desk.customer().await?;
    desk.phone.tell(&format!("transfer sip:{SALES}@callfloor")).await?;
    other.talking(SOON).await?;
    hears(&customer, OTHER_HZ).await?;
    hears(&other, CUSTOMER_HZ).await?;
    customer.hang_up().await?;
    let call = desk.floor.one_ended().await?;
    let story = ["connected with 203", "transferred by 203", "released 203", "connected with 301"];
    assert_tells(&call, &story);
    Ok(())
}

#[tokio::test]
async fn a_desk_phone_calls_a_queue() -> Outcome {
    let mut setup = Setup::test()?;
    setup.keep_agents(&["203"]);
    setup.set("sip", "registration_min_secs", 10);
    let port = ports::free_pair(HERE)?;
    setup.fixed_agent("301", port, &["sales"], true);
    let mut desk = Desk::with(setup, "udp").await?;
    let other = PhoneSetup::fixed(desk.floor.service.setup.sip, "301", port);
    let other = Phone::start(PhoneSetup { mouth: Mouth::tone(CUSTOMER_HZ), ..other }).await?;
    desk.phone.tell(&format!("dial sip:{SALES}@callfloor")).await?;
    other.talking(SOON).await?;
    hears(&other, AGENT_HZ).await?;
    desk.hears_the_customer().await?;
    assert_eq!(other.state().ok_or("no call")?.peer.number, "203");
    desk.phone.tell("hangup").await?;
    other.free(SOON).await
}

#[tokio::test]
async fn a_desk_phone_is_reached_after_a_restart_of_the_service() -> Outcome {
    for transport in ["udp", "tcp"] {
        let mut desk = Desk::start(transport).await?;
        desk.floor.service.stop().await?;
        desk.floor.service.begin().await?;
        desk.floor.sara = desk.floor.service.sign_in("sara").await?;
        // By itself: nobody touches the phone.
        let id = cleo()?;
        let back = wait::until_async("the desk phone's registration", SOON, async || {
            let device = desk.floor.sara.agent(&id).await?.device;
            Ok(matches!(device, Device::Phone { .. }).then_some(()))
        });
        back.await.map_err(|error| format!("{transport}: {error}\nit says\n{}", desk.phone.log()))?;
        desk.floor.sara.set_status(&id, WantedStatus::Ready).await?;
        let customer = desk.customer().await?;
        customer.hang_up().await?;
        assert_tells(&desk.floor.one_ended().await?, &["connected with 203", "ended: customer_hung_up"]);
    }
    Ok(())
}
