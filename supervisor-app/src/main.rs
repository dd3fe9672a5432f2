//! Reads arguments, starts the backend, opens the window.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use shared_desktop::driver::{Audio, Credentials, utc_offset_secs};
use shared_desktop::settings::{self, Settings};
use shared_desktop::theme::Mode;
use supervisor_app::app::App;
use supervisor_app::backend::{Backend, BackendConfig};
use supervisor_app::state::State;

/// The supervisor's console of Callfloor.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Address of the service, such as http://10.0.0.2:8080
    #[arg(long, env = "CALLFLOOR_SERVICE")]
    service: Option<String>,
    /// Sign-in name
    #[arg(long, env = "CALLFLOOR_USER")]
    user: Option<String>,
    /// File whose first line is the password; signs in at once
    #[arg(long, value_name = "FILE", env = "CALLFLOOR_PASSWORD_FILE")]
    password_file: Option<PathBuf>,
    /// Dark, light, or as the desktop says
    #[arg(long)]
    theme: Option<Theme>,
    /// Keep settings in this file instead of the user's own
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Use no sound device: send silence, hear nothing
    #[arg(long)]
    no_sound: bool,
    /// Where the window opens, such as 0,0
    #[arg(long, value_name = "X,Y", value_parser = read_position, allow_hyphen_values = true)]
    position: Option<[f32; 2]>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Theme {
    System,
    Dark,
    Light,
}

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into()),
        )
        .with_writer(std::io::stderr)
        .init();
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("supervisor-app: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<(), String> {
    let settings_path = match arguments.settings {
        Some(path) => Some(path),
        None => settings::path("supervisor")
            .inspect_err(|error| tracing::warn!(%error, "settings are not kept"))
            .ok(),
    };
    let mut settings = settings_path.as_deref().map(Settings::load).unwrap_or_default();
    if let Some(service) = arguments.service {
        settings.service = service;
    }
    if let Some(user) = arguments.user {
        settings.user = user;
    }
    match arguments.theme {
        Some(Theme::System) => settings.theme = Mode::System,
        Some(Theme::Dark) => settings.theme = Mode::Dark,
        Some(Theme::Light) => settings.theme = Mode::Light,
        None => {}
    }
    let sign_in = match arguments.password_file {
        Some(path) => Some(Credentials {
            service: settings.service.clone(),
            user: settings.user.clone(),
            password: read_password(&path)?,
        }),
        None => None,
    };
    let audio = if arguments.no_sound { Audio::None } else { Audio::Devices };
    let config = BackendConfig { audio, settings: settings.clone(), settings_path, sign_in };
    let (backend, bridge) = Backend::start(config).map_err(|error| describe(&error))?;
    let mut viewport = egui::ViewportBuilder::default()
        .with_title("Callfloor supervisor")
        .with_app_id("callfloor-supervisor")
        .with_inner_size([1280.0, 800.0])
        .with_min_inner_size([1024.0, 640.0]);
    if let Some(position) = arguments.position {
        viewport = viewport.with_position(position);
    }
    let options = eframe::NativeOptions { viewport, ..eframe::NativeOptions::default() };
    let now = shared_desktop::clock::now();
    let mut state = State::new(now, settings);
    state.desk.utc_offset_secs = utc_offset_secs(now);
    let window = eframe::run_native(
        "Callfloor supervisor",
        options,
        Box::new(|context| Ok(Box::new(App::new(&context.egui_ctx, bridge, state)))),
    );
    backend.join();
    window.map_err(|error| {
        format!("the window cannot be opened: {error}. A graphical desktop with OpenGL is needed; is DISPLAY or WAYLAND_DISPLAY set?")
    })
}

fn read_password(path: &std::path::Path) -> Result<String, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("the password file {} cannot be read: {error}", path.display()))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

fn read_position(text: &str) -> Result<[f32; 2], String> {
    let numbers =
        text.split_once(',').and_then(|(x, y)| Some([x.trim().parse().ok()?, y.trim().parse().ok()?]));
    numbers.ok_or_else(|| "two numbers with a comma are needed, such as 0,0".into())
}

fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
