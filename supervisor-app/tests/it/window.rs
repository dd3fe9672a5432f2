//! Clicks and keys, found by the names that a screen reader reads.

use std::collections::BTreeMap;
use std::time::Duration;

use egui::{Key, Modifiers, Vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use shared::api::agents::WantedStatus;
use shared::api::queues::{ExpectedWait, ExpectedWaitReport};
use shared::id::{LegId, QueueId, RecordingId};
use shared::model::agent::Status;
use shared::model::call::SupervisionMode;
use shared::model::decision::NonOfferMoment;
use shared::model::recording::{Recording, RecordingState, Track};
use shared::model::sound::{CallSound, LegSound, Side, Unheard};
use shared::model::transcript::{Segment, Transcript, TranscriptState};
use shared_desktop::desk::{DeskEvent, LiveEvent};
use shared_desktop::testing::{NOW, agent_id, call_id, non_offer, prepare, queue_id};
use shared_desktop::theme::Mode;
use supervisor_app::action::Page;
use supervisor_app::command::Command;
use supervisor_app::event::{Event, RecordingPage, Routed};
use supervisor_app::screen::{Chosen, Window};
use supervisor_app::state::State;

use crate::console::{console, floor};

struct Shown {
    window: Window,
    state: State,
    commands: Vec<Command>,
}

fn show(state: State, prepare_window: impl FnOnce(&mut Window)) -> Harness<'static, Shown> {
    let mut window = Window::new(&state);
    prepare_window(&mut window);
    let mut harness = Harness::builder()
        .with_size(Vec2::new(1280.0, 800.0))
        .with_accessibility_check(true)
        .with_context_setup(|ctx| prepare(ctx, Mode::Light))
        .build_ui_state(
            |ui, shown: &mut Shown| {
                let commands = shown.window.draw(ui, &mut shown.state);
                shown.commands.extend(commands);
            },
            Shown { window, state, commands: Vec::new() },
        );
    harness.run();
    // Asked for by itself wherever the floor is shown; has a test of its own.
    harness.state_mut().commands.retain(|command| !matches!(command, Command::LoadExpectedWaits(_)));
    harness
}

fn taken(harness: &mut Harness<'static, Shown>) -> Vec<Command> {
    harness.run();
    std::mem::take(&mut harness.state_mut().commands)
}

fn click(harness: &mut Harness<'static, Shown>, label: &str) -> Vec<Command> {
    harness.get_by_label(label).click();
    taken(harness)
}

const CONTROL_SHIFT: Modifiers = Modifiers::COMMAND.plus(Modifiers::SHIFT);

#[test]
fn a_call_is_chosen_and_coached_in_four_ways() {
    let mut harness = show(console(floor()), |_| {});
    assert_eq!(harness.state().commands, []);
    let commands = click(&mut harness, "Call of Maria Rossi with Anna Berg");
    assert_eq!(commands, [Command::Watch(Some(call_id(7))), Command::LoadDecisions(call_id(7))]);
    for (label, mode) in [
        ("Listen", SupervisionMode::Monitor),
        ("Whisper", SupervisionMode::Whisper),
        ("Barge", SupervisionMode::Barge),
        ("Take over", SupervisionMode::TakeOver),
    ] {
        assert_eq!(click(&mut harness, label), [Command::Supervise { call: call_id(7), mode }], "{label}");
    }
    harness.key_press_modifiers(Modifiers::COMMAND, Key::L);
    let listen = Command::Supervise { call: call_id(7), mode: SupervisionMode::Monitor };
    assert_eq!(taken(&mut harness), [listen]);
}

#[test]
fn a_waiting_call_has_disabled_buttons_with_the_reason() {
    let harness = show(console(floor()), |window| window.choose(Chosen::Call(call_id(1))));
    for label in ["Listen", "Whisper", "Barge", "Take over"] {
        assert!(harness.get_by_label(label).accesskit_node().is_disabled(), "{label}");
    }
    harness.get_by_label("No agent is in the call yet");
}

#[test]
fn the_own_part_is_shown_and_left_by_click_and_by_key() {
    let mut floor = floor();
    floor.supervised(7, "kim", SupervisionMode::Whisper);
    let mut harness = show(console(floor), |_| {});
    harness.get_by_label("Maria Rossi with Anna Berg");
    assert_eq!(click(&mut harness, "Leave"), [Command::EndSupervision(call_id(7))]);
    harness.key_press_modifiers(CONTROL_SHIFT, Key::L);
    assert_eq!(taken(&mut harness), [Command::EndSupervision(call_id(7))]);
}

#[test]
fn a_supervisor_changes_an_agents_status() {
    let mut harness = show(console(floor()), |_| {});
    assert_eq!(click(&mut harness, "Ben Okafor, Ready"), []);
    let wanted = WantedStatus::NotReady { reason: Some("lunch".parse().expect("a name")) };
    let set = Command::SetAgentStatus { agent: agent_id("ben"), wanted };
    assert_eq!(click(&mut harness, "Lunch"), [set]);
}

