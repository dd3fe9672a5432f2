//! Trunks as a whole, on the virtual clock.

use std::path::Path;
use std::time::Duration;

use shared::id::{LegId, TrunkId};
use shared::model::event::Event;
use shared::sip::door::Change;
use shared::sip::{Command, Headers, NameAddr, RegistrationId, Uri};
use shared::time::Timestamp;

use super::plan::Denied;
use super::{Input, Output, Trunks};
use crate::config::Config;

const CONFIG: &str = "
    [outbound]
    allow = ['+', '1']
    max_tries = 3

    [[trunks]]
    id = 'fixed'
    name = 'Fixed'
    addresses = ['203.0.113.1']
    servers = ['sip:203.0.113.1', 'sip:203.0.113.2']
    priority = 1
    max_calls = 2
    ping_secs = 30
    ping_timeout_secs = 4
    called_in = [{ prefix = '0', replace = '+49' }]
    caller_in = [{ prefix = '0', replace = '+49' }]
    caller_out = [{ prefix = '+49', replace = '0' }]
    caller_id = '+49301'

    [[trunks]]
    id = 'account'
    name = 'Account'
    servers = ['sip:provider.example']
    username = '4930'
    password = 'secret'
    register = true
    priority = 2
    ping_secs = 0
    trust_identity = true
";

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_800_000_000 + secs)
}

fn id(text: &str) -> TrunkId {
    text.parse().expect("id")
}

fn leg(number: u64) -> LegId {
    LegId::from_u64(number)
}

fn trunks() -> Trunks {
    Trunks::new(at(0), &Config::parse(CONFIG, Path::new("/tmp/c.toml")).expect("valid"), 1)
}

/// What came out, in words; pings as their numbers.
fn drain(trunks: &mut Trunks) -> Vec<String> {
    std::iter::from_fn(|| trunks.poll())
        .map(|output| match output {
            Output::Sip(Command::Register { registration, aor, registrar, .. }) => {
                format!("register {} {aor} at {registrar}", registration.0)
            }
            Output::Sip(Command::Unregister { registration }) => format!("unregister {}", registration.0),
            Output::Sip(Command::Request { id, target, .. }) => format!("ping {id} {target}"),
            Output::Sip(Command::Door(Change::SetPeer(peer))) => {
                let networks: Vec<_> = peer.networks.iter().map(ToString::to_string).collect();
                format!("trust {} {}", peer.id, networks.join(" "))
            }
            Output::Sip(other) => format!("{other:?}"),
            Output::Publish(Event::TrunkConfigured { trunk }) => format!("{} is there", trunk.id),
            Output::Publish(Event::TrunkUp { trunk }) => format!("{trunk} up"),
            Output::Publish(Event::TrunkDown { trunk, reason }) => format!("{trunk} down: {reason}"),
            Output::Publish(other) => format!("{other:?}"),
        })
        .collect()
}

fn registered(expires_secs: u32) -> Input {
    let registrar = Some("198.51.100.9".parse().expect("address"));
    Input::Registered { registration: RegistrationId(2), expires_secs, registrar, route: None }
}

/// The ways of a call as `trunk/server`, or the refusal.
fn ways(trunks: &mut Trunks, number: u64, dialled: &str) -> String {
    match trunks.place(at(100), leg(number), dialled, None) {
        Ok(mut placed) => {
            let mut ways = vec![format!("{}/{}", placed.hunt.way().trunk, placed.hunt.way().server)];
            while let super::hunt::After::Next(way) = placed.hunt.failed(503) {
                ways.push(format!("{}/{}", way.trunk, way.server));
            }
            ways.join(" ")
        }
        Err((denied, _)) => format!("{denied:?}"),
    }
}

