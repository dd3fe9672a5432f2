//! The dial plan, by table.

use std::collections::BTreeMap;
use std::path::Path;

use rand::SeedableRng;
use rand::rngs::StdRng;
use shared::id::TrunkId;

use super::plan::{Denied, DialPlan, plain};
use crate::config::Config;

const CONFIG: &str = "
    [outbound]
    allow = ['+49', '+43', '*']
    deny = ['+49900', '+4319']
    emergency = ['112']
    rewrite = [{ prefix = '00', replace = '+' }, { prefix = '0', replace = '+49' }]

    [[trunks]]
    id = 'main'
    name = 'Main'
    servers = ['sip:one.example', 'sip:two.example']
    priority = 1
    called_out = [{ prefix = '+', replace = '00' }]

    [[trunks]]
    id = 'spare'
    name = 'Spare'
    servers = ['sip:spare.example']
    priority = 2
    deny = ['+43']

    [[trunks]]
    id = 'inbound'
    name = 'Only brings calls'
    addresses = ['203.0.113.1']
";

fn plan(text: &str) -> DialPlan {
    let config = Config::parse(text, Path::new("/tmp/c.toml")).expect("valid");
    DialPlan::new(&config.outbound, &config.trunks)
}

fn id(text: &str) -> TrunkId {
    text.parse().expect("id")
}

/// `trunk:number trunk:number`, or the refusal.
fn routed(plan: &DialPlan, dialled: &str, down: &[&str]) -> String {
    let down: BTreeMap<TrunkId, String> = down.iter().map(|one| (id(one), "it is down".into())).collect();
    match plan.route(dialled, &down, &mut StdRng::seed_from_u64(1)) {
        Ok(record) => {
            let ways = record.candidates.iter().map(|way| format!("{}:{}", way.trunk, way.number));
            ways.collect::<Vec<_>>().join(" ")
        }
        Err((denied, _)) => format!("{denied:?}"),
    }
}

#[test]
fn a_number_goes_where_the_plan_says() {
    let plan = plan(CONFIG);
    for (dialled, down, ways) in [
        ("030 123-45", &[][..], "main:00493012345 spare:+493012345"),
        ("+49(30)12345", &[], "main:00493012345 spare:+493012345"),
        ("0043 1 234", &[], "main:00431234"),
        ("030123", &["main"], "spare:+4930123"),
        ("0043123", &["main"], "Unavailable"),
        ("030123", &["main", "spare"], "Unavailable"),
        // Nothing that is not allowed.
        ("0900123", &[], "NotAllowed"),
        ("+4990012", &[], "NotAllowed"),
        ("00431912", &[], "NotAllowed"),
        ("001202555", &[], "NotAllowed"),
        ("+1202555", &[], "NotAllowed"),
        ("+", &[], "NotANumber"),
        ("**", &[], "NotANumber"),
        ("", &[], "NotANumber"),
        ("ada", &[], "NotANumber"),
        ("030;phone-context=x", &[], "NotANumber"),
        ("0301\u{0661}", &[], "NotANumber"),
        ("+49+30", &[], "NotANumber"),
        ("0123456789012345678901234567890123", &[], "NotANumber"),
        // Star codes as the list says.
        ("*21", &[], "main:*21 spare:*21"),
        // Emergency: as dialled, over everything, what is down last.
        ("112", &[], "main:112 spare:112"),
        ("112", &["main"], "spare:112 main:112"),
        ("112", &["main", "spare"], "main:112 spare:112"),
        ("1120", &[], "NotAllowed"),
    ] {
        assert_eq!(routed(&plan, dialled, down), ways, "{dialled} {down:?}");
    }
}

#[test]
fn nothing_may_be_dialled_by_default() {
    let text = "[[trunks]]\nid = 'a'\nname = 'A'\nservers = ['sip:a.example']\n";
    assert_eq!(routed(&plan(text), "+4930", &[]), "NotAllowed");
    assert_eq!(routed(&plan(text), "112", &[]), "a:112");
    let open = "[outbound]\nallow = ['+']\n";
    assert_eq!(routed(&plan(open), "+4930", &[]), "NoTrunk");
    assert_eq!(routed(&plan(open), "112", &[]), "NoTrunk");
}

#[test]
fn the_record_says_why_a_trunk_was_left_out() {
    let down = BTreeMap::from([(id("main"), "it is down".to_owned())]);
    let record = plan(CONFIG).route("0043123", &down, &mut StdRng::seed_from_u64(1));
    let (denied, record) = record.expect_err("no way");
    let record = record.expect("a record");
    let why: Vec<_> = record.excluded.iter().map(|out| format!("{}: {}", out.trunk, out.why)).collect();
    assert_eq!((denied, denied.status()), (Denied::Unavailable, 503));
    assert_eq!(why, ["main: it is down", "spare: this number does not go over it"]);
}

#[test]
fn trunks_of_one_priority_share_by_weight() {
    let text = "
        [outbound]
        allow = ['+']
        [[trunks]]
        id = 'a'
        name = 'A'
        servers = ['sip:a.example']
        weight = 30
        [[trunks]]
        id = 'b'
        name = 'B'
        servers = ['sip:b.example']
        weight = 10
        [[trunks]]
        id = 'c'
        name = 'C'
        servers = ['sip:c.example']
        weight = 0
    ";
    let plan = plan(text);
    let mut random = StdRng::seed_from_u64(7);
    let mut first: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..4_000 {
        let record = plan.route("+49", &BTreeMap::new(), &mut random).expect("a way");
        assert_eq!(record.candidates.len(), 3, "each is tried");
        *first.entry(record.candidates[0].trunk.to_string()).or_default() += 1;
    }
    assert!((2_850..3_150).contains(&first["a"]), "{first:?}");
    assert!(!first.contains_key("c"), "{first:?}");
}

#[test]
fn what_people_write_into_numbers_is_left_out() {
    assert_eq!(plain("+49 (30) 12/34-5.6").as_deref(), Some("+4930123456"));
    assert_eq!(plain("#31#030").as_deref(), Some("#31#030"));
}
