//! Campaigns on a virtual clock: single rules, then everything at random.

use proptest::prelude::*;
use shared::model::campaign::Retry;

use super::*;

const DAY: i64 = 86_400;
/// Wednesday, 2026-03-04 08:00 UTC.
const START: i64 = 1_772_611_200;

fn settings(change: impl FnOnce(&mut CampaignSettings)) -> CampaignSettings {
    let json = r#"{"id":"spring","name":"Spring","queue":"sales","time_zone":"Europe/Berlin","max_attempts":3,
        "lease_secs":120}"#;
    let mut settings = serde_json::from_str(json).expect("settings");
    change(&mut settings);
    settings
}

fn contact(number: &str, zone: Option<&str>) -> Contact {
    Contact {
        number: number.into(),
        name: String::new(),
        time_zone: zone.map(Into::into),
        columns: BTreeMap::new(),
    }
}

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(START + secs)
}

fn agent(name: &str) -> AgentId {
    name.parse().expect("an agent")
}

fn id() -> CampaignId {
    "spring".parse().expect("a campaign")
}

fn by() -> UserId {
    "max".parse().expect("a user")
}

fn campaigns(settings: CampaignSettings, contacts: &[Contact]) -> Campaigns {
    let mut campaigns = Campaigns::default();
    campaigns.set_up(at(0), settings, by()).expect("room");
    campaigns.import(at(0), &id(), contacts, &by()).expect("room");
    campaigns
}

fn give(campaigns: &mut Campaigns, secs: i64, who: &str) -> Option<u32> {
    campaigns.next(at(secs), &id(), &agent(who), &DoNotCall::default()).expect("allowed")
}

fn say(campaigns: &mut Campaigns, secs: i64, contact: u32, who: &str, outcome: Outcome) -> Option<Timestamp> {
    campaigns.dialled(at(secs), &id(), contact, &agent(who), None).expect("his");
    campaigns.outcome(at(secs), &id(), contact, &agent(who), (outcome, None, None)).expect("his")
}

#[test]
fn each_contact_goes_to_one_agent_until_its_lease_ends() {
    let list = [contact("+491", None), contact("+492", None)];
    let mut it = campaigns(settings(|_| {}), &list);
    assert_eq!(give(&mut it, 0, "ada"), Some(1));
    assert_eq!(give(&mut it, 1, "ada"), Some(1), "asked twice is given once");
    assert_eq!(give(&mut it, 1, "bob"), Some(2));
    assert_eq!(give(&mut it, 1, "cleo"), None);
    assert_eq!(it.deadline(), Some(at(120)));
    assert_eq!(give(&mut it, 120, "cleo"), Some(1), "free again");
    let late = it.outcome(at(120), &id(), 1, &agent("ada"), (Outcome::Reached, None, None));
    assert_eq!(late, Err(Refusal::NotYours(1)));
    it.skip(at(120), &id(), 1, &agent("cleo"), "not mine".into(), 600).expect("his");
    assert_eq!(give(&mut it, 120, "ada"), None, "two is with bob, one was skipped");
    assert_eq!(give(&mut it, 720, "ada"), Some(1));
}

#[test]
fn each_outcome_has_its_own_pause_and_number_of_attempts() {
    let rules = |it: &mut CampaignSettings| {
        it.retries.insert(Outcome::Busy, Retry { after_secs: 60, attempts: 2 });
        it.retries.insert(Outcome::NoAnswer, Retry { after_secs: 300, attempts: 9 });
    };
    let list = [contact("+491", None)];
    let mut it = campaigns(settings(rules), &list);
    give(&mut it, 0, "ada");
    assert_eq!(say(&mut it, 0, 1, "ada", Outcome::Busy), Some(at(60)));
    assert_eq!(give(&mut it, 59, "ada"), None);
    assert_eq!(give(&mut it, 60, "ada"), Some(1));
    assert_eq!(say(&mut it, 60, 1, "ada", Outcome::Busy), None, "twice busy is enough");

    let mut it = campaigns(settings(rules), &list);
    for attempt in 0..3 {
        assert_eq!(give(&mut it, attempt * 300, "ada"), Some(1));
        let next = say(&mut it, attempt * 300, 1, "ada", Outcome::NoAnswer);
        assert_eq!(next.is_some(), attempt < 2, "three attempts in all");
    }
    let mut it = campaigns(settings(rules), &list);
    give(&mut it, 0, "ada");
    assert_eq!(say(&mut it, 0, 1, "ada", Outcome::Refused), None, "no is no");
    assert_eq!(give(&mut it, 30 * DAY, "ada"), None);
}