#[test]
fn pings_and_registrations_say_which_trunk_is_up() {
    let mut trunks = trunks();
    assert_eq!(
        drain(&mut trunks),
        [
            "fixed is there",
            "account is there",
            "register 2 sip:4930@provider.example at sip:provider.example",
            "ping 1 sip:203.0.113.1",
            "ping 2 sip:203.0.113.2",
        ]
    );
    assert_eq!(ways(&mut trunks, 1, "+1"), "fixed/0 fixed/1 account/0", "what is not known yet is tried");
    trunks.leave(leg(1));
    trunks.handle(at(1), Input::Answered { ping: 1, status: 404 });
    trunks.handle(at(1), registered(600));
    assert_eq!(drain(&mut trunks), ["fixed up", "trust account 198.51.100.9", "account up"]);
    // The second server is silent twice, the first answers.
    assert_eq!(trunks.deadline(), Some(at(4)));
    trunks.handle(at(4), Input::Tick);
    trunks.handle(at(30), Input::Tick);
    assert_eq!(drain(&mut trunks), ["ping 3 sip:203.0.113.1", "ping 4 sip:203.0.113.2"]);
    trunks.handle(at(31), Input::Answered { ping: 3, status: 200 });
    trunks.handle(at(34), Input::Tick);
    assert_eq!(drain(&mut trunks), [""; 0], "one server is enough");
    assert_eq!(ways(&mut trunks, 1, "+1"), "fixed/0 account/0", "without the one that is down");
    trunks.leave(leg(1));
    for (second, ping) in [(60, 5), (90, 7)] {
        trunks.handle(at(second), Input::Tick);
        drain(&mut trunks);
        trunks.handle(at(second + 1), Input::Answered { ping, status: 503 });
    }
    assert_eq!(
        drain(&mut trunks),
        ["fixed down: sip:203.0.113.1: OPTIONS could not be sent, or was answered 503"]
    );
    assert_eq!(ways(&mut trunks, 1, "+1"), "account/0");
    trunks.leave(leg(1));
    let reports = trunks.reports();
    assert_eq!((reports[0].since, reports[0].servers[0].round_trip_millis), (at(91), Some(1_000)));
    assert_eq!(reports[1].registered_until, Some(at(601)));
}

#[test]
fn a_registration_that_fails_takes_no_calls_but_one_that_lasts_does() {
    let mut trunks = trunks();
    drain(&mut trunks);
    let failed = |status, reason: &str| Input::RegistrationFailed {
        registration: RegistrationId(2),
        status,
        reason: reason.into(),
    };
    trunks.handle(at(1), failed(403, "Forbidden"));
    assert_eq!(drain(&mut trunks), ["account down: registration: 403 Forbidden"]);
    trunks.handle(at(2), registered(60));
    assert_eq!(drain(&mut trunks), ["trust account 198.51.100.9", "account up"]);
    trunks.handle(at(20), registered(42));
    assert_eq!(drain(&mut trunks), [""; 0], "a refresh is nothing new");
    trunks.handle(at(50), failed(503, "Busy"));
    assert_eq!(drain(&mut trunks).iter().filter(|line| line.contains("account")).count(), 0, "it lasts");
    trunks.handle(at(62), Input::Tick);
    assert!(drain(&mut trunks).contains(&"account down: registration: 503 Busy".to_owned()));
    trunks.stop();
    assert_eq!(drain(&mut trunks), ["unregister 2"]);
}

#[test]
fn a_call_that_comes_in_is_known_by_the_contact() {
    let mut trunks = trunks();
    let Some(contact) = std::iter::from_fn(|| trunks.poll()).find_map(|output| match output {
        Output::Sip(Command::Register { contact_user, .. }) => Some(contact_user),
        _ => None,
    }) else {
        panic!("it registers")
    };
    assert_eq!(trunks.of_contact(&contact), Some(&id("account")));
    assert_eq!(trunks.of_contact("3001"), None);

    let from: NameAddr = "\"Carl\" <sip:0171@x.example>".parse().expect("address");
    let to: NameAddr = "<sip:03012@provider.example>".parse().expect("address");
    let uri = |user: &str| Uri::sip(Some(user), "192.0.2.1").expect("uri");
    let headers = Headers::new();
    let (_, dialled) = trunks.arrived(Some(&id("account")), &from, &to, &uri(&contact), &headers);
    assert_eq!(dialled, "03012", "the contact is not what was dialled");
    let (caller, dialled) = trunks.arrived(Some(&id("fixed")), &from, &to, &uri("03099"), &headers);
    assert_eq!((dialled.as_str(), caller.number.as_str()), ("+493099", "+49171"));
    let (caller, dialled) = trunks.arrived(None, &from, &to, &uri("03099"), &headers);
    assert_eq!((dialled.as_str(), caller.number.as_str()), ("03099", "0171"));
}

