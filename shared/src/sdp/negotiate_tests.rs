use proptest::prelude::*;

use super::super::{LocalDescription, LocalMedia};
use super::*;

const ALL: [Codec; 3] = [Codec::Opus, Codec::Pcma, Codec::Pcmu];

fn local(codecs: &[Codec]) -> LocalMedia {
    LocalMedia::new("198.51.100.7:30000".parse().expect("address"), codecs)
}

/// A description with these audio lines.
fn remote(lines: &str) -> String {
    let lines = lines.split_terminator('|').map(|line| format!("{}\r\n", line.trim())).collect::<String>();
    format!("v=0\r\no=- 5 9 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n{lines}")
}

/// What was agreed, in one line.
fn summary(negotiated: &Negotiated) -> String {
    let events = negotiated
        .telephone_event
        .map_or("-".into(), |event| format!("{}/{}@{}", event.send, event.receive, event.clock_rate_hz));
    let receive: Vec<String> =
        negotiated.receive.iter().map(|(number, codec)| format!("{number}={codec}")).collect();
    format!(
        "{} {} {}={} in[{}] te {} {}ms {}{}",
        negotiated.remote,
        negotiated.remote_rtcp.port(),
        negotiated.payload_type,
        negotiated.codec,
        receive.join(","),
        events,
        negotiated.ptime_millis,
        negotiated.direction.as_str(),
        if negotiated.hold { " hold" } else { "" },
    )
}

fn check_answer(offer: &str, ours: &LocalMedia, expected: &str) -> String {
    let (text, negotiated) = LocalDescription::new(400)
        .answer(remote(offer).as_bytes(), ours)
        .unwrap_or_else(|error| panic!("{offer}: {error}"));
    assert_eq!(summary(&negotiated), expected, "{offer}");
    text
}

#[test]
fn answers_what_is_offered() {
    let both =
        |extra: &str| format!("m=audio 4000 RTP/AVP 8 0 101|a=rtpmap:101 telephone-event/8000|{extra}");
    for (offer, codecs, expected) in [
        (both(""), &ALL[..], "192.0.2.1:4000 4001 8=PCMA in[8=PCMA] te 101/101@8000 20ms sendrecv"),
        (both(""), &[Codec::Pcmu], "192.0.2.1:4000 4001 0=PCMU in[0=PCMU] te 101/101@8000 20ms sendrecv"),
        (both("a=ptime:30|"), &ALL, "192.0.2.1:4000 4001 8=PCMA in[8=PCMA] te 101/101@8000 30ms sendrecv"),
        (both("a=ptime:40|a=maxptime:20|"), &ALL, "192.0.2.1:4000 4001 8=PCMA in[8=PCMA] te 101/101@8000 20ms sendrecv"),
        (both("a=ptime:0|"), &ALL, "192.0.2.1:4000 4001 8=PCMA in[8=PCMA] te 101/101@8000 20ms sendrecv"),
        (both("a=rtcp-mux|"), &ALL, "192.0.2.1:4000 4000 8=PCMA in[8=PCMA] te 101/101@8000 20ms sendrecv"),
        (both("a=rtcp:5555|"), &ALL, "192.0.2.1:4000 5555 8=PCMA in[8=PCMA] te 101/101@8000 20ms sendrecv"),
        (both("a=sendonly|"), &ALL, "192.0.2.1:4000 4001 8=PCMA in[8=PCMA] te 101/101@8000 20ms recvonly hold"),
        (both("a=inactive|"), &ALL, "192.0.2.1:4000 4001 8=PCMA in[8=PCMA] te 101/101@8000 20ms inactive hold"),
        (both("a=recvonly|"), &ALL, "192.0.2.1:4000 4001 8=PCMA in[8=PCMA] te 101/101@8000 20ms sendonly"),
        (both("c=IN IP4 0.0.0.0|"), &ALL, "0.0.0.0:4000 4001 8=PCMA in[8=PCMA] te 101/101@8000 20ms recvonly hold"),
        (both("c=IN IP6 2001:db8::5|"), &ALL, "[2001:db8::5]:4000 4001 8=PCMA in[8=PCMA] te 101/101@8000 20ms sendrecv"),
        // Their order of preference holds, not ours (RFC 3264 §6.1).
        ("m=audio 4000 RTP/AVP 0 8|".into(), &ALL, "192.0.2.1:4000 4001 0=PCMU in[0=PCMU] te - 20ms sendrecv"),
        (
            "m=audio 4000 RTP/AVP 0 107|a=rtpmap:107 opus/48000/2|".into(),
            &ALL,
            "192.0.2.1:4000 4001 0=PCMU in[0=PCMU] te - 20ms sendrecv",
        ),
        // Opus with events at its own clock, and at the wrong one.
        (
            "m=audio 4000 RTP/AVP 107 100 101|a=rtpmap:107 OPUS/48000/2|a=rtpmap:101 telephone-event/8000|a=rtpmap:100 telephone-event/48000|".into(),
            &ALL,
            "192.0.2.1:4000 4001 107=opus in[107=opus] te 100/100@48000 20ms sendrecv",
        ),
        (
            "m=audio 4000 RTP/AVPF 107 101|a=rtpmap:107 opus/48000/2|a=rtpmap:101 telephone-event/8000|".into(),
            &ALL,
            "192.0.2.1:4000 4001 107=opus in[107=opus] te 101/101@8000 20ms sendrecv",
        ),
        // Static numbers without a mapping, and a codec we know under a dynamic number.
        ("m=audio 4000 RTP/AVP 18 0|".into(), &ALL, "192.0.2.1:4000 4001 0=PCMU in[0=PCMU] te - 20ms sendrecv"),
        (
            "m=audio 4000 RTP/AVP 97|a=rtpmap:97 PCMA/8000/1|".into(),
            &ALL,
            "192.0.2.1:4000 4001 97=PCMA in[97=PCMA] te - 20ms sendrecv",
        ),
    ] {
        check_answer(&offer, &local(codecs), expected);
    }
}

