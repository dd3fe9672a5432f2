//! Shows every screen of the console with a made-up state, for looking at it and for pictures:
//! `cargo run -p supervisor-app --example supervisor_gallery -- floor --theme light --rows 500`.

use std::time::Duration;

use clap::{Parser, ValueEnum};
use shared::api::calls::{CallSummary, NonOfferRecord, OfferRecord};
use shared::api::queues::{ExpectedWait, ExpectedWaitReport, QueueReport};
use shared::api::reports::{AgentReport, DayReport, Percentiles};
use shared::id::{OfferId, RecordingId};
use shared::model::agent::NotReadyReason;
use shared::model::call::{OfferOutcome, Party, SupervisionMode};
use shared::model::decision::{Decision, NonOfferMoment, Trigger};
use shared::model::metric::QueueCounts;
use shared::model::recording::{Recording, RecordingState, Track, TrackFile};
use shared::model::transcript::{Segment, Transcript, TranscriptState};
use shared::model::user::{Role, User};
use shared_desktop::desk::{Link, Stage};
use shared_desktop::phone::Registration;
use shared_desktop::settings::Settings;
use shared_desktop::testing::{Builder, NOW, agent_id, call_id, non_offer, queue_id};
use shared_desktop::theme::{self, Mode};
use supervisor_app::action::Page;
use supervisor_app::event::Routed;
use supervisor_app::screen::{Chosen, Window};
use supervisor_app::state::{Found, Loaded, State};

