//! Clicks and keys, found by the names that a screen reader reads.

use agent_app::command::{Command, ContactCommand};
use agent_app::preview::Wanted;
use agent_app::screen::Window;
use agent_app::state::State;
use egui::{Key, Modifiers, Vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use shared::api::agents::{EndWrapUp, WantedStatus};
use shared::model::agent::NotReadyReason;
use shared::model::call::SupervisionMode;
use shared::model::campaign::Outcome;
use shared::model::event::TransferTarget;
use shared::model::rules::{WrapUpMode, WrapUpRules};
use shared_desktop::phone::Phase;
use shared_desktop::settings::Settings;
use shared_desktop::testing::{NOW, agent_id, call_id, prepare, queue_id};
use shared_desktop::theme::Mode;

use crate::contact::{answer, campaign_id, campaigns, held};
use crate::desk::{call, desk, floor, ringing, talking};

struct Shown {
    window: Window,
    state: State,
    commands: Vec<Command>,
}

fn show(state: State) -> Harness<'static, Shown> {
    let shown = Shown { window: Window::new(&state), state, commands: Vec::new() };
    let mut harness = Harness::builder()
        .with_size(Vec2::new(920.0, 660.0))
        .with_accessibility_check(true)
        .with_context_setup(|ctx| prepare(ctx, Mode::Dark))
        .build_ui_state(
            |ui, shown: &mut Shown| {
                let commands = shown.window.draw(ui, &mut shown.state);
                shown.commands.extend(commands);
            },
            shown,
        );
    harness.run();
    harness
}

fn click(harness: &mut Harness<'static, Shown>, label: &str) -> Vec<Command> {
    harness.get_by_label(label).click();
    harness.run();
    std::mem::take(&mut harness.state_mut().commands)
}

fn press(harness: &mut Harness<'static, Shown>, modifiers: Modifiers, key: Key) -> Vec<Command> {
    harness.key_press_modifiers(modifiers, key);
    harness.run();
    std::mem::take(&mut harness.state_mut().commands)
}

const CONTROL_SHIFT: Modifiers = Modifiers::COMMAND.plus(Modifiers::SHIFT);

#[test]
fn a_ringing_call_is_answered_by_click_and_by_key() {
    let mut harness = show(desk(ringing(), Some(call(Phase::Ringing))));
    harness.get_by_label("Maria Rossi");
    harness.get_by_label("Rings for 10 s more, then it goes to somebody else");
    assert_eq!(click(&mut harness, "Answer"), [Command::Answer]);
    assert_eq!(press(&mut harness, Modifiers::COMMAND, Key::Enter), [Command::Answer]);
    assert_eq!(click(&mut harness, "Reject"), [Command::Reject]);
}

#[test]
fn a_call_on_another_phone_has_a_disabled_answer_with_the_reason() {
    let harness = show(desk(ringing(), None));
    assert!(harness.get_by_label("Answer").accesskit_node().is_disabled());
    harness.get_by_label("It rings on your other phone");
}

#[test]
fn the_call_is_controlled_without_a_mouse() {
    let mut harness = show(desk(talking(), Some(call(Phase::Talking))));
    assert_eq!(press(&mut harness, Modifiers::COMMAND, Key::H), [Command::Hold(Some(call_id(7)))]);
    assert_eq!(press(&mut harness, Modifiers::COMMAND, Key::M), [Command::Mute(true)]);
    assert_eq!(press(&mut harness, CONTROL_SHIFT, Key::H), [Command::HangUp(None)]);
    assert_eq!(press(&mut harness, Modifiers::COMMAND, Key::Enter), [], "nothing rings");
}

#[test]
fn a_transfer_names_queues_and_colleagues() {
    let mut harness = show(desk(talking(), Some(call(Phase::Talking))));
    assert_eq!(press(&mut harness, Modifiers::COMMAND, Key::T), []);
    let to_ben = TransferTarget::Agent { agent: agent_id("ben") };
    assert_eq!(click(&mut harness, "Ben Okafor"), [Command::Transfer { call: call_id(7), target: to_ben }]);
    assert!(harness.query_by_label("Transfer to").is_none(), "closed");
    assert_eq!(press(&mut harness, Modifiers::COMMAND, Key::T), []);
    let target = TransferTarget::Queue { queue: queue_id("support") };
    assert_eq!(click(&mut harness, "Support"), [Command::Transfer { call: call_id(7), target }]);
}