#[test]
fn nobody_is_called_at_night_where_he_is() {
    let hours = |it: &mut CampaignSettings| it.hours = vec!["Mon-Fri 09:00-20:00".into()];
    // 09:00 in Berlin, 17:00 in Tokyo, 03:00 in New York, 08:00 in London.
    let list = ["America/New_York", "Asia/Tokyo", "Europe/London"].map(|zone| contact(zone, Some(zone)));
    let mut it = campaigns(settings(hours), &list);
    assert_eq!(give(&mut it, 0, "ada"), Some(2));
    assert_eq!(give(&mut it, 0, "bob"), None);
    assert_eq!(give(&mut it, 3_600, "bob"), Some(2), "Tokyo again, its lease is over");
    assert_eq!(give(&mut it, 3_600, "cleo"), Some(3));
    assert_eq!(give(&mut it, 6 * 3_600, "dan"), Some(1));
    let closed = it.number_to_dial(at(16 * 3_600), &id(), 1, &agent("dan"), &DoNotCall::default());
    assert_eq!(closed, Err(Refusal::NotYours(1)), "the lease is over by then");
    let mut it = campaigns(
        settings(|it| {
            hours(it);
            it.lease_secs = 86_400;
        }),
        &list,
    );
    assert_eq!(give(&mut it, 0, "ada"), Some(2));
    let closed = it.number_to_dial(at(4 * 3_600), &id(), 2, &agent("ada"), &DoNotCall::default());
    assert_eq!(closed, Err(Refusal::Closed(2)), "21:00 in Tokyo");
}

#[test]
fn nobody_is_called_who_does_not_want_to_be() {
    let mut dnc = DoNotCall::default();
    dnc.apply(at(0), &["+491".into()], &[], &by(), "asked for it");
    let mut it = campaigns(settings(|_| {}), &[contact("+491", None), contact("+492", None)]);
    assert_eq!(it.next(at(0), &id(), &agent("ada"), &dnc), Ok(Some(2)));
    dnc.apply(at(0), &["+492".into()], &[], &by(), "asked for it");
    let refused = it.number_to_dial(at(1), &id(), 2, &agent("ada"), &dnc);
    assert_eq!(refused, Err(Refusal::Blocked(2)), "also after it was given out");
    assert_eq!(it.get(&id()).expect("there").report(at(1)).blocked, 2);
    dnc.apply(at(2), &[], &["+491".into()], &by(), "a mistake");
    assert_eq!((dnc.get("+491"), dnc.len()), (None, 1));
}

#[test]
fn fewest_attempts_go_first_when_asked_for() {
    let fewest = |it: &mut CampaignSettings| it.order = ContactOrder::FewestAttempts;
    let mut it = campaigns(settings(fewest), &[contact("+491", None), contact("+492", None)]);
    give(&mut it, 0, "ada");
    say(&mut it, 0, 1, "ada", Outcome::Busy);
    assert_eq!(give(&mut it, 1_000, "ada"), Some(2));
    let longest = |it: &mut CampaignSettings| it.order = ContactOrder::LongestDue;
    let mut it = campaigns(settings(longest), &[contact("+491", None), contact("+492", None)]);
    give(&mut it, 0, "ada");
    say(&mut it, 0, 1, "ada", Outcome::Busy);
    assert_eq!(give(&mut it, 1_000, "ada"), Some(1), "one who was promised a call back, before new ones");
}

