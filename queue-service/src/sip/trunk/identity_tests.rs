//! Who calls, over raw bytes in every spelling, and what is told to whom.

use shared::model::call::Party;
use shared::sip::{Headers, Message, NameAddr, Uri, wire};

use super::identity::{caller, may_pass, passed, told};
use super::rewrite::Rules;
use crate::config::IdentityHeader;

/// The headers and the From of an INVITE with these lines in it, as the reader gives them.
fn read(lines: &str) -> (Headers, NameAddr) {
    let text = format!(
        "INVITE sip:3001@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\n\
         From: \"Mallory\" <sip:666@evil.example>;tag=1\r\nTo: <sip:3001@192.0.2.1>\r\nCall-ID: 1\r\n\
         CSeq: 1 INVITE\r\nMax-Forwards: 70\r\n{lines}Content-Length: 0\r\n\r\n"
    );
    let reading = wire::read(text.as_bytes()).expect("a message");
    assert_eq!(reading.fault, None, "{lines}");
    let Message::Request(request) = reading.message else { panic!("a request") };
    let from = request.headers.get("From").expect("From").parse().expect("an address");
    (request.headers, from)
}

fn shown(lines: &str, trusted: bool) -> String {
    let (headers, from) = read(lines);
    let Party { number, name } = caller(&headers, &from, trusted, &Rules::default());
    format!("{number}/{name}")
}

const CLAIMS: [&str; 12] = [
    "P-Asserted-Identity: \"Chief\" <sip:+4911@bank.example>\r\n",
    "p-asserted-identity: \"Chief\" <sip:+4911@bank.example>\r\n",
    "P-ASSERTED-IDENTITY:\"Chief\"<sip:+4911@bank.example>\r\n",
    "P-Asserted-Identity  : \"Chief\" <sip:+4911@bank.example>\r\n",
    "P-Asserted-Identity\t:\t\"Chief\" <sip:+4911@bank.example>\r\n",
    "P-Asserted-Identity:\r\n \"Chief\"\r\n\t<sip:+4911@bank.example>\r\n",
    "P-Asserted-Identity: \"Chief\" <sip:+4911@bank.example>, <tel:+4911>\r\n",
    "P-Asserted-Identity: <tel:+4911>\r\np-Asserted-identity: \"Chief\" <sip:+4911@bank.example>\r\n",
    "P-Asserted-Identity: \"Chief\" <sip:%2B4911@bank.example>\n",
    "Remote-Party-ID: \"Chief\" <sip:+4911@bank.example>;party=calling;screen=yes\r\n",
    "remote-party-id : \"Chief\" <sip:+4911@bank.example>\r\n",
    "REMOTE-PARTY-ID:\r\n  \"Chief\" <sip:+4911@bank.example>;privacy=off\r\n",
];

#[test]
fn a_stranger_s_claim_is_not_believed_in_any_spelling() {
    for claim in CLAIMS {
        assert_eq!(shown(claim, false), "666/Mallory", "{claim:?}");
        assert!(shown(claim, true).starts_with("+4911/"), "{claim:?} {}", shown(claim, true));
    }
    // Neither may a stranger hide another's name, nor have his own taken for somebody else's by a forwarding header.
    for line in
        ["Privacy: id\r\n", "Diversion: <sip:1@x.example>\r\n", "History-Info: <sip:1@x.example>;index=1\r\n"]
    {
        assert_eq!(shown(line, false), "666/Mallory", "{line:?}");
    }
}

#[test]
fn a_trusted_trunk_s_caller_may_wish_to_be_nobody() {
    let asserted = CLAIMS[0];
    for wish in [
        "Privacy: id\r\n",
        "privacy : ID;critical\r\n",
        "Privacy: header;user\r\n",
        "Privacy:\r\n full\r\n",
        "Privacy: none\r\nPrivacy: id\r\n",
        "Remote-Party-ID: <sip:+4911@bank.example>;privacy=full\r\n",
    ] {
        assert_eq!(shown(&format!("{asserted}{wish}"), true), "/", "{wish:?}");
    }
    assert_eq!(shown(&format!("{asserted}Privacy: none\r\n"), true), "+4911/Chief");
    assert_eq!(shown(&format!("{asserted}Privacy: critical\r\n"), true), "+4911/Chief");
}