#[test]
fn a_number_is_typed_as_people_write_it_and_called_in_the_name_of_a_queue() {
    let mut harness = show(desk(floor(), None));
    assert!(harness.get_by_label("Call").accesskit_node().is_disabled(), "no number");
    assert_eq!(press(&mut harness, Modifiers::COMMAND, Key::N), []);
    harness.get_by_label("Number").type_text("+49 (30) 555-0123");
    harness.run();
    let (number, queue) = ("+49305550123".to_owned(), Some(queue_id("sales")));
    assert_eq!(click(&mut harness, "Call"), [Command::Dial { number: number.clone(), queue }]);
    assert!(harness.get_by_label("Call").accesskit_node().is_disabled(), "the field is empty again");
    // In one's own name, by the keyboard.
    assert_eq!(click(&mut harness, "In the name of"), []);
    assert_eq!(click(&mut harness, "Myself"), []);
    assert_eq!(press(&mut harness, Modifiers::COMMAND, Key::N), []);
    harness.get_by_label("Number").type_text("+49305550123");
    harness.run();
    assert_eq!(press(&mut harness, Modifiers::NONE, Key::Enter), [Command::Dial { number, queue: None }]);
}

#[test]
fn a_contact_is_looked_at_called_and_its_outcome_told() {
    let mut state = desk(floor(), None);
    state.apply(&campaigns());
    let mut harness = show(state);
    let spring = campaign_id("spring");
    let next = Command::Contact(ContactCommand::Next(spring.clone()));
    assert_eq!(click(&mut harness, "Next contact"), [next]);
    assert!(harness.get_by_label("Next contact").accesskit_node().is_disabled(), "asked already");
    harness.state_mut().state.apply(&answer(Wanted::Next, None));
    harness.run();
    harness.get_by_label("nobody is to be called now");
    harness.state_mut().state.apply(&answer(Wanted::Next, Some(held(false))));
    harness.run();
    for shown in ["Olga Svensson", "plan", "Gold", "Yours for 5:00", "Before: busy, call after four"] {
        harness.get_by_label(shown);
    }
    let skip = ContactCommand::Skip { campaign: spring.clone(), contact: 4 };
    assert_eq!(click(&mut harness, "Skip"), [Command::Contact(skip)]);
    harness.state_mut().state.apply(&answer(Wanted::Next, Some(held(false))));
    harness.run();
    let dial = ContactCommand::Call { campaign: spring.clone(), contact: 4 };
    assert_eq!(click(&mut harness, "Call +46855501"), [Command::Contact(dial)]);
    harness.state_mut().state.apply(&answer(Wanted::Call, Some(held(true))));
    harness.run();
    harness.get_by_label("Note").focus();
    harness.run();
    harness.get_by_label("Note").type_text("wants an offer");
    harness.run();
    let note = Some("wants an offer".to_owned());
    let told = ContactCommand::Outcome { campaign: spring, contact: 4, outcome: Outcome::Reached, note };
    assert_eq!(click(&mut harness, "Reached"), [Command::Contact(told)]);
    harness.state_mut().state.apply(&answer(Wanted::End, None));
    harness.run();
    harness.get_by_label("People to call");
    assert!(harness.query_by_label("nobody is to be called now").is_none(), "that was not asked");
}

#[test]
fn the_keypad_sends_digits() {
    let mut harness = show(desk(talking(), Some(call(Phase::Talking))));
    assert_eq!(click(&mut harness, "Keypad"), []);
    assert_eq!(click(&mut harness, "Key 5"), [Command::Key('5')]);
    assert_eq!(click(&mut harness, "Key Hash"), [Command::Key('#')]);
    harness.get_by_label("5#");
}

#[test]
fn wrap_up_takes_one_key_and_the_note() {
    let mut wraps = floor();
    wraps.wrap_up(7, "sales", "anna");
    let mut harness = show(desk(wraps, None));
    let end = |code: &str, note: Option<&str>| {
        let code = Some(code.parse().expect("a name"));
        [Command::EndWrapUp(EndWrapUp { code, note: note.map(str::to_owned) })]
    };
    assert_eq!(press(&mut harness, Modifiers::NONE, Key::Num2), end("call-back", None));
    harness.get_by_label("Note").focus();
    harness.run();
    harness.get_by_label("Note").type_text("wants 3 licences");
    harness.run();
    assert_eq!(press(&mut harness, Modifiers::NONE, Key::Num2), [], "digits belong to the note now");
    assert_eq!(click(&mut harness, "1  Sold"), end("sold", Some("wants 3 licences")));
}

