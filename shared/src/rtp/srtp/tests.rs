use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;
use crate::rtp::packet::Packet;

fn pair(suite: Suite) -> (Outbound, Inbound) {
    let master = Master::random(suite, &mut StdRng::seed_from_u64(7));
    (Outbound::new(master.clone()), Inbound::new(master))
}

fn packet(ssrc: u32, sequence: u16, payload: &[u8]) -> ([u8; 256], usize) {
    let mut buffer = [0; 256];
    let packet = Packet { payload_type: 8, marker: false, sequence, timestamp: 160, ssrc, payload };
    let len = packet.write_into(&mut buffer).expect("fits");
    (buffer, len)
}

fn protected(outbound: &mut Outbound, ssrc: u32, sequence: u16) -> Vec<u8> {
    let (mut buffer, len) = packet(ssrc, sequence, &[0xD5; 160]);
    let len = outbound.protect(&mut buffer, len).expect("protected");
    buffer[..len].to_vec()
}

#[test]
fn every_suite_hides_the_payload_and_gives_it_back() {
    for suite in Suite::ALL {
        let (mut outbound, mut inbound) = pair(suite);
        let mut wire = protected(&mut outbound, 1, 65_535);
        assert_eq!(wire.len(), 172 + suite.rtp_tag_bytes());
        assert!(!wire.windows(8).any(|octets| octets == [0xD5; 8]), "{suite}");
        let len = inbound.unprotect(&mut wire).expect("unprotected");
        assert_eq!(Packet::read(&wire[..len]).map(|packet| packet.payload), Ok(&[0xD5; 160][..]), "{suite}");
    }
}

#[test]
fn the_rollover_counter_follows_reordering_over_the_turn() {
    for suite in Suite::ALL {
        let (mut outbound, mut inbound) = pair(suite);
        let numbers = [65_533u16, 65_534, 65_535, 0, 1, 2];
        let mut wires: Vec<_> = numbers.iter().map(|number| protected(&mut outbound, 1, *number)).collect();
        wires.swap(1, 4);
        for (place, wire) in wires.iter_mut().enumerate() {
            assert!(inbound.unprotect(wire).is_ok(), "{suite} packet {place}");
        }
        // And two turns on.
        for number in (3..=u16::MAX).step_by(20_000).chain((0..=u16::MAX).step_by(20_000)) {
            assert!(inbound.unprotect(&mut protected(&mut outbound, 1, number)).is_ok(), "{suite} {number}");
        }
    }
}

#[test]
fn nothing_is_taken_twice_or_changed() {
    for suite in Suite::ALL {
        let (mut outbound, mut inbound) = pair(suite);
        let first = protected(&mut outbound, 1, 10);
        assert!(inbound.unprotect(&mut first.clone()).is_ok());
        assert_eq!(inbound.unprotect(&mut first.clone()), Err(SrtpError::Replay), "{suite}");
        let second = protected(&mut outbound, 1, 11);
        for place in 0..second.len() {
            let mut changed = second.clone();
            changed[place] ^= 1;
            assert!(inbound.unprotect(&mut changed.clone()).is_err(), "{suite} octet {place}");
        }
        assert!(inbound.unprotect(&mut second.clone()).is_ok(), "{suite}: a forgery does no harm");
        for number in 12..300 {
            let _ = inbound.unprotect(&mut protected(&mut outbound, 1, number));
        }
        assert_eq!(inbound.unprotect(&mut first.clone()), Err(SrtpError::Replay), "{suite}: too old");
        let (mut again, len) = packet(1, 11, &[1; 20]);
        assert_eq!(
            outbound.protect(&mut again, len),
            Err(SrtpError::Replay),
            "{suite}: one number, two packets"
        );
    }
}

#[test]
fn reports_have_an_index_of_their_own() {
    for suite in Suite::ALL {
        let (mut outbound, mut inbound) = pair(suite);
        let mut report = [0u8; 64];
        report[..12].copy_from_slice(&[0x80, 201, 0, 2, 0, 0, 0, 1, 9, 9, 9, 9]);
        let len = outbound.protect_rtcp(&mut report, 12).expect("protected");
        assert_eq!(len, 12 + suite.rtcp_tag_bytes() + 4);
        let wire = report[..len].to_vec();
        assert_eq!(inbound.unprotect_rtcp(&mut wire.clone()), Ok(12), "{suite}");
        assert_eq!(inbound.unprotect_rtcp(&mut wire.clone()), Err(SrtpError::Replay), "{suite}");
    }
}

#[test]
fn sources_have_counters_of_their_own_and_only_four_are_kept() {
    let (mut outbound, mut inbound) = pair(Suite::AeadAes128Gcm);
    for round in 0..3u16 {
        for ssrc in 0..9 {
            let wire = protected(&mut outbound, ssrc, 100 + round);
            assert!(inbound.unprotect(&mut wire.clone()).is_ok(), "source {ssrc}");
        }
    }
    let text = serde_json::to_string(&inbound.state()).expect("state");
    assert_eq!(text.matches("ssrc").count(), 4);
}