#[test]
fn an_agent_who_is_away_cannot_be_made_ready() {
    let mut floor = floor();
    floor.status("ben", Status::Offline, 60);
    let harness = show(console(floor), |window| window.choose(Chosen::Agent(agent_id("ben"))));
    assert!(harness.get_by_label("Lunch").accesskit_node().is_disabled());
}

#[test]
fn a_queue_filters_what_is_shown() {
    let mut harness = show(console(floor()), |_| {});
    harness.get_by_label("Call of Maria Rossi with Anna Berg");
    click(&mut harness, "Queue Support");
    assert!(harness.query_by_label("Call of Maria Rossi with Anna Berg").is_none());
    click(&mut harness, "Show all");
    harness.get_by_label("Call of Maria Rossi with Anna Berg");
}

#[test]
fn recordings_are_asked_for_once_found_heard_and_read() {
    let mut harness = show(console(floor()), |window| window.open(Page::Recordings));
    let all = Command::LoadRecordings { words: String::new(), before: None };
    assert_eq!(taken(&mut harness), [all], "one question, however many frames");
    let id = RecordingId::from_u64(5);
    let recording = Recording {
        id,
        call: call_id(5),
        started_at: NOW,
        state: RecordingState::Sealed,
        duration_millis: 37_000,
        tracks: Vec::new(),
        dropped_frames: 0,
    };
    let page = RecordingPage { recordings: vec![recording], calls: Vec::new(), more: false };
    let answer = Event::Recordings { words: String::new(), before: None, page: Ok(page) };
    harness.state_mut().state.apply(&answer);
    harness.run();
    let commands = click(&mut harness, "Recording of Call further back, 09:30:00");
    assert_eq!(commands, [Command::LoadTranscript(id)]);
    let transcript = Transcript {
        recording: id,
        call: call_id(5),
        state: TranscriptState::Done,
        model: Some("callfloor-test".into()),
        demonstration: true,
        segments: vec![Segment {
            speaker: Track::Customer,
            from_millis: 900,
            to_millis: 2_000,
            text: "my invoice is wrong".into(),
        }],
    };
    harness.state_mut().state.apply(&Event::Transcript(id, Box::new(Ok(transcript))));
    harness.run();
    harness.get_by_label("my invoice is wrong");
    assert!(harness.query_by_label_contains("demonstration model").is_some());
    let tracks = vec![Track::Customer, Track::Agent];
    assert_eq!(click(&mut harness, "Both"), [Command::Play { recording: id, tracks }]);
    assert!(harness.get_by_label("Stop").accesskit_node().is_disabled(), "nothing plays");
}

#[test]
fn words_are_searched_by_the_enter_key() {
    let mut harness = show(console(floor()), |window| window.open(Page::Recordings));
    taken(&mut harness);
    harness.get_by_label("Words that were said").focus();
    harness.run();
    harness.get_by_label("Words that were said").type_text("invoice");
    harness.run();
    harness.key_press(Key::Enter);
    let search = Command::LoadRecordings { words: "invoice".into(), before: None };
    assert_eq!(taken(&mut harness), [search]);
}

#[test]
fn the_day_is_asked_for_when_it_is_opened() {
    let mut harness = show(console(floor()), |_| {});
    assert_eq!(click(&mut harness, "Day"), [Command::LoadDay]);
}

#[test]
fn five_hundred_agents_are_as_quick_as_five() {
    let mut crowd = floor();
    crowd.crowd(500);
    let mut harness = show(console(crowd), |_| {});
    assert_eq!(taken(&mut harness), []);
    // Only the visible rows are laid out.
    let rows = harness.query_all_by_label_contains(", Lunch").count();
    assert!(rows < 20, "{rows}");
}

#[test]
fn who_speaks_and_what_spoils_it_is_shown() {
    let mut floor = floor();
    let unheard =
        Unheard { leg: LegId::from_u64(1), side: Side::Customer, since: NOW - Duration::from_secs(12) };
    floor.floor.calls.get_mut(&call_id(7)).expect("the call").unheard.push(unheard);
    let mut state = console(floor);
    let leg = |side, talking| LegSound {
        leg: LegId::from_u64(1),
        side,
        talking: Some(talking),
        level_dbfs: Some(-20.0),
        clipping: false,
        unheard_since: None,
        mos_from: Some(3.1),
        mos_to: Some(4.4),
        loss_percent: 4.0,
        concealed_percent: 4.2,
        delay_millis: 60.0,
        loss_to_percent: None,
        jitter_millis: 3.0,
        round_trip_millis: Some(40.0),
        cause: talking.then(|| "agent's side: 4 % loss from 10:32:10".into()),
    };
    let legs = vec![leg(Side::Customer, false), leg(Side::Agent, true)];
    let sound = CallSound { call: call_id(7), legs };
    state.apply(&Event::Desk(DeskEvent::Live(LiveEvent::Sound(Box::new(sound)))));
    let harness = show(state, |window| window.choose(Chosen::Call(call_id(7))));
    harness.get_by_label("Nothing has arrived from the customer for 0:12");
    harness.get_by_label("Agent speaks");
    harness.get_by_label("Agent's side: 4 % loss from 10:32:10");
    let quality = "Sends 3.1, hears 4.4 MOS  ·  4 % loss  ·  3 ms jitter  ·  40 ms round trip";
    assert_eq!(harness.get_all_by_label(quality).count(), 2);
}

