//! Offers and answers with keys (RFC 4568, RFC 8643).

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::crypto::{CryptoLine, Encryption, Policy};
use super::{LocalDescription, LocalMedia, Negotiated, SdpError};
use crate::audio::codec::Codec;
use crate::rtp::srtp::{Inbound, Outbound, Suite};

const KEY: &str = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";

fn local(policy: Policy, seed: u64) -> LocalMedia {
    let mut local = LocalMedia::new("198.51.100.7:30000".parse().expect("address"), &[Codec::Pcma]);
    local.encryption = Encryption::new(policy, &mut StdRng::seed_from_u64(seed));
    local
}

fn description(lines: &str) -> String {
    let lines: String = lines.split_terminator('|').map(|line| format!("{line}\r\n")).collect();
    format!("v=0\r\no=- 5 9 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n{lines}")
}

fn answer(policy: Policy, lines: &str) -> Result<(String, Negotiated), SdpError> {
    LocalDescription::new(1).answer(description(lines).as_bytes(), &local(policy, 1))
}

/// Which protocol and which suite came of it.
fn outcome(result: &Result<(String, Negotiated), SdpError>) -> String {
    match result {
        Ok((text, negotiated)) => {
            let protocol =
                text.lines().find_map(|line| line.strip_prefix("m=audio 30000 ")).unwrap_or("refused");
            let protocol = protocol.split(' ').next().unwrap_or_default();
            let suite = negotiated.keys.as_ref().map_or("plain", |keys| keys.receive.suite().name());
            let has_line = text.contains("a=crypto:");
            assert_eq!(has_line, negotiated.keys.is_some(), "{text}");
            format!("{protocol} {suite}")
        }
        Err(error) => {
            assert_eq!(error.status(), 488, "{error}");
            error.to_string()
        }
    }
}

#[test]
fn each_policy_answers_each_kind_of_offer() {
    use Policy::{Off, Optional, Required};
    let good = format!("a=crypto:3 AES_CM_128_HMAC_SHA1_32 inline:{KEY}|");
    let plain = "m=audio 4000 RTP/AVP 8|".to_owned();
    let hint = format!("{plain}{good}");
    let secure = format!("m=audio 4000 RTP/SAVP 8|{good}");
    let both = format!("m=audio 4002 RTP/SAVP 8|{good}m=audio 4000 RTP/AVP 8|");
    let bad = "m=audio 4000 RTP/SAVP 8|a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA|".to_owned();
    let bad_hint = bad.replace("SAVP", "AVP");
    let none = "m=audio 4000 RTP/SAVP 8|".to_owned();
    let dtls = "m=audio 4000 UDP/TLS/RTP/SAVPF 8|".to_owned();
    let second = format!("m=audio 4000 RTP/SAVP 8|a=crypto:1 X inline:AAAA|{good}");
    for (offer, policy, expected) in [
        (&plain, Off, "RTP/AVP plain"),
        (&plain, Optional, "RTP/AVP plain"),
        (&plain, Required, "account requires SRTP and the far side has none"),
        (&hint, Off, "RTP/AVP plain"),
        (&hint, Optional, "RTP/AVP AES_CM_128_HMAC_SHA1_32"),
        (&hint, Required, "RTP/AVP AES_CM_128_HMAC_SHA1_32"),
        (&secure, Off, "offered as RTP/SAVP only"),
        (&secure, Optional, "RTP/SAVP AES_CM_128_HMAC_SHA1_32"),
        (&secure, Required, "RTP/SAVP AES_CM_128_HMAC_SHA1_32"),
        (&both, Off, "RTP/AVP plain"),
        (&both, Optional, "RTP/SAVP AES_CM_128_HMAC_SHA1_32"),
        (&bad, Optional, "it has 3 octets, 30 are wanted"),
        (&bad, Required, "it has 3 octets, 30 are wanted"),
        (&bad_hint, Optional, "RTP/AVP plain"),
        (&bad_hint, Required, "it has 3 octets, 30 are wanted"),
        (&none, Optional, "there is no key"),
        (&dtls, Required, "offered as UDP/TLS/RTP/SAVPF only"),
        (&second, Required, "RTP/SAVP AES_CM_128_HMAC_SHA1_32"),
    ] {
        let outcome = outcome(&answer(policy, offer));
        assert!(outcome.contains(expected), "{policy:?} {offer}: {outcome}");
    }
}

/// Both sides of one negotiation agree: what one protects the other takes.
fn agrees(first: &Negotiated, second: &Negotiated) {
    let (first, second) = (first.keys.clone().expect("keys"), second.keys.clone().expect("keys"));
    assert_ne!(first.send, first.receive);
    for (send, receive) in [(first.send, second.receive), (second.send, first.receive)] {
        let mut packet = [0x80, 8, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3].to_vec();
        packet.resize(200, 0);
        let len = Outbound::new(send).protect(&mut packet, 172).expect("protected");
        assert_eq!(Inbound::new(receive).unprotect(&mut packet[..len]), Ok(172));
    }
}