#[test]
fn a_new_key_makes_no_gap() {
    let mut random = StdRng::seed_from_u64(1);
    for (suite, continues_counter) in Suite::ALL.into_iter().flat_map(|suite| [(suite, false), (suite, true)])
    {
        let (mut outbound, mut inbound) = pair(suite);
        for number in [65_500u16, 65_530, 3] {
            assert!(inbound.unprotect(&mut protected(&mut outbound, 1, number)).is_ok());
        }
        let on_its_way = protected(&mut outbound, 1, 4);
        let next = Master::random(suite, &mut random);
        inbound.rekey(next.clone());
        let mut after = Outbound::new(next.clone());
        if continues_counter {
            // RFC 3711 §3.3.1: the counter stays at one.
            let _ = protected(&mut after, 1, 65_535);
        }
        assert!(inbound.unprotect(&mut on_its_way.clone()).is_ok(), "under the key before");
        for number in 5..100u16 {
            assert!(inbound.unprotect(&mut protected(&mut after, 1, number)).is_ok(), "{number}");
        }
        assert!(
            inbound.unprotect(&mut protected(&mut outbound, 1, 101)).is_err(),
            "the old key is forgotten"
        );
        inbound.rekey(next);
        assert!(inbound.unprotect(&mut protected(&mut after, 1, 100)).is_ok(), "the same key goes on");
    }
}

#[test]
fn another_process_goes_on() {
    for suite in Suite::ALL {
        let (mut outbound, mut inbound) = pair(suite);
        for number in [65_534u16, 65_535, 0] {
            assert!(inbound.unprotect(&mut protected(&mut outbound, 1, number)).is_ok());
        }
        let old = protected(&mut outbound, 1, 1);
        assert!(inbound.unprotect(&mut old.clone()).is_ok());
        let sent = serde_json::to_string(outbound.state()).expect("state");
        let received = serde_json::to_string(&inbound.state()).expect("state");
        let mut outbound = Outbound::resume(serde_json::from_str(&sent).expect("state"));
        let mut inbound = Inbound::resume(serde_json::from_str(&received).expect("state"));
        assert_eq!(inbound.unprotect(&mut old.clone()), Err(SrtpError::Replay), "{suite}");
        assert!(inbound.unprotect(&mut protected(&mut outbound, 1, 2)).is_ok(), "{suite}");
    }
}

#[test]
fn keys_have_their_length_and_do_not_print() {
    let wrong = Master::new(Suite::AeadAes256Gcm, &[0; 30]);
    assert_eq!(wrong, Err(SrtpError::KeyLength { suite: Suite::AeadAes256Gcm, given: 30, wanted: 44 }));
    let master = Master::new(Suite::AesCm128HmacSha1_80, &[0xAB; 30]).expect("a key");
    let keys = Keys { send: master.clone(), receive: master };
    assert!(!format!("{keys:?}").contains("171"));
    assert!(serde_json::from_str::<Master>("\"AES_CM_128_HMAC_SHA1_80:AAAA\"").is_err());
}

#[test]
fn what_is_no_packet_is_refused() {
    for suite in Suite::ALL {
        let (mut outbound, mut inbound) = pair(suite);
        let mut header = [0x80u8, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
        for first in [0x00, 0x40, 0x8F, 0x90, 0xC0] {
            header[0] = first;
            let mut packet = header.to_vec();
            packet.resize(12 + 16, 0);
            assert!(outbound.protect(&mut packet.clone(), 12).is_err(), "{suite} {first:#x}");
            assert!(inbound.unprotect(&mut packet).is_err(), "{suite} {first:#x}");
        }
        let mut extended = header.to_vec();
        extended[0] = 0x90;
        extended.extend([0xBE, 0xDE, 0xFF, 0xFF]);
        extended.resize(80, 0);
        assert_eq!(inbound.unprotect(&mut extended), Err(SrtpError::Malformed));
        for len in 0..40 {
            assert!(inbound.unprotect(&mut vec![0x80; len]).is_err());
            assert!(inbound.unprotect_rtcp(&mut vec![0x80; len]).is_err());
        }
        header[0] = 0x80;
        assert_eq!(outbound.protect(&mut header, 12), Err(SrtpError::NoRoom));
        assert_eq!(outbound.protect(&mut header, 13), Err(SrtpError::NoRoom));
    }
}

proptest! {
    #[test]
    fn random_octets_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120), suite in 0usize..4) {
        let (_, mut inbound) = pair(Suite::ALL[suite]);
        prop_assert!(inbound.unprotect(&mut bytes.clone()).is_err());
        prop_assert!(inbound.unprotect_rtcp(&mut bytes.clone()).is_err());
    }
}
