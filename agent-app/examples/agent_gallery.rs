//! Shows every screen of the agent's desk with a made-up state, for looking at it and for pictures:
//! `cargo run -p agent-app --example agent_gallery -- call --theme light`.

use std::collections::BTreeMap;
use std::time::Duration;

use agent_app::preview::Held;
use agent_app::screen::Window;
use agent_app::state::State;
use clap::{Parser, ValueEnum};
use shared::api::campaigns::HeldContact;
use shared::api::error::{ApiError, ErrorCode};
use shared::audio::codec::Codec;
use shared::model::agent::NotReadyReason;
use shared::model::call::{Party, SupervisionMode};
use shared::model::campaign::{Attempt, CampaignSettings, Contact, ContactOrder, Outcome};
use shared::model::user::{Role, User};
use shared_desktop::desk::{Link, Stage};
use shared_desktop::phone::{
    CallAbout, CallState, DeviceInfo, Devices, Direction, Levels, Phase, PhoneCallId, Quality, Registration,
};
use shared_desktop::settings::Settings;
use shared_desktop::testing::{Builder, NOW, call_id, queue_id};
use shared_desktop::theme::{self, Mode};

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
    #[arg(long, value_delimiter = ',', num_args = 1, default_values_t = [920.0, 660.0])]
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
    Refused,
    Ready,
    Contact,
    Outcome,
    Missed,
    Incoming,
    Call,
    Hold,
    Lost,
    WrapUp,
    Settings,
    Transfer,
    Palette,
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
            Ok(Box::new(Gallery { window: Window::new(&state), state, screen: arguments.screen, frame: 0 }))
        }),
    )
}

struct Gallery {
    window: Window,
    state: State,
    screen: Screen,
    frame: u32,
}

impl eframe::App for Gallery {
    fn raw_input_hook(&mut self, _ctx: &egui::Context, input: &mut egui::RawInput) {
        let key = match self.screen {
            Screen::Settings => egui::Key::Comma,
            Screen::Transfer => egui::Key::T,
            Screen::Palette => egui::Key::K,
            _ => return,
        };
        if self.frame == 3 {
            input.events.push(egui::Event::Key {
                key,
                physical_key: None,
                pressed: true,
                repeat: false,
                modifiers: egui::Modifiers::COMMAND,
            });
        }
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        // Nobody carries out what is clicked here.
        let _ = self.window.draw(ui, &mut self.state);
        self.frame += 1;
        if self.frame < 10 {
            ui.ctx().request_repaint();
        }
    }
}