#[test]
fn wrap_up_offers_what_the_queue_allows() {
    let screen = |rules: WrapUpRules| {
        let mut wraps = floor();
        wraps.wrap_up(7, "sales", "anna");
        wraps.floor.queues.get_mut(&queue_id("sales")).expect("there").info.wrap_up = rules;
        show(desk(wraps, None))
    };
    let mut harness = screen(WrapUpRules { extend_secs: 90, extensions: 2, ..WrapUpRules::default() });
    assert_eq!(click(&mut harness, "1 min 30 s more"), [Command::ExtendWrapUp]);
    let none = EndWrapUp { code: None, note: None };
    assert_eq!(click(&mut harness, "Finish without a code"), [Command::EndWrapUp(none)]);
    for rules in [
        WrapUpRules { code_required: true, ..WrapUpRules::default() },
        WrapUpRules { mode: WrapUpMode::NoEarlyExit, ..WrapUpRules::default() },
    ] {
        let harness = screen(rules);
        assert!(harness.query_by_label("Finish without a code").is_none());
        assert!(harness.query_by_label("1 min more").is_none());
    }
}

#[test]
fn a_missed_call_is_told_and_one_click_is_ready() {
    let mut missed = floor();
    missed.not_ready("anna", NotReadyReason::MissedOffer { call: call_id(9) }, 12);
    let mut harness = show(desk(missed, None));
    harness.get_by_label("You missed a call");
    harness.get_all_by_label("Ready").next().expect("a button").click();
    harness.run();
    assert_eq!(harness.state().commands, [Command::SetStatus(WantedStatus::Ready)]);
}

#[test]
fn who_is_ready_without_a_phone_is_told() {
    let mut lost = floor();
    lost.floor.agents.get_mut(&agent_id("anna")).expect("there").device = shared::model::agent::Device::None;
    let harness = show(desk(lost, None));
    assert!(harness.query_by_label_contains("the service does not see your phone").is_some());
}

#[test]
fn a_break_reason_is_asked_for() {
    let mut harness = show(desk(floor(), None));
    let lunch = WantedStatus::NotReady { reason: Some("lunch".parse().expect("a name")) };
    assert_eq!(click(&mut harness, "Lunch"), [Command::SetStatus(lunch)]);
}

#[test]
fn the_agent_sees_who_takes_part() {
    let mut whispered = talking();
    whispered.supervised(7, "kim", SupervisionMode::Whisper);
    let harness = show(desk(whispered, Some(call(Phase::Talking))));
    harness.get_by_label("Kim Larsen speaks to you only");
}

#[test]
fn the_palette_finds_and_does() {
    let mut harness = show(desk(talking(), Some(call(Phase::Talking))));
    assert_eq!(press(&mut harness, Modifiers::COMMAND, Key::K), []);
    harness.get_by_label("What do you want to do?").type_text("mu");
    harness.run();
    assert_eq!(press(&mut harness, Modifiers::NONE, Key::Enter), [Command::Mute(true)]);
}

#[test]
fn signing_in_gives_what_was_typed_and_keeps_all_but_the_password() {
    let mut harness = show(State::new(NOW, Settings { service: "http://a:1".into(), ..Settings::default() }));
    assert!(harness.get_by_label("Sign in").accesskit_node().is_disabled(), "a name is missing");
    for (field, text) in [("Name", "anna"), ("Password", "secret")] {
        harness.get_by_label(field).focus();
        harness.run();
        harness.get_by_label(field).type_text(text);
        harness.run();
    }
    let commands = click(&mut harness, "Sign in");
    let [Command::Save(kept), Command::SignIn(credentials)] = commands.as_slice() else {
        panic!("{commands:?}");
    };
    assert_eq!((kept.user.as_str(), credentials.password.as_str()), ("anna", "secret"));
    assert!(!format!("{kept:?} {credentials:?}").contains("secret"));
}

#[test]
fn a_theme_is_chosen_and_kept() {
    let mut harness = show(desk(floor(), None));
    assert_eq!(press(&mut harness, Modifiers::COMMAND, Key::Comma), []);
    let commands = click(&mut harness, "Light");
    assert!(matches!(commands.as_slice(), [Command::Save(kept)] if kept.theme == Mode::Light));
    assert_eq!(harness.state().state.desk.settings.theme, Mode::Light);
}
