//! Descriptions that want to break something, as an offer (INVITE, UPDATE, 183 and 200 of an INVITE without one) and as
//! an answer (183, 200, ACK, PRACK): each is taken or refused with its status, and what we write stays small.

use super::{Codec, LocalDescription, LocalMedia, Session};

fn local() -> LocalMedia {
    LocalMedia::new("198.51.100.7:30000".parse().expect("address"), &[Codec::Opus, Codec::Pcma, Codec::Pcmu])
}

fn described(lines: &str) -> String {
    format!("v=0\r\no=- 5 9 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n{lines}")
}

/// Zero for what is taken, else the status of the refusal: as an offer and as an answer.
fn check(name: &str, description: &str, offer: u16, answer: u16) {
    let bytes = description.as_bytes();
    let answered = LocalDescription::new(400).answer(bytes, &local());
    assert_eq!(answered.as_ref().map_or_else(super::SdpError::status, |_| 0), offer, "{name}: {answered:?}");
    if let Ok((text, negotiated)) = answered {
        assert!(text.len() < 4_096, "{name}: {} octets", text.len());
        assert!((1..=1_000).contains(&negotiated.ptime_millis), "{name}: {negotiated:?}");
        assert!(negotiated.remote.port() != 0, "{name}: {negotiated:?}");
        assert!(Session::parse(text.as_bytes()).is_ok(), "{name}");
    }
    let mut ours = LocalDescription::new(401);
    ours.offer(&local());
    let accepted = ours.accept(bytes);
    assert_eq!(accepted.as_ref().map_or_else(super::SdpError::status, |_| 0), answer, "{name}: {accepted:?}");
}

#[test]
fn hostile_descriptions_are_taken_or_refused() {
    let audio = "m=audio 4000 RTP/AVP 8 0\r\n";
    let long = "x".repeat(30_000);
    for (name, lines, offer, answer) in [
        ("an ordinary one", audio.to_owned(), 0, 0),
        ("a thousand lines", audio.repeat(1_000), 400, 400),
        ("port zero", "m=audio 0 RTP/AVP 8\r\n".into(), 488, 488),
        ("a port beyond all ports", "m=audio 65536 RTP/AVP 8\r\n".into(), 400, 400),
        ("a negative port", "m=audio -1 RTP/AVP 8\r\n".into(), 400, 400),
        ("no port", "m=audio RTP/AVP 8\r\n".into(), 400, 400),
        ("numbers without their meaning", "m=audio 4000 RTP/AVP 96 97 127\r\n".into(), 488, 488),
        (
            "a meaning for another number",
            "m=audio 4000 RTP/AVP 96\r\na=rtpmap:95 PCMA/8000\r\n".to_owned(),
            488,
            488,
        ),
        ("numbers beyond all payloads", "m=audio 4000 RTP/AVP 128 255 256 -1\r\n".into(), 488, 488),
        ("no codec at all", "m=audio 4000 RTP/AVP\r\n".into(), 0, 0),
        ("huge parameters", format!("{audio}a=fmtp:8 {long}\r\n"), 0, 0),
        ("a huge name", format!("m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 {long}/8000\r\n"), 488, 488),
        ("more than we read", format!("{audio}a=fmtp:8 {long}{long}\r\n"), 400, 400),
        ("five hundred formats", format!("m=audio 4000 RTP/AVP{}\r\n", " 8".repeat(500)), 0, 0),
        ("a clock of zero", "m=audio 4000 RTP/AVP 8\r\na=rtpmap:8 PCMA/0\r\n".into(), 488, 488),
        (
            "a clock beyond all clocks",
            "m=audio 4000 RTP/AVP 8\r\na=rtpmap:8 PCMA/99999999999\r\n".into(),
            0,
            0,
        ),
        ("two meanings", format!("{audio}a=rtpmap:8 opus/48000/2\r\na=rtpmap:8 PCMA/8000\r\n"), 0, 0),
        ("packets of no time", format!("{audio}a=ptime:0\r\na=maxptime:0\r\n"), 0, 0),
        ("packets of all time", format!("{audio}a=ptime:4294967295\r\na=maxptime:99999999999\r\n"), 0, 0),
        ("control on port zero", format!("{audio}a=rtcp:0\r\n"), 0, 0),
        ("control on no port", format!("{audio}a=rtcp:65536 IN IP4 x\r\n"), 0, 0),
        ("voice on the last port", "m=audio 65535 RTP/AVP 8\r\n".into(), 0, 0),
        ("a name for an address", format!("{audio}c=IN IP4 evil.example\r\n"), 488, 488),
        ("an address that is none", format!("{audio}c=IN IP4 999.1.1.1\r\n"), 488, 488),
        ("keys in every spelling", format!("{audio}a=crypto\r\na=crypto:\r\na=crypto:1 x inline:\r\n"), 0, 0),
        ("attributes of nothing", format!("{audio}a=\r\na=:\r\na=rtpmap\r\na=rtpmap:\r\na=fmtp:8\r\n"), 0, 0),
    ] {
        check(name, &described(&lines), offer, answer);
    }
    check("nothing", "", 400, 400);
    check("line ends", &"\r\n".repeat(10_000), 400, 400);
    check("no line", &"v".repeat(20_000), 400, 400);
    check("NULs", &"\0".repeat(1_000), 400, 400);
}