#[test]
fn an_answer_repeats_every_line_and_refuses_what_is_not_voice() {
    let text = check_answer(
        "m=video 5000 RTP/AVP 96|a=rtpmap:96 H264/90000|m=audio 4002 RTP/SAVP 0|m=audio 4000 RTP/AVP 0|m=image 6000 udptl t38|",
        &local(&ALL),
        "192.0.2.1:4000 4001 0=PCMU in[0=PCMU] te - 20ms sendrecv",
    );
    let lines: Vec<&str> = text.split("\r\n").collect();
    assert_eq!(
        lines,
        [
            "v=0",
            "o=- 100 1 IN IP4 198.51.100.7",
            "s=-",
            "c=IN IP4 198.51.100.7",
            "t=0 0",
            "m=video 0 RTP/AVP 96",
            "m=audio 0 RTP/SAVP 0",
            "m=audio 30000 RTP/AVP 0",
            "a=rtpmap:0 PCMU/8000",
            "a=ptime:20",
            "a=sendrecv",
            "m=image 0 udptl t38",
            "",
        ]
    );
}

#[test]
fn offers_that_cannot_be_answered_say_why() {
    for (offer, status, part) in [
        ("m=audio 4000 RTP/SAVP 0|a=crypto:1 x|", 488, "RTP/SAVP only"),
        ("m=audio 4000 UDP/TLS/RTP/SAVPF 111|", 488, "SAVPF only"),
        ("m=video 4000 RTP/AVP 96|", 488, "no audio line"),
        ("m=audio 0 RTP/AVP 0|", 488, "no audio line"),
        ("m=audio 4000 RTP/AVP 18 9|", 488, "the far side has G729, G722, this side opus, PCMA, PCMU"),
        ("m=audio 4000 RTP/AVP 96|", 488, "no common codec"),
        ("m=audio 4000 RTP/AVP 0|c=IN IP4 phone.example.com|", 488, "connection address"),
        ("m=audio 4000 RTP/AVP 0|c=IN IP4 239.1.1.1|", 488, "connection address"),
        ("m=audio x RTP/AVP 0|", 400, "read a session description"),
    ] {
        let answered = LocalDescription::new(400).answer(remote(offer).as_bytes(), &local(&ALL));
        let error = answered.expect_err(offer);
        assert_eq!(error.status(), status, "{offer}: {error}");
        assert!(error.to_string().contains(part), "{offer}: {error}");
    }
}