/// One thing that somebody does.
#[derive(Debug, Clone)]
enum Step {
    Wait(i64),
    Next(u8),
    Skip(u8),
    Dial(u8),
    Say(u8, Outcome),
    Block(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0..4_u8;
    prop_oneof![
        (1..4_000_i64).prop_map(Step::Wait),
        who.clone().prop_map(Step::Next),
        who.clone().prop_map(Step::Skip),
        who.clone().prop_map(Step::Dial),
        (who, 0..6_usize).prop_map(|(who, outcome)| Step::Say(who, Outcome::ALL[outcome])),
        (0..8_u8).prop_map(Step::Block),
    ]
}

proptest! {
    #[test]
    fn whatever_agents_do_nobody_is_called_twice_too_often_or_against_his_will(
        steps in proptest::collection::vec(step(), 1..200)
    ) {
        let list: Vec<Contact> = (0..8).map(|n| contact(&format!("+49{n}"), None)).collect();
        let rules = |it: &mut CampaignSettings| it.hours = vec!["Mon-Sun 06:00-22:00".into()];
        let mut it = campaigns(settings(rules), &list);
        let mut facts: Vec<(Timestamp, CampaignFact)> = Vec::new();
        let mut dnc = DoNotCall::default();
        let mut secs = 0;
        let drain = |it: &mut Campaigns, secs: i64, facts: &mut Vec<(Timestamp, CampaignFact)>| {
            while let Some((_, fact)) = it.poll() {
                facts.push((at(secs), fact));
            }
        };
        drain(&mut it, 0, &mut facts);
        for step in steps {
            let now = at(secs);
            let holds = |it: &Campaigns, who: u8| it.known[&id()].held_by(&agent(&format!("a{who}")));
            match step {
                Step::Wait(more) => {
                    secs += more;
                    it.tick(at(secs));
                }
                Step::Next(who) => {
                    let who = agent(&format!("a{who}"));
                    if let Some(contact) = it.next(now, &id(), &who, &dnc).expect("active") {
                        let known = &it.known[&id()];
                        let entry = known.entry(contact).expect("listed");
                        let until_is_later = matches!(&entry.state, State::Held { until, agent, .. } if *until > now && *agent == who);
                        prop_assert!(until_is_later);
                    }
                }
                Step::Skip(who) => if let Some(contact) = holds(&it, who) {
                    let _ = it.skip(now, &id(), contact, &agent(&format!("a{who}")), String::new(), 60);
                },
                Step::Dial(who) => if let Some(contact) = holds(&it, who) {
                    let who = agent(&format!("a{who}"));
                    if let Ok(number) = it.number_to_dial(now, &id(), contact, &who, &dnc) {
                        prop_assert!(dnc.get(&number).is_none(), "a number on the list was dialled");
                        let entry = it.known[&id()].entry(contact).expect("listed").contact.clone();
                        prop_assert!(it.known[&id()].is_open(now, &entry), "at night");
                        it.dialled(now, &id(), contact, &who, None).expect("his");
                    }
                },
                Step::Say(who, outcome) => if let Some(contact) = holds(&it, who) {
                    it.outcome(now, &id(), contact, &agent(&format!("a{who}")), (outcome, None, None)).expect("his");
                },
                Step::Block(number) => dnc.apply(now, &[format!("+49{number}")], &[], &by(), "no"),
            }
            drain(&mut it, secs, &mut facts);
            let known = &it.known[&id()];
            let mut holders: Vec<&AgentId> = known.contacts.iter().filter_map(|entry| match &entry.state {
                State::Held { agent, .. } => Some(agent),
                _ => None,
            }).collect();
            let held = holders.len();
            holders.sort();
            holders.dedup();
            prop_assert_eq!(holders.len(), held, "an agent with two contacts");
            for entry in &known.contacts {
                prop_assert!(entry.dials <= 3, "dialled {} times", entry.dials);
                prop_assert!(entry.attempts.len() as u32 <= entry.dials);
            }
            let report = known.report(at(secs));
            prop_assert_eq!(report.due + report.later + report.held + report.done + report.blocked, 8);
            if let Some(deadline) = it.deadline() {
                prop_assert!(deadline <= at(secs) + Duration::from_secs(120), "a lease always ends");
            }
        }
        // A restart folds the journal: the same state.
        let mut again = Campaigns::default();
        for (when, fact) in &facts {
            again.apply(*when, &id(), fact);
        }
        prop_assert_eq!(again, it);
    }
}