#[test]
fn an_offer_of_ours_is_taken_with_keys() {
    for (ours, theirs, protocol) in [
        (Policy::Optional, Policy::Optional, "RTP/AVP"),
        (Policy::Required, Policy::Optional, "RTP/SAVP"),
        (Policy::Optional, Policy::Required, "RTP/AVP"),
    ] {
        let (mut caller, mut callee) = (LocalDescription::new(1), LocalDescription::new(2));
        let mut local_media = local(ours, 1);
        let offer = caller.offer(&local_media);
        assert!(
            offer.contains(&format!(" {protocol} ")) && offer.matches("a=crypto:").count() == 4,
            "{offer}"
        );
        let (text, second) = callee.answer(offer.as_bytes(), &local(theirs, 2)).expect("answer");
        let first = caller.accept(text.as_bytes()).expect("accepted");
        assert_eq!(first.keys.as_ref().map(|keys| keys.send.suite()), Some(Suite::AeadAes256Gcm));
        agrees(&first, &second);
        // The same keys in a re-INVITE, new ones when they are renewed.
        assert_eq!(caller.offer(&local_media), offer);
        local_media.encryption.renew();
        let offer = caller.offer(&local_media);
        let (text, second) = callee.answer(offer.as_bytes(), &local(theirs, 2)).expect("answer");
        let renewed = caller.accept(text.as_bytes()).expect("accepted");
        agrees(&renewed, &second);
        assert_ne!(renewed.keys.map(|keys| keys.send), first.keys.map(|keys| keys.send));
    }
}

#[test]
fn answers_that_do_not_fit_are_refused() {
    use Policy::{Off, Optional, Required};
    let line = |tag: u32, suite: &str, key: &str| format!("a=crypto:{tag} {suite} inline:{key}|");
    let good = line(3, "AES_CM_128_HMAC_SHA1_80", KEY);
    let mine = CryptoLine::clone(&local(Required, 1).encryption.offer()[2]).to_string();
    for (policy, answer, expected) in [
        (Optional, "m=audio 4000 RTP/AVP 8|".to_owned(), "plain"),
        (Optional, format!("m=audio 4000 RTP/AVP 8|{good}"), "AES_CM_128_HMAC_SHA1_80"),
        (Optional, format!("m=audio 4000 RTP/SAVP 8|{good}"), "AES_CM_128_HMAC_SHA1_80"),
        (Off, format!("m=audio 4000 RTP/SAVP 8|{good}"), "offered as RTP/SAVP only"),
        (Off, format!("m=audio 4000 RTP/AVP 8|{good}"), "plain"),
        (Required, "m=audio 4000 RTP/AVP 8|".to_owned(), "the far side has none"),
        (Required, "m=audio 4000 RTP/SAVP 8|".to_owned(), "there is no key"),
        (
            Required,
            format!("m=audio 4000 RTP/SAVP 8|{}", line(9, "AES_CM_128_HMAC_SHA1_80", KEY)),
            "the tag 9",
        ),
        (
            Required,
            format!("m=audio 4000 RTP/SAVP 8|{}", line(3, "AES_CM_128_HMAC_SHA1_32", KEY)),
            "line 3 was offered with another suite",
        ),
        (
            Required,
            format!("m=audio 4000 RTP/SAVP 8|{}", line(3, "AES_CM_128_HMAC_SHA1_80", "AAAA")),
            "it has 3 octets",
        ),
        (Required, format!("m=audio 4000 RTP/SAVP 8|a=crypto:{mine}|"), "our own one"),
    ] {
        let mut caller = LocalDescription::new(1);
        caller.offer(&local(policy, 1));
        let said = match caller.accept(description(&answer).as_bytes()) {
            Ok(negotiated) => negotiated.keys.map_or("plain".into(), |keys| keys.receive.suite().to_string()),
            Err(error) => error.to_string(),
        };
        assert!(said.contains(expected), "{policy:?} {answer}: {said}");
    }
}

#[test]
fn nothing_leaks_over_readable_signalling() {
    let lines = format!("m=audio 4000 RTP/SAVP 8|a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|");
    for (policy, expected) in [(Policy::Optional, "RTP/SAVP only"), (Policy::Required, "use TLS")] {
        let mut exposed = local(policy, 1);
        exposed.encryption = exposed.encryption.over_signalling(false);
        let error =
            LocalDescription::new(1).answer(description(&lines).as_bytes(), &exposed).expect_err("refused");
        assert!(error.to_string().contains(expected), "{error}");
        let offer = LocalDescription::new(1).offer(&exposed);
        assert!(!offer.contains("crypto"), "{offer}");
    }
}