#[test]
fn our_offer_is_complete_and_its_version_counts_changes() {
    let mut leg = LocalDescription::new(400);
    let first = leg.offer(&local(&ALL));
    let lines: Vec<&str> = first.split("\r\n").collect();
    assert_eq!(
        lines,
        [
            "v=0",
            "o=- 100 1 IN IP4 198.51.100.7",
            "s=-",
            "c=IN IP4 198.51.100.7",
            "t=0 0",
            "m=audio 30000 RTP/AVP 111 8 0 101 110",
            "a=rtpmap:111 opus/48000/2",
            "a=fmtp:111 useinbandfec=1;maxplaybackrate=16000;sprop-maxcapturerate=16000",
            "a=rtpmap:8 PCMA/8000",
            "a=rtpmap:0 PCMU/8000",
            "a=rtpmap:101 telephone-event/8000",
            "a=fmtp:101 0-15",
            "a=rtpmap:110 telephone-event/48000",
            "a=fmtp:110 0-15",
            "a=ptime:20",
            "a=sendrecv",
            "a=rtcp-mux",
            "",
        ]
    );
    assert_eq!(leg.offer(&local(&ALL)), first, "the same again keeps its version");
    let hold = leg.offer(&LocalMedia { direction: Direction::SendOnly, ..local(&ALL) });
    assert!(hold.contains("o=- 100 2 IN") && hold.contains("a=sendonly"), "{hold}");
    // The state survives being saved.
    let saved = serde_json::to_string(&leg).expect("json");
    let mut restored: LocalDescription = serde_json::from_str(&saved).expect("json");
    assert_eq!(restored, leg);
    assert!(restored.offer(&local(&ALL)).contains("o=- 100 3 IN"));
    let v6 = LocalMedia::new("[2001:db8::7]:30000".parse().expect("address"), &[Codec::Pcmu]);
    assert!(LocalDescription::new(4).offer(&v6).contains("c=IN IP6 2001:db8::7\r\n"));
}

#[test]
fn accepts_answers() {
    for (direction, answer, expected) in [
        (
            Direction::SendRecv,
            "m=audio 4000 RTP/AVP 8 101|a=rtpmap:101 telephone-event/8000|",
            "192.0.2.1:4000 4001 8=PCMA in[8=PCMA] te 101/101@8000 20ms sendrecv",
        ),
        // Other numbers than ours: send with theirs, receive with ours (RFC 3264 §5.1).
        (
            Direction::SendRecv,
            "m=audio 4000 RTP/AVP 96 97 8|a=rtpmap:96 opus/48000/2|a=rtpmap:97 telephone-event/48000|a=rtcp-mux|",
            "192.0.2.1:4000 4000 96=opus in[111=opus,8=PCMA] te 97/110@48000 20ms sendrecv",
        ),
        (
            Direction::SendOnly,
            "m=audio 4000 RTP/AVP 0|a=recvonly|",
            "192.0.2.1:4000 4001 0=PCMU in[0=PCMU] te - 20ms sendonly",
        ),
        // A phone that does not mirror our hold is still on hold.
        (
            Direction::SendOnly,
            "m=audio 4000 RTP/AVP 0|a=sendrecv|",
            "192.0.2.1:4000 4001 0=PCMU in[0=PCMU] te - 20ms sendonly",
        ),
        (
            Direction::Inactive,
            "m=audio 4000 RTP/AVP 0|",
            "192.0.2.1:4000 4001 0=PCMU in[0=PCMU] te - 20ms inactive",
        ),
    ] {
        let mut leg = LocalDescription::new(1);
        leg.offer(&LocalMedia { direction, ..local(&ALL) });
        let negotiated =
            leg.accept(remote(answer).as_bytes()).unwrap_or_else(|error| panic!("{answer}: {error}"));
        assert_eq!(summary(&negotiated), expected, "{answer}");
        assert_eq!(
            leg.accept(remote(answer).as_bytes()),
            Ok(negotiated),
            "the final response repeats the answer"
        );
    }
}

