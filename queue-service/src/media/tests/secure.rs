//! SRTP: relayed, mixed, with a change of keys in mid-call.

use shared::audio::codec::Codec;
use shared::audio::mixer::{Role, Supervision};
use shared::rtp::srtp::Suite;

use super::super::MediaEvent;
use super::floor::{AGENT_HZ, CUSTOMER_HZ, Floor, SUPERVISOR_HZ, config};

#[test]
fn keys_of_each_side_meet_in_the_relay_and_in_the_mix() {
    let mut floor = Floor::new(config());
    floor.add(Role::Customer, Codec::Pcma, CUSTOMER_HZ);
    floor.add(Role::Agent, Codec::Pcma, AGENT_HZ);
    floor.secure(0, Suite::AesCm128HmacSha1_80, 1);
    floor.secure(1, Suite::AeadAes256Gcm, 2);
    floor.expect("A C");
    assert_eq!(floor.media.stats().relaying, 1);
    let place = floor.add(Role::Supervisor(Supervision::Barge), Codec::Pcmu, SUPERVISOR_HZ);
    floor.secure(place, Suite::AesCm128HmacSha1_32, 3);
    floor.expect("AS CS CA");
    // A re-INVITE with new keys for one side.
    floor.secure(0, Suite::AeadAes128Gcm, 4);
    floor.expect("AS CS CA");
}

/// Who listens on the way sends each packet on before the phone's own comes.
#[test]
fn a_strangers_copy_does_not_make_the_phones_packet_a_replay() {
    let mut floor = Floor::talk();
    floor.secure(0, Suite::AesCm128HmacSha1_80, 1);
    floor.expect("A C");
    let stranger = std::net::UdpSocket::bind("127.0.0.1:0").expect("socket");
    let ours = floor.phones[0].to;
    let before = floor.media.stats();
    // From now on the phone speaks through a tap that the stranger is quicker than.
    let tap = std::net::UdpSocket::bind("127.0.0.1:0").expect("socket");
    tap.set_nonblocking(true).expect("non-blocking");
    floor.phones[0].to = tap.local_addr().expect("address");
    let mut datagram = [0; 2_048];
    let mut copies = 0;
    let mut pass = |floor: &mut Floor, ticks: usize| {
        for _ in 0..ticks {
            floor.run(20);
            while let Ok((len, _)) = tap.recv_from(&mut datagram) {
                stranger.send_to(&datagram[..len], ours).expect("sent");
                // Both sockets' datagrams wait in one queue: in this order.
                floor.phones[0].socket.send_to(&datagram[..len], ours).expect("sent");
                copies += 1;
            }
        }
    };
    pass(&mut floor, 12);
    floor.phones.iter_mut().for_each(|phone| phone.heard.clear());
    pass(&mut floor, 10);
    assert_eq!(floor.heard(), "A C");
    let after = floor.media.stats();
    assert_eq!(after.packets_unauthentic, before.packets_unauthentic, "none of the phone's own is refused");
    assert!(after.packets_foreign - before.packets_foreign + 1 >= copies, "{after:?}");
}

#[test]
fn what_has_not_the_key_is_counted_and_not_heard() {
    let mut floor = Floor::talk();
    floor.secure(0, Suite::AesCm128HmacSha1_80, 1);
    floor.expect("A C");
    // The phone forgets to protect what it sends.
    floor.phones[0].protection = Default::default();
    floor.phones[0].listens = false;
    floor.expect(". .");
    let leg = floor.leg(0);
    floor.media.close_port(leg);
    floor.run(60);
    let refused = floor.events().into_iter().find_map(|event| match event {
        MediaEvent::PortClosed { leg: closed, stats, .. } if closed == leg => Some(stats.packets_unauthentic),
        _ => None,
    });
    assert!(refused.is_some_and(|count| count > 10), "{refused:?}");
}