#[derive(Parser)]
struct Arguments {
    /// Which screen
    screen: Screen,
    /// Dark or light
    #[arg(long, default_value = "dark")]
    theme: Theme,
    /// So many agents and waiting calls more
    #[arg(long, default_value_t = 0)]
    rows: usize,
    /// Size of the window
    #[arg(long, value_delimiter = ',', num_args = 1, default_values_t = [1280.0, 800.0])]
    size: Vec<f32>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Theme {
    Dark,
    Light,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Screen {
    SignIn,
    Empty,
    Floor,
    Whisper,
    Agent,
    Callbacks,
    Waiting,
    Recordings,
    Day,
    Settings,
}

fn main() -> eframe::Result {
    let arguments = Arguments::parse();
    let mut state = state(arguments.screen, arguments.rows);
    state.desk.settings.theme = match arguments.theme {
        Theme::Dark => Mode::Dark,
        Theme::Light => Mode::Light,
    };
    let size = [arguments.size[0], arguments.size[1]];
    let viewport = egui::ViewportBuilder::default().with_inner_size(size).with_position([0.0, 0.0]);
    let options = eframe::NativeOptions { viewport, ..eframe::NativeOptions::default() };
    eframe::run_native(
        "gallery",
        options,
        Box::new(move |context| {
            theme::install(&context.egui_ctx);
            theme::set_mode(&context.egui_ctx, state.desk.settings.theme);
            let mut window = Window::new(&state);
            match arguments.screen {
                Screen::Recordings => {
                    window.open(Page::Recordings);
                    window.choose_recording(RecordingId::from_u64(2));
                }
                Screen::Day => window.open(Page::Day),
                Screen::Settings => window.open(Page::Settings),
                Screen::Whisper => window.choose(Chosen::Call(call_id(7))),
                Screen::Waiting => window.choose(Chosen::Call(call_id(1))),
                Screen::Callbacks => window.choose(Chosen::Callback(call_id(32))),
                Screen::Agent => window.choose(Chosen::Agent(agent_id("chris"))),
                Screen::SignIn | Screen::Empty | Screen::Floor => {}
            }
            Ok(Box::new(Gallery { window, state }))
        }),
    )
}

struct Gallery {
    window: Window,
    state: State,
}

impl eframe::App for Gallery {
    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        // Nobody carries out what is clicked here.
        let _ = self.window.draw(ui, &mut self.state);
    }
}

fn state(screen: Screen, rows: usize) -> State {
    let settings =
        Settings { service: "http://10.0.0.2:8080".into(), user: "kim".into(), ..Settings::default() };
    let mut state = State::new(NOW, settings);
    if screen == Screen::SignIn {
        return state;
    }
    let user = User { id: "kim".parse().expect("a name"), name: "Kim Larsen".into(), role: Role::Supervisor };
    state.desk.stage = Stage::SignedIn(user);
    state.desk.link = Link::Connected;
    state.desk.phone.registration = Registration::Registered { since: NOW };
    let mut floor = Builder::new();
    if screen != Screen::Empty {
        people(&mut floor, screen);
        floor.crowd(rows);
    }
    state.desk.floor = floor.floor;
    state.decisions = Some((call_id(7), Loaded::Ready(Routed { offers: offers(), non_offers: Vec::new() })));
    if screen == Screen::Waiting {
        state.decisions =
            Some((call_id(1), Loaded::Ready(Routed { offers: Vec::new(), non_offers: non_offers() })));
        let expected = Some(ExpectedWait { p50_secs: 95, p90_secs: 240 });
        let report = ExpectedWaitReport { expected, foreseen: 61, within_p50: 33, within_p90: 55 };
        state.expected.insert(queue_id("sales"), report);
    }
    state.recordings = Loaded::Ready(recordings());
    state.transcript = Some((RecordingId::from_u64(2), Loaded::Ready(transcript())));
    state.day = Loaded::Ready(day(&state));
    state
}

fn people(floor: &mut Builder, screen: Screen) {
    for (id, name) in [
        ("anna", "Anna Berg"),
        ("ben", "Ben Okafor"),
        ("chris", "Chris Müller"),
        ("dora", "Dora Lindqvist-Abernathy"),
        ("kim", "Kim Larsen"),
    ] {
        floor.agent(id, name);
    }
    floor.not_ready("chris", NotReadyReason::MissedOffer { call: call_id(9) }, 75);
    floor.not_ready("kim", NotReadyReason::SignedIn, 4000);
    floor.talking(7, "Maria Rossi", "+390612345678", "sales", "anna", 754);
    floor.talking(8, "", "+441632960961", "support", "ben", 42);
    floor.wrap_up(5, "sales", "dora");
    floor.waiting(1, "Jean-Baptiste Grenouille", "+33140205050", "sales", 61);
    floor.waiting(2, "", "+441632960999", "sales", 12).waiting(3, "Zoë Q", "+4930123", "support", 4);
    if screen == Screen::Callbacks {
        floor.callback(31, "Maria-Magdalena von Hohenstein-Waldburg", "+4930222333", "sales", 1_520, 0);
        floor.callback(32, "Hugo Lind", "+4687654321", "sales", 620, 2);
        floor.callback(33, "", "+441632960123", "support", 61, 0);
        let called = floor.floor.callbacks.get_mut(&call_id(33)).expect("there");
        called.call = Some(call_id(8));
    }
    if screen == Screen::Whisper {
        floor.supervised(7, "kim", SupervisionMode::Whisper);
    }
    for (id, answered, late) in [("sales", 61, 12), ("support", 40, 3)] {
        let queue = floor.floor.queues.get_mut(&queue_id(id)).expect("there");
        queue.counts = QueueCounts {
            entered: answered + late + 6,
            answered_in_target: answered,
            answered_late: late,
            abandoned_late: 4,
            abandoned_short: 2,
            answered_wait_millis: answered * 11_000,
            max_wait_millis: 184_000,
            handled: answered,
            talk_millis: answered * 201_000,
            wrap_up_millis: answered * 21_000,
            ..QueueCounts::default()
        };
    }
}

fn non_offers() -> Vec<NonOfferRecord> {
    vec![
        non_offer(
            61,
            NonOfferMoment::Queued,
            "Offered to nobody when it came. Anna Berg: on another call; Chris Müller: not ready (Lunch); Dora \
             Lindqvist-Abernathy: on another call. It had waited 0:00, behind 1.",
        ),
        non_offer(
            0,
            NonOfferMoment::Asked,
            "Offered to nobody now. Anna Berg: on another call; Chris Müller: not ready (missed a call); Dora \
             Lindqvist-Abernathy: in wrap-up until 10:31:05. It had waited 1:01.",
        ),
    ]
}

fn offers() -> Vec<OfferRecord> {
    let offer = |number: u64, agent: &str, outcome, words: &str| OfferRecord {
        offer: OfferId::from_u64(number),
        at: NOW - Duration::from_secs(800),
        agent: agent_id(agent),
        decision: Decision {
            offer: OfferId::from_u64(number),
            call: call_id(7),
            queue: queue_id("sales"),
            trigger: Trigger::AgentFree,
            config_version: 1,
            waited_millis: 14_000,
            waits_since: None,
            priority_secs: 0,
            ahead: 0,
            needs: Vec::new(),
            candidates: Vec::new(),
            more_candidates: 0,
            more_excluded: 0,
            excluded: Vec::new(),
            chosen: agent_id(agent),
            relaxed: 0,
            rule: "longest idle".into(),
            tie: false,
        },
        words: words.into(),
        outcome: Some(outcome),
        rang_millis: Some(4_000),
    };
    vec![
        offer(
            1,
            "chris",
            OfferOutcome::Missed,
            "Chris had been idle longest, 3 min 10 s. Ben talked, Dora was in wrap-up.",
        ),
        offer(
            2,
            "anna",
            OfferOutcome::Answered,
            "Anna had been idle longest, 1 min 2 s. Chris had missed this call, Ben talked.",
        ),
    ]
}

fn recordings() -> Found {
    let mut found = Found { more: true, ..Found::default() };
    for number in 1..=30_u64 {
        let tracks = Track::ALL.map(|track| TrackFile {
            track,
            file: format!("{}.wav", track.as_str()),
            size_bytes: 1_204_332,
            duration_millis: 37_600,
            sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into(),
        });
        found.recordings.push(Recording {
            id: RecordingId::from_u64(number),
            call: call_id(number),
            started_at: NOW - Duration::from_secs(number * 311),
            state: match number {
                1 => RecordingState::Open,
                5 => RecordingState::Recovered,
                _ => RecordingState::Sealed,
            },
            duration_millis: if number == 1 { 0 } else { 37_600 + number * 9_000 },
            tracks: if number == 1 { Vec::new() } else { tracks.to_vec() },
            dropped_frames: 0,
        });
        found.calls.push(CallSummary {
            id: call_id(number),
            direction: shared::model::call::Direction::Inbound,
            from: Party {
                number: format!("+49301234{number:02}"),
                name: if number % 3 == 0 {
                    "Maria-Magdalena von Hohenstein-Waldburg".into()
                } else {
                    String::new()
                },
            },
            dialled: "100".into(),
            trunk: None,
            arrived_at: NOW,
            ended_at: None,
            cause: None,
            queues: Vec::new(),
            exit: None,
            wait_millis: 0,
            agents: vec![agent_id(if number % 2 == 0 { "anna" } else { "ben" })],
            talk_millis: 0,
            hold_millis: 0,
            recording: None,
        });
    }
    found
}

fn transcript() -> Transcript {
    let segment = |speaker, from_millis, text: &str| Segment {
        speaker,
        from_millis,
        to_millis: from_millis + 3_000,
        text: text.into(),
    };
    Transcript {
        recording: RecordingId::from_u64(2),
        call: call_id(2),
        state: TranscriptState::Done,
        model: Some("callfloor-test".into()),
        demonstration: true,
        segments: vec![
            segment(Track::Agent, 600, "Good morning, how can I help you?"),
            segment(Track::Customer, 4_100, "My invoice is wrong and I want to change my address."),
            segment(Track::Agent, 9_000, "One moment please, I look at your account."),
            segment(Track::Supervisor, 12_000, "Offer the yearly plan."),
        ],
    }
}

fn day(state: &State) -> DayReport {
    let queues: Vec<QueueReport> = state
        .desk
        .floor
        .queues
        .values()
        .map(|view| QueueReport {
            info: view.info.clone(),
            waiting: 1,
            longest_since: None,
            callbacks: 0,
            agents_signed_in: 4,
            agents_ready: 1,
            agents_talking: 2,
            counts: view.counts.clone(),
            figures: view.counts.figures(0),
        })
        .collect();
    let mut total = QueueCounts::default();
    for queue in &queues {
        total.add(&queue.counts);
    }
    let agents = state.desk.floor.agents.values().map(|agent| AgentReport {
        agent: agent.info.id.clone(),
        name: agent.info.name.clone(),
        counts: agent.counts.clone(),
        occupancy_percent: agent.counts.occupancy_percent(),
        aht_secs: agent.counts.aht_secs(),
    });
    let times = |p50_millis| Percentiles {
        count: 101,
        p50_millis,
        p90_millis: p50_millis * 3,
        p99_millis: p50_millis * 7,
        max_millis: p50_millis * 9,
    };
    DayReport {
        day: "2026-03-02".into(),
        seq: 100,
        figures: total.figures(0),
        total,
        queues,
        agents: agents.collect(),
        wait: times(9_000),
        talk: times(180_000),
        setup: times(41),
    }
}