#[test]
fn a_callback_is_shown_while_it_waits_and_taken_back() {
    let mut floor = floor();
    floor.callback(31, "Hugo Lind", "+4687654321", "sales", 620, 0);
    floor.callback(32, "", "+4930111222", "support", 900, 2);
    let mut harness = show(console(floor), |_| {});
    harness.get_by_label("Callbacks  2");
    harness.get_by_label("Again in 4:10");
    assert_eq!(harness.get_all_by_label("1 waits for a callback").count(), 2, "one a queue");
    assert_eq!(click(&mut harness, "Callback to Hugo Lind in Sales"), []);
    harness.get_by_label("Asked for by the caller 10:20 ago");
    harness.get_by_label("Not called yet");
    let reason = "taken back in the console".to_owned();
    let cancel = Command::CancelCallback { queue: queue_id("sales"), callback: call_id(31), reason };
    assert_eq!(click(&mut harness, "Cancel callback"), [cancel]);
    assert_eq!(click(&mut harness, "Callback to +4930111222 in Support"), []);
    harness.get_by_label("Called 2 times, not reached");
    // Without any there is no empty table: most queues have none.
    let harness = show(console(self::floor()), |_| {});
    assert!(harness.query_by_label_contains("Callbacks").is_none());
}

#[test]
fn a_waiting_call_tells_why_nobody_has_it_and_goes_on_telling() {
    let mut harness = show(console(floor()), |window| window.choose(Chosen::Call(call_id(1))));
    let why = Command::LoadDecisions(call_id(1));
    assert_eq!(taken(&mut harness), [Command::Watch(Some(call_id(1))), why.clone()]);
    let non_offers = vec![
        non_offer(60, NonOfferMoment::Queued, "Anna Berg was on another call"),
        non_offer(0, NonOfferMoment::Asked, "Anna Berg is on another call"),
    ];
    let routed = Routed { offers: Vec::new(), non_offers };
    harness.state_mut().state.apply(&Event::Decisions(call_id(1), Ok(routed)));
    harness.run();
    harness.get_by_label("Why it waits");
    let (now, before) = (
        harness.get_by_label("Anna Berg is on another call"),
        harness.get_by_label("Anna Berg was on another call"),
    );
    assert!(now.rect().top() < before.rect().top(), "the newest first");
    // Reasons change while it waits.
    let later = NOW + Duration::from_secs(6);
    harness.state_mut().state.apply(&Event::Desk(DeskEvent::Tick(later)));
    let asked = taken(&mut harness);
    assert!(asked.contains(&why), "{asked:?}");
}

#[test]
fn expected_waits_are_asked_for_where_calls_wait_and_shown_with_how_often_they_held() {
    let mut harness = show(console(floor()), |window| window.open(Page::Day));
    taken(&mut harness);
    let waits: Vec<QueueId> = vec![queue_id("sales"), queue_id("support")];
    let ask = Command::LoadExpectedWaits(waits);
    assert_eq!(click(&mut harness, "Floor"), std::slice::from_ref(&ask));
    assert_eq!(taken(&mut harness), [], "one question at a time");
    let answer = |harness: &mut Harness<'static, Shown>, report| {
        let reports = BTreeMap::from([(queue_id("sales"), report)]);
        harness.state_mut().state.apply(&Event::ExpectedWaits(reports));
        harness.run();
    };
    answer(&mut harness, ExpectedWaitReport::default());
    assert!(harness.query_by_label_contains("Expected wait").is_none(), "too little is known");
    let expected = Some(ExpectedWait { p50_secs: 40, p90_secs: 95 });
    answer(&mut harness, ExpectedWaitReport { expected, ..ExpectedWaitReport::default() });
    harness.get_by_label("Expected wait 0:40–1:35");
    answer(&mut harness, ExpectedWaitReport { expected, foreseen: 20, within_p50: 11, within_p90: 18 });
    harness.get_by_label("Expected wait 0:40–1:35, 90 % held");
    assert_eq!(taken(&mut harness), [], "not yet again");
    let later = NOW + Duration::from_secs(10);
    harness.state_mut().state.apply(&Event::Desk(DeskEvent::Tick(later)));
    assert_eq!(taken(&mut harness), [ask]);
}
