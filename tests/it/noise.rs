//! Bytes on the voice ports that are no voice, or not the phone's: the talk goes on, and a stranger is not heard.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use shared::audio::RATE_HZ;
use shared::audio::codec::Codec;
use shared::audio::goertzel::power_dbfs;
use shared_net::clock;
use tests::ear::GONE_DBFS;
use tests::phone::{Phone, PhoneSetup};
use tests::ports::STRANGER;
use tests::setup::Setup;
use tests::sipp::{encoded, tone};
use tests::voice::{AGENT_HZ, CUSTOMER_HZ, Mouth};
use tests::{Outcome, wait};
use tokio::net::UdpSocket;

use crate::floor::{Floor, SALES, SOON, assert_tells};

/// What the stranger tries to be heard with.
const STRANGER_HZ: f32 = 1_900.0;
/// Packets of 20 ms that the stranger sends to each port.
const PACKETS: u16 = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strangers_packets_are_not_heard_and_end_nothing() -> Outcome {
    let mut setup = Setup::test()?;
    let first = tests::ports::media_block().0;
    let ports = first..first + 20;
    setup.set("media", "port_min", i64::from(ports.start));
    setup.set("media", "port_max", i64::from(ports.end - 1));
    let mut floor = Floor::with_phones(setup, &[("301", &["sales"])]).await?;
    let sip = floor.service.setup.sip;
    let mut agent = PhoneSetup::fixed(sip, "301", floor.port("301"));
    agent.mouth = Mouth::tone(AGENT_HZ);
    let agent = Phone::start(agent).await?;
    let mut customer = PhoneSetup::customer(sip, "+49305550155", "Carla");
    customer.mouth = Mouth::tone(CUSTOMER_HZ);
    let customer = Phone::start(customer).await?;
    customer.call(SALES).await?;
    agent.talking(SOON).await?;
    for (phone, hz) in [(&customer, AGENT_HZ), (&agent, CUSTOMER_HZ)] {
        wait::until("the other side's tone", SOON, || heard(phone, hz).then_some(())).await?;
    }

    let begun = clock::now();
    let stranger = UdpSocket::bind((STRANGER, 0)).await?;
    let tone = encoded(Codec::Pcmu, &tone(STRANGER_HZ, 20))?;
    let mut random = StdRng::seed_from_u64(3550);
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    for number in 0..PACKETS {
        tick.tick().await;
        for port in ports.clone() {
            // RFC 3550 section 5.1: version 2, PCMU.
            let mut packet = vec![0x80, 0];
            packet.extend(number.to_be_bytes());
            packet.extend((u32::from(number) * 160).to_be_bytes());
            packet.extend(0x5eed_5eed_u32.to_be_bytes());
            packet.extend(&tone);
            stranger.send_to(&packet, (sip.ip(), port)).await?;
            let mut bytes = vec![0; random.next_u32() as usize % 300];
            random.fill_bytes(&mut bytes);
            stranger.send_to(&bytes, (sip.ip(), port)).await?;
        }
    }
    let ended = clock::now();
    for (phone, hz) in [(&customer, AGENT_HZ), (&agent, CUSTOMER_HZ)] {
        let level = phone.ear.level(hz, begun, ended)?;
        assert!(level.is_heard(), "{hz} Hz meanwhile: {level:?}");
        let samples = phone.ear.between(begun, ended);
        let blocks = samples.chunks_exact(RATE_HZ as usize / 10);
        let loudest = blocks.map(|block| power_dbfs(block, STRANGER_HZ, RATE_HZ)).fold(f32::MIN, f32::max);
        assert!(loudest < GONE_DBFS, "the stranger is heard with {loudest} dBFS");
    }
    assert!(floor.service.ended().is_none(), "it still runs");
    customer.hang_up().await?;
    assert_tells(&floor.one_ended().await?, &["connected with 301", "ended: customer_hung_up"]);
    Ok(())
}

fn heard(phone: &Phone, hz: f32) -> bool {
    let now = clock::now();
    phone.ear.level(hz, now - Duration::from_millis(600), now).is_ok_and(|level| level.is_heard())
}