#[test]
fn refuses_answers_that_do_not_fit() {
    let mut leg = LocalDescription::new(1);
    let plain = remote("m=audio 4000 RTP/AVP 0|");
    assert_eq!(leg.accept(plain.as_bytes()), Err(SdpError::BadAnswer("there is no offer of ours")));
    leg.offer(&local(&[Codec::Pcma]));
    assert!(matches!(leg.accept(plain.as_bytes()), Err(SdpError::NoCommonCodec { .. })));
    let refused = remote("m=audio 0 RTP/AVP 8|");
    assert_eq!(leg.accept(refused.as_bytes()), Err(SdpError::BadAnswer("the far side refused the audio")));
    assert_eq!(leg.accept(remote("").as_bytes()), Err(SdpError::NoAudio));
}

#[test]
fn numbers_learnt_from_their_offer_are_kept_in_ours() {
    let mut leg = LocalDescription::new(1);
    // They use 101 for Opus, which is our number for events.
    let offer =
        remote("m=audio 4000 RTP/AVP 101 96|a=rtpmap:101 opus/48000/2|a=rtpmap:96 telephone-event/48000|");
    leg.answer(offer.as_bytes(), &local(&ALL)).expect("answered");
    let text = leg.offer(&local(&ALL));
    assert!(text.contains("a=rtpmap:101 opus/48000/2"), "{text}");
    assert!(text.contains("a=rtpmap:96 telephone-event/48000"), "{text}");
    assert!(text.contains("a=rtpmap:111 telephone-event/8000"), "{text}");
}

#[test]
fn two_of_us_agree_and_hold_and_resume() {
    let (mut left, mut right) = (LocalDescription::new(1), LocalDescription::new(2));
    let ours = local(&ALL);
    let theirs = LocalMedia::new("203.0.113.5:40000".parse().expect("address"), &[Codec::Pcmu, Codec::Opus]);
    for (direction, left_sees, right_sees, right_held) in [
        (Direction::SendRecv, Direction::SendRecv, Direction::SendRecv, false),
        (Direction::SendOnly, Direction::SendOnly, Direction::RecvOnly, true),
        (Direction::Inactive, Direction::Inactive, Direction::Inactive, true),
        (Direction::SendRecv, Direction::SendRecv, Direction::SendRecv, false),
    ] {
        let offer = left.offer(&LocalMedia { direction, ..ours.clone() });
        let (answer, at_right) = right.answer(offer.as_bytes(), &theirs).expect("answered");
        let at_left = left.accept(answer.as_bytes()).expect("accepted");
        assert_eq!((at_left.codec, at_right.codec), (Codec::Opus, Codec::Opus));
        assert_eq!((at_left.direction, at_right.direction), (left_sees, right_sees));
        assert_eq!(at_right.hold, right_held);
        assert_eq!(at_right.remote.to_string(), "198.51.100.7:30000");
        assert_eq!(at_left.remote.to_string(), "203.0.113.5:40000");
        assert!(at_left.rtcp_mux && at_right.rtcp_mux);
    }
    assert_eq!((left.version(), right.version()), (4, 4));
}

proptest! {
    #[test]
    fn any_offer_is_answered_or_refused_without_panic(
        lines in proptest::collection::vec(
            prop_oneof![
                "m=(audio|video) [0-9]{1,5} (RTP/AVP|RTP/SAVP|x) [0-9 ]{1,12}",
                "a=rtpmap:[0-9]{1,3} (opus/48000/2|PCMU/8000|telephone-event/8000|[a-z/0-9]{0,9})",
                "c=IN IP[46] [0-9.:]{1,12}",
                "a=(sendonly|inactive|ptime:[0-9]{1,10}|rtcp:[0-9]{1,6}|rtcp-mux)",
            ],
            0..12,
        ),
    ) {
        let offer = remote(&lines.join("|"));
        let mut leg = LocalDescription::new(1);
        if let Ok((answer, negotiated)) = leg.answer(offer.as_bytes(), &local(&ALL)) {
            prop_assert!(Session::parse(answer.as_bytes()).is_ok());
            prop_assert!((10..=60).contains(&negotiated.ptime_millis));
            prop_assert!(!(negotiated.hold && negotiated.direction.sends()));
        }
        leg.offer(&local(&ALL));
        let _ = leg.accept(offer.as_bytes());
    }
}
