use super::*;

fn uri(text: &str) -> Uri {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn prints_what_it_read() {
    for text in [
        "sip:alice@atlanta.com",
        "sips:1212@gateway.com:5061;transport=tcp;user=phone",
        "sip:+1-212-555-1212:1234@gateway.com;user=phone",
        "sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com",
        "sip:alice;day=tuesday@atlanta.com",
        "sip:user@[2001:db8::10]:5070;lr",
        "sip:[::1]",
        "tel:+358-555-1234567;postd=pp22",
        "urn:service:sos",
        "sip:a%20b@example.com",
        "sip:sip%3Auser%40example.com@company.com;other-param=summit",
    ] {
        assert_eq!(uri(text).to_string(), text);
    }
    let parts = uri("SIP:bob:secret@[::1]:5066;transport=TCP;lr?Replaces=a%3Bb");
    assert_eq!(parts.scheme, Scheme::Sip);
    assert_eq!((parts.user.as_deref(), parts.password.as_deref()), (Some("bob"), Some("secret")));
    assert_eq!(parts.ip(), Some("::1".parse().expect("address")));
    assert_eq!(parts.transport(), Some(Transport::Tcp));
    assert_eq!(parts.header("replaces").as_deref(), Some("a;b"));
}

#[test]
fn refuses_what_is_none() {
    for text in
        ["", "alice", "sip:", "sip:@host", "<sip:a@b>", "sip:a b@c", "sip:host:port", "sip:h:70000", "tel:"]
    {
        assert!(text.parse::<Uri>().is_err(), "{text}");
    }
}

/// The examples of RFC 3261 §19.1.4.
#[test]
fn compares_by_the_rfc() {
    let check = |left: &str, right: &str, same: bool| {
        assert_eq!(uri(left).same(&uri(right)), same, "{left} {right}");
        assert_eq!(uri(right).same(&uri(left)), same, "{right} {left}");
    };
    // Those that are equivalent.
    check("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp", true);
    check("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true);
    check("sip:carol@chicago.com", "sip:carol@chicago.com;security=on", true);
    check("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on", true);
    check(
        "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
        "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        true,
    );
    check(
        "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
        "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        true,
    );
    // Those that are not: user, port (twice), transport (twice), headers (twice), the address behind a name, and a
    // parameter that both have; so being the same as a third one says nothing.
    check("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false);
    check("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false);
    check("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false);
    check("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false);
    check("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", false);
    check("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", false);
    check("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false);
    // The rules in words: schemes differ, a user is there or not, passwords count, escapes are their octets but for
    // reserved ones, which an escape makes harmless.
    check("sip:bob@biloxi.com", "sips:bob@biloxi.com", false);
    check("sip:biloxi.com", "sip:bob@biloxi.com", false);
    check("sip:bob:1@biloxi.com", "sip:bob@biloxi.com", false);
    check("sip:bob@biloxi.com;user=phone", "sip:bob@biloxi.com", false);
    check("sip:bob@biloxi.com;maddr=1.2.3.4", "sip:bob@biloxi.com", false);
    check("sip:bob@biloxi.com;ttl=1", "sip:bob@biloxi.com", false);
    check("sip:bob@biloxi.com;%74tl=1", "sip:bob@biloxi.com;ttl=%31", true);
    check("sip:a%3Bb@biloxi.com", "sip:a;b@biloxi.com", false);
    check("sip:a%3bb@biloxi.com", "sip:a%3Bb@biloxi.com", true);
    check("sip:a%253Bb@biloxi.com", "sip:a%3Bb@biloxi.com", false);
    check("sip:a%C3%A9@biloxi.com", "sip:aé@biloxi.com", true);
    check("sip:a%FF@biloxi.com", "sip:a%FE@biloxi.com", false);
    check("sip:b@h?a=1&a=2", "sip:b@h?a=1&a=1", false);
    check("sip:bob@[2001:db8::1]", "sip:bob@[2001:DB8:0::1]", true);
    check("tel:+1-212-555", "tel:+1212555", true);
}

#[test]
fn escapes_both_ways() {
    assert_eq!(unescape("a%20b%zz%"), "a b%zz%");
    assert_eq!(escape_header("1@h;to-tag=x"), "1%40h%3Bto-tag%3Dx");
    assert_eq!(escape_user("a b@c"), "a%20b%40c");
}
