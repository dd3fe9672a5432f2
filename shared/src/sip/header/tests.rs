use super::*;

fn address(text: &str) -> NameAddr {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn names_and_addresses() {
    let check = |text: &str, display: Option<&str>, uri: &str, printed: &str| {
        let read = address(text);
        assert_eq!(read.display.as_deref(), display, "{text}");
        assert_eq!(read.uri.to_string(), uri, "{text}");
        assert_eq!(read.to_string(), printed, "{text}");
    };
    check("sip:a@b;tag=1", None, "sip:a@b", "<sip:a@b>;tag=1");
    check("<sip:a@b;lr>;tag=1", None, "sip:a@b;lr", "<sip:a@b;lr>;tag=1");
    check("Anna B <sip:a@b>", Some("Anna B"), "sip:a@b", "\"Anna B\" <sip:a@b>");
    check(
        r#""J \"<x>\" Doe"<sip:a@b>;tag=2"#,
        Some("J \"<x>\" Doe"),
        "sip:a@b",
        r#""J \"<x>\" Doe" <sip:a@b>;tag=2"#,
    );
    check(
        r#"<sip:a@[2001:db8::1]:5070>;+sip.instance="<urn:uuid:1>";q=0.5"#,
        None,
        "sip:a@[2001:db8::1]:5070",
        r#"<sip:a@[2001:db8::1]:5070>;+sip.instance="<urn:uuid:1>";q=0.5"#,
    );
    check("<tel:+1555>", None, "tel:+1555", "<tel:+1555>");
    for bad in
        ["\"Mr. J. User <sip:j@x>", "<sip:a@b", "sip:a@b?Route=x", "", "<sip:a@b> x", "\"a\"b <sip:a@b>"]
    {
        assert!(bad.parse::<NameAddr>().is_err(), "{bad}");
    }
}

#[test]
fn vias() {
    let via: Via = "SIP / 2.0 / UDP first.example.com:4000;ttl=16 ;maddr=224.2.0.1;branch=z9hG4bKa7c"
        .parse()
        .expect("via");
    assert_eq!((via.host.as_str(), via.port, via.branch()), ("first.example.com", Some(4000), "z9hG4bKa7c"));
    assert!(via.has_magic());
    let via: Via =
        "SIP/2.0/tcp [2001:db8::9]:5062;branch=z9hG4bK1;received=2001:db8::9;rport".parse().expect("via");
    assert_eq!(via.ip(), Some("2001:db8::9".parse().expect("address")));
    assert_eq!(via.params.find("rport"), Some(None));
    assert_eq!(via.to_string(), "SIP/2.0/TCP [2001:db8::9]:5062;branch=z9hG4bK1;received=2001:db8::9;rport");
    for bad in ["SIP/2.0/UDP", "SIP/7.0/UDP a", "SIP/2.0/UDP 192.0.2.15;;,;,,", "x"] {
        assert!(bad.parse::<Via>().is_err(), "{bad}");
    }
}

#[test]
fn small_views() {
    assert_eq!("4711 INVITE".parse::<CSeq>().expect("cseq").number, 4711);
    for bad in ["2147483648 INVITE", "-1 INVITE", "1", "INVITE 1", "1 INVITE x"] {
        assert!(bad.parse::<CSeq>().is_err(), "{bad}");
    }
    let replaces: Replaces = "a@b;to-tag=1;from-tag=2;early-only".parse().expect("replaces");
    assert_eq!(replaces.to_string(), "a@b;to-tag=1;from-tag=2;early-only");
    let expires: SessionExpires = "1800 ;refresher=UAS".parse().expect("session-expires");
    assert_eq!(expires, SessionExpires { interval_secs: 1800, refresher: Some(Refresher::Uas) });
    assert_eq!(seconds("99999999999"), Some(u32::MAX));
    assert_eq!(split(r#"<sip:a,b@c>, "x,y" <sip:d>,e"#, ',').count(), 3);
}