fn state(screen: Screen, rows: usize) -> State {
    let settings =
        Settings { service: "http://10.0.0.2:8080".into(), user: "anna".into(), ..Settings::default() };
    let mut state = State::new(NOW, settings);
    if screen == Screen::SignIn {
        return state;
    }
    if screen == Screen::Refused {
        state.desk.stage = Stage::Refused(ApiError::new(
            ErrorCode::Unauthorized,
            "You are not signed in",
            "the name or the password is wrong",
            "Check both, or ask your supervisor for a new password.",
        ));
        return state;
    }
    state.desk.stage = Stage::SignedIn(User {
        id: "anna".parse().expect("a name"),
        name: "Anna Berg".into(),
        role: Role::Agent,
    });
    state.desk.link = Link::Connected;
    state.desk.phone.registration = Registration::Registered { since: NOW };
    state.desk.phone.devices = Devices {
        inputs: vec![DeviceInfo { id: "a".into(), name: "Headset microphone".into() }],
        outputs: vec![DeviceInfo {
            id: "b".into(),
            name: "Headset, a very long name of a USB device, analog stereo".into(),
        }],
        input: Some("Headset microphone".into()),
        output: Some("Headset".into()),
        ..Devices::default()
    };
    state.preview.campaigns = vec![campaign("spring", "Spring renewals"), campaign("old", "Old customers")];
    state.preview.nobody = Some("old".parse().expect("a name"));
    let mut floor = Builder::new();
    floor
        .agent("anna", "Anna Berg")
        .agent("ben", "Ben Okafor")
        .agent("chris", "Chris Müller")
        .agent("kim", "Kim Larsen");
    floor.not_ready("chris", NotReadyReason::Break { code: "lunch".parse().expect("a name") }, 700);
    floor.waiting(1, "Maria Rossi", "+390612345678", "sales", 41).waiting(
        2,
        "",
        "+441632960961",
        "sales",
        12,
    );
    floor.crowd(rows);
    match screen {
        Screen::Missed => {
            floor.not_ready("anna", NotReadyReason::MissedOffer { call: call_id(9) }, 12);
        }
        Screen::Incoming => {
            floor.offered(7, "Maria Rossi", "+390612345678", "sales", "anna");
            state.desk.phone.call = Some(call(Phase::Ringing));
        }
        Screen::Call | Screen::Hold | Screen::Lost | Screen::Transfer | Screen::Palette => {
            floor.talking(7, "Maria Rossi", "+390612345678", "sales", "anna", 754);
            let mut call = call(Phase::Talking);
            if screen == Screen::Hold {
                call.phase = Phase::Held;
                call.muted = true;
                floor.supervised(7, "kim", SupervisionMode::Whisper);
            }
            state.desk.phone.call = Some(call);
            state.desk.levels = Some(Levels { mic_dbov: -22.0, speaker_dbov: -38.0 });
        }
        Screen::WrapUp => {
            floor.wrap_up(7, "sales", "anna");
        }
        Screen::Contact => state.preview.held = Some(contact(false)),
        Screen::Outcome => {
            floor.wrap_up(7, "sales", "anna");
            state.preview.held = Some(contact(true));
        }
        Screen::SignIn | Screen::Refused | Screen::Ready | Screen::Settings => {}
    }
    state.desk.floor = floor.floor;
    if screen == Screen::Lost {
        let since = NOW - Duration::from_secs(17);
        state.desk.link = Link::Lost { since, reason: "connection refused".into() };
        state.desk.notices.warn(
            NOW,
            "Transfer is not possible now",
            "The service cannot be reached now. Wait until it answers again.",
        );
    }
    state
}

fn call(phase: Phase) -> CallState {
    CallState {
        id: PhoneCallId(1),
        direction: Direction::Incoming,
        peer: Party { number: "+390612345678".into(), name: "Maria Rossi".into() },
        about: CallAbout {
            call: Some(call_id(7)),
            queue: Some(queue_id("sales")),
            queue_name: Some("Sales".into()),
            wait_secs: Some(24),
            ..CallAbout::default()
        },
        phase,
        since: NOW - Duration::from_secs(10),
        began_at: NOW - Duration::from_secs(10),
        answered_at: (phase != Phase::Ringing).then(|| NOW - Duration::from_secs(754)),
        muted: false,
        codec: Some(Codec::Opus),
        quality: Some(Quality {
            loss_percent: 0.2,
            jitter_millis: 3.0,
            round_trip_millis: Some(24.0),
            mos: 4.3,
        }),
    }
}

fn campaign(id: &str, name: &str) -> CampaignSettings {
    CampaignSettings {
        id: id.parse().expect("a name"),
        name: name.into(),
        queue: queue_id("sales"),
        active: true,
        max_attempts: 5,
        retries: BTreeMap::new(),
        hours: Vec::new(),
        time_zone: "UTC".into(),
        lease_secs: 300,
        order: ContactOrder::Listed,
    }
}

fn contact(dialled: bool) -> Held {
    let columns = [("plan", "Gold, 24 months"), ("renewal", "2026-04-01"), ("since", "2019")];
    let attempt = Attempt {
        at: NOW - Duration::from_secs(86_400),
        agent: "ben".parse().expect("a name"),
        outcome: Outcome::Busy,
        code: None,
        note: Some("asked for a call after four".into()),
        call: None,
    };
    Held {
        campaign: "spring".parse().expect("a name"),
        contact: HeldContact {
            number: 4,
            contact: Contact {
                number: "+46855501230".into(),
                name: "Olga Svensson-Abernathy".into(),
                time_zone: None,
                columns: columns.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            },
            until: NOW + Duration::from_secs(252),
            dialled,
            call: None,
            dials: 1,
            attempts: vec![attempt],
        },
    }
}