#[test]
fn a_caller_s_number_follows_the_trunk_s_rules() {
    let rule = crate::config::Rule {
        prefix: Some("00".into()),
        replace: Some("+".into()),
        ..crate::config::Rule::default()
    };
    let rules = Rules::new(&[rule]).expect("rules");
    let from: NameAddr = "<sip:00493012@carrier.example>".parse().expect("address");
    assert_eq!(caller(&Headers::new(), &from, false, &rules).number, "+493012");
}

#[test]
fn a_trunk_is_told_who_calls_in_its_way() {
    let own: Uri = "sip:acc@carrier.example".parse().expect("uri");
    let all = |number: Option<&str>, withheld, how| {
        let told = told(&own, number, "Ada", withheld, how);
        let headers: Vec<_> = told.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        format!("{} | {}", told.from, headers.join(" | "))
    };
    for (number, withheld, how, text) in [
        (
            Some("+4930"),
            false,
            IdentityHeader::PAssertedIdentity,
            "\"Ada\" <sip:+4930@carrier.example> | P-Asserted-Identity: \"Ada\" <sip:+4930@carrier.example>",
        ),
        (
            Some("+4930"),
            true,
            IdentityHeader::PAssertedIdentity,
            "\"Anonymous\" <sip:anonymous@anonymous.invalid> | P-Asserted-Identity: \"Ada\" \
             <sip:+4930@carrier.example> | Privacy: id",
        ),
        (
            None,
            false,
            IdentityHeader::PPreferredIdentity,
            "\"Ada\" <sip:acc@carrier.example> | P-Preferred-Identity: \"Ada\" <sip:acc@carrier.example>",
        ),
        (
            Some("+4930"),
            true,
            IdentityHeader::RemotePartyId,
            "\"Anonymous\" <sip:anonymous@anonymous.invalid> | Remote-Party-ID: \"Ada\" \
             <sip:+4930@carrier.example>;party=calling;screen=yes;privacy=full | Privacy: id",
        ),
        (Some("+4930"), false, IdentityHeader::From, "\"Ada\" <sip:+4930@carrier.example> | "),
        (
            Some("+4930"),
            true,
            IdentityHeader::From,
            "\"Anonymous\" <sip:anonymous@anonymous.invalid> | Privacy: id",
        ),
    ] {
        assert_eq!(all(number, withheld, how), text);
    }
}

#[test]
fn only_headers_on_the_list_pass_and_only_so_much() {
    let (headers, _) = read(
        "X-Ticket: 17\r\nx-TICKET : 18\r\nX-Other: no\r\nP-Asserted-Identity: <sip:1@x.example>\r\n\
         User-Agent: secret\r\nDiversion: <sip:1@x.example>\r\n",
    );
    let allowed = ["X-Ticket", "P-Asserted-Identity", "Via", "Diversion"].map(str::to_owned);
    let both = [("X-Ticket".to_owned(), "17".to_owned()), ("X-Ticket".to_owned(), "18".to_owned())];
    assert_eq!(passed(&headers, &allowed), both);
    let mut many = Headers::new();
    many.push("X-Ticket", "x".repeat(600));
    for number in 0..20 {
        many.push("X-Ticket", number.to_string());
    }
    let some = passed(&many, &allowed);
    assert!(some.len() == 8 && some[0].1 == "0", "{some:?}");
    for (name, may) in [
        ("X-Ticket", true),
        ("Subject", true),
        ("User-Agent", false),
        ("call-id", false),
        ("i", false),
        ("P-asserted-Identity", false),
        ("X-Callfloor-Call", false),
        ("X Ticket", false),
        ("", false),
    ] {
        assert_eq!(may_pass(name), may, "{name}");
    }
}