#[test]
fn a_full_trunk_is_passed_over_and_an_emergency_call_is_not_held_back() {
    let mut trunks = trunks();
    trunks.enter(at(0), leg(1), &id("fixed")).expect("room");
    trunks.enter(at(0), leg(2), &id("fixed")).expect("room");
    assert_eq!(trunks.enter(at(0), leg(3), &id("fixed")), Err(Denied::Unavailable));
    assert_eq!(ways(&mut trunks, 4, "+1"), "account/0");
    assert_eq!(ways(&mut trunks, 5, "112"), "account/0 fixed/0 fixed/1");
    trunks.leave(leg(1));
    assert_eq!(ways(&mut trunks, 6, "+1"), "fixed/0 fixed/1 account/0");
}

#[test]
fn a_call_that_failed_asks_its_server_at_once() {
    let mut trunks = trunks();
    trunks.handle(at(1), Input::Answered { ping: 1, status: 200 });
    trunks.handle(at(1), Input::Answered { ping: 2, status: 200 });
    drain(&mut trunks);
    let placed = trunks.place(at(5), leg(1), "+1", None).expect("a way");
    trunks.failed(at(5) + Duration::from_millis(1), placed.hunt.way(), 503, "Out of lines");
    assert_eq!(drain(&mut trunks), ["ping 3 sip:203.0.113.1"]);
    let error = trunks.reports()[0].last_error.clone();
    assert_eq!(error.as_deref(), Some("call over sip:203.0.113.1: 503 Out of lines"));
}

#[test]
fn what_is_sent_out_follows_the_trunk() {
    let mut trunks = trunks();
    let placed = trunks.place(at(1), leg(1), "+44 20", None).expect("a way");
    let fixed = trunks.outgoing(placed.hunt.way(), None, "").expect("an INVITE");
    assert_eq!(fixed.target.to_string(), "sip:+4420@203.0.113.1");
    assert_eq!(fixed.from.to_string(), "<sip:0301@callfloor>");
    assert_eq!(fixed.credentials, None);
    let own = trunks.outgoing(placed.hunt.way(), Some("+49309"), "Ada").expect("an INVITE");
    assert_eq!(own.from.to_string(), "\"Ada\" <sip:0309@callfloor>", "an agent's own number wins");
    let way = super::hunt::Way { trunk: id("account"), server: 0, ..placed.hunt.way().clone() };
    let account = trunks.outgoing(&way, None, "").expect("an INVITE");
    assert_eq!(account.from.to_string(), "<sip:4930@provider.example>");
    assert_eq!(account.credentials.map(|known| known.username).as_deref(), Some("4930"));
}

/// RFC 3608 §6.1.
#[test]
fn calls_pass_the_proxies_that_the_registrar_names() {
    let mut trunks = trunks();
    let mut stands = registered(600);
    let proxies = "<sip:p1.example;lr>, <sip:p2.example;lr>".to_owned();
    if let Input::Registered { route, .. } = &mut stands {
        *route = Some(proxies.clone());
    }
    trunks.handle(at(1), stands);
    let placed = trunks.place(at(1), leg(1), "+44 20", None).expect("a way");
    let routes = |trunks: &Trunks, trunk: &str| {
        let way = super::hunt::Way { trunk: id(trunk), server: 0, ..placed.hunt.way().clone() };
        let headers = trunks.outgoing(&way, None, "").expect("an INVITE").headers;
        headers.into_iter().filter(|(name, _)| name == "Route").collect::<Vec<_>>()
    };
    assert_eq!(routes(&trunks, "account"), [("Route".to_owned(), proxies)]);
    assert_eq!(routes(&trunks, "fixed"), []);
    trunks.handle(at(2), registered(600));
    assert_eq!(routes(&trunks, "account"), [], "it names none any more");
}
