//! Test vectors: RFC 7714 §16 and §17, and the reference packets that libSRTP checks itself with.

use super::context::Context;
use super::keys::Purpose;
use super::transform::{Place, Transform};
use super::{Inbound, Master, Outbound, Suite};

fn octets(hex: &str) -> Vec<u8> {
    hex::decode(hex.split_whitespace().collect::<String>()).expect("hex")
}

/// Key and salt of RFC 7714 are session keys; the derivation has its own vectors.
fn session(suite: Suite) -> Context {
    let key: Vec<u8> = (0..suite.key_bytes() as u8).collect();
    let transform = || Transform::with_session_keys(suite, &key, b"Quid pro quo");
    let master = Master::new(suite, &vec![0; suite.key_bytes() + suite.salt_bytes()]).expect("a key");
    Context::with_transforms(master, transform(), transform())
}

const RTP: &str =
    "8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e69732064697669736120696e20706172746573207472657321";
const RTCP: &str = "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef";

#[test]
fn rfc_7714_section_16() {
    for (suite, protected) in [
        (
            Suite::AeadAes128Gcm,
            "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833899d7f27beb16a9152cf765ee4390cce",
        ),
        (
            Suite::AeadAes256Gcm,
            "8040f17b8041f8d35501a0b232b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b7aa3db36dfffd6b0f9bb7878d7a76c13",
        ),
    ] {
        // The text of the RFC has no exclamation mark: 38 octets of payload.
        let plain = octets(&RTP[..RTP.len() - 2]);
        let mut buffer = plain.clone();
        buffer.resize(plain.len() + 16, 0);
        let len = session(suite).protect_rtp(&mut buffer, plain.len()).expect("protected");
        assert_eq!(hex::encode(&buffer[..len]), protected, "{suite}");
        let len = session(suite).unprotect_rtp(&mut buffer).expect("unprotected");
        assert_eq!(&buffer[..len], plain, "{suite}");
    }
}

#[test]
fn rfc_7714_section_17() {
    for (suite, protected) in [
        (
            Suite::AeadAes128Gcm,
            "81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded0bb9275bc84aa45896cf4d2fc5abf87245d9eade800005d4",
        ),
        (
            Suite::AeadAes256Gcm,
            "81c8000d4d617273d50ae4d1f5ce5d304ba297e47d470c282c3ece5dbffe0a50a2eaa5c1110555be8415f658c61de0476f1b6fad1d1eb30c4446839f57ff6f6cb26ac3be800005d4",
        ),
    ] {
        let plain = octets(RTCP);
        let mut buffer = plain.clone();
        buffer.resize(plain.len() + 20, 0);
        let mut context = session(suite);
        context.set_rtcp_index(0x4D61_7273, 0x5D3);
        let len = context.protect_rtcp(&mut buffer, plain.len()).expect("protected");
        assert_eq!(hex::encode(&buffer[..len]), protected, "{suite}");
        let len = session(suite).unprotect_rtcp(&mut buffer).expect("unprotected");
        assert_eq!(&buffer[..len], plain, "{suite}");
    }
    // §17.3: authenticated, not encrypted.
    let mut tagged = octets(&format!("{RTCP}841dd9683dd78ec92ae58790125f62b3000005d4"));
    let len = session(Suite::AeadAes128Gcm).unprotect_rtcp(&mut tagged).expect("unprotected");
    assert_eq!(hex::encode(&tagged[..len]), RTCP);
}

#[test]
fn packets_of_libsrtp() {
    const PLAIN: &str = "800f1234decafbadcafebabeabababababababababababababababab";
    const PLAIN_RTCP: &str = "81c8000bcafebabeabababababababababababababababab";
    const COUNTER_KEY: &str = "e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6";
    const GCM_KEY: &str = "000102030405060708090a0b0c0d0e0fa0a1a2a3a4a5a6a7a8a9aaab";
    for (suite, key, rtp, rtcp) in [
        (
            Suite::AesCm128HmacSha1_80,
            COUNTER_KEY,
            "800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb",
            "81c8000bcafebabe7128035be487b9bdbef89041f977a5a880000001993e08cd54d6c1230798",
        ),
        (
            Suite::AesCm128HmacSha1_32,
            COUNTER_KEY,
            "800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc",
            "81c8000bcafebabe7128035be487b9bdbef89041f977a5a880000001993e08cd54d6c1230798",
        ),
        (
            Suite::AeadAes128Gcm,
            GCM_KEY,
            "800f1234decafbadcafebabec5002ede04cfdd2eb91159e0880aa06ed2976826f796b201df3131a127e8a392",
            "81c8000bcafebabec98b8b5df0392a55852b6c21ac8e7025c52c6fbea2b3b446ea31123ba88ce61e80000001",
        ),
    ] {
        let master = Master::new(suite, &octets(key)).expect("a key");
        let mut outbound = Outbound::new(master.clone());
        let mut inbound = Inbound::new(master);
        let mut packet = octets(PLAIN);
        packet.resize(64, 0);
        let len = outbound.protect(&mut packet, 28).expect("protected");
        assert_eq!(hex::encode(&packet[..len]), rtp, "{suite}");
        let len = inbound.unprotect(&mut packet[..len]).expect("unprotected");
        assert_eq!(hex::encode(&packet[..len]), PLAIN, "{suite}");
        let mut report = octets(PLAIN_RTCP);
        report.resize(64, 0);
        let len = outbound.protect_rtcp(&mut report, 24).expect("protected");
        assert_eq!(hex::encode(&report[..len]), rtcp, "{suite}");
        let len = inbound.unprotect_rtcp(&mut report[..len]).expect("unprotected");
        assert_eq!(hex::encode(&report[..len]), PLAIN_RTCP, "{suite}");
    }
}

/// RFC 3711 appendix B.2: the key stream of AES in counter mode, at its beginning and behind 65,278 blocks.
#[test]
fn rfc_3711_appendix_b_2() {
    use aes::cipher::{InnerIvInit, KeyInit, StreamCipherCore};
    let aes = aes::Aes128::new_from_slice(&octets("2B7E151628AED2A6ABF7158809CF4F3C")).expect("a key");
    let vector: [u8; 16] = octets("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000").try_into().expect("16 octets");
    let mut stream = vec![0u8; 0xFF02 * 16];
    ctr::CtrCore::<_, ctr::flavors::Ctr128BE>::inner_iv_init(&aes, &vector.into())
        .apply_keystream_partial(stream.as_mut_slice().into());
    assert_eq!(
        hex::encode_upper(&stream[..32]),
        "E03EAD0935C95E80E166B16DD92B4EB4D23513162B02D0F72A43A2FE4A5F97AB"
    );
    assert_eq!(
        hex::encode_upper(&stream[0xFEFF * 16..0xFF02 * 16]),
        "EC8CDF7398607CB0F2D21675EA9EA1E4362B7C3C6773516318A077D7FC5073AE6A2CC3787889374FBEB4C81B17BA6C44"
    );
    // The same vector from a packet's place: source zero, index zero leave the salt.
    let master = Master::new(Suite::AesCm128HmacSha1_80, &[0; 30]).expect("a key");
    let transform = Transform::new(&master, Purpose::Rtp);
    let mut text = [0u8; 16];
    transform.seal(Place { ssrc: 0, index: 0 }, Purpose::Rtp, &[], &mut text, &[0; 4]).expect("sealed");
    assert_ne!(text, [0; 16]);
}
