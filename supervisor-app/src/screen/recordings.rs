//! Recordings: found by words, heard on the headset, read as a transcript.

use egui::{Align, Key, Label, Layout, ScrollArea, Ui};
use shared::id::RecordingId;
use shared::model::recording::{Recording, RecordingState, Track};
use shared::model::transcript::{Transcript, TranscriptState};
use shared_desktop::format;
use shared_desktop::theme::{self, Tone, icon, size, space};
use shared_desktop::widget::{
    Badge, Button, Column, Field, Size, Table, Width, bar, card, card_filled, empty, line, muted,
};

use crate::command::Command;
use crate::event::Playback;
use crate::state::{Found, Loaded, State};

/// What is searched and what is chosen.
#[derive(Default)]
pub(super) struct Search {
    words: String,
    asked_after: Option<u64>,
    chosen: Option<RecordingId>,
    transcript_asked: Option<RecordingId>,
}

impl Search {
    /// Shows this recording at the right.
    pub(super) fn choose(&mut self, recording: RecordingId) {
        self.chosen = Some(recording);
    }
}

/// Draws the page.
pub(super) fn recordings_ui(ui: &mut Ui, state: &State, search: &mut Search, commands: &mut Vec<Command>) {
    ask(state, search, commands);
    let height = ui.available_height();
    let width = ui.available_width();
    let right = 400.0_f32.min(width * 0.45);
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = space::L;
        let mut column = |width, content: &mut dyn FnMut(&mut Ui)| {
            ui.allocate_ui_with_layout(egui::vec2(width, height), Layout::top_down(Align::Min), |ui| {
                ui.spacing_mut().item_spacing.x = space::S;
                ui.set_width(width);
                content(ui);
            });
        };
        column(width - right - space::L, &mut |ui| list_ui(ui, state, search, commands));
        column(right, &mut |ui| {
            ScrollArea::vertical().id_salt("recording").auto_shrink([false, false]).show(ui, |ui| {
                detail_ui(ui, state, search, commands);
            });
        });
    });
}

fn ask(state: &State, search: &mut Search, commands: &mut Vec<Command>) {
    if state.desk.service_blocked().is_some() {
        return;
    }
    let missing = state.recordings_stale || state.recordings == Loaded::Nothing;
    // One question for each answer, however many frames are drawn before it comes.
    if missing && search.asked_after != Some(state.recordings_answers) {
        search.asked_after = Some(state.recordings_answers);
        let words = match &state.recordings {
            Loaded::Ready(found) => found.words.clone(),
            Loaded::Nothing | Loaded::Failed(_) => String::new(),
        };
        commands.push(Command::LoadRecordings { words, before: None });
    }
    let shown = state.transcript.as_ref().map(|(recording, _)| *recording);
    if let Some(chosen) = search.chosen
        && shown != Some(chosen)
        && search.transcript_asked != Some(chosen)
    {
        search.transcript_asked = Some(chosen);
        commands.push(Command::LoadTranscript(chosen));
    }
    if shown.is_some() && shown == search.transcript_asked {
        search.transcript_asked = None;
    }
}

fn list_ui(ui: &mut Ui, state: &State, search: &mut Search, commands: &mut Vec<Command>) {
    ui.label(theme::page_title("Recordings"));
    let room = egui::vec2(ui.available_width(), 54.0);
    let mut wanted = None;
    ui.allocate_ui_with_layout(room, Layout::right_to_left(Align::Max), |ui| {
        if ui.add(Button::new("Search").icon(icon::MAGNIFYING_GLASS).primary()).clicked() {
            wanted = Some(search.words.clone());
        }
        let all = (search.words.is_empty()).then_some("all are shown");
        if ui.add(Button::new("Show all").blocked(all)).clicked() {
            search.words.clear();
            wanted = Some(String::new());
        }
        let field = ui.add(Field::new("Words that were said", &mut search.words).hint("invoice tomorrow"));
        if field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter)) {
            wanted = Some(search.words.clone());
        }
    });
    commands.extend(wanted.map(|words| Command::LoadRecordings { words, before: None }));
    match &state.recordings {
        Loaded::Nothing => {
            muted(ui, "Asking the service…");
        }
        Loaded::Failed(error) => {
            empty(ui, icon::WARNING_CIRCLE, &error.message, &shared_desktop::notice::explain(error));
        }
        Loaded::Ready(found) if found.recordings.is_empty() && found.words.trim().is_empty() => {
            let hint = "Calls of queues that record appear here when they are over.";
            empty(ui, icon::WAVEFORM, "There are no recordings yet", hint);
        }
        Loaded::Ready(found) if found.recordings.is_empty() => {
            let title = format!("In no transcript is “{}”", found.words.trim());
            empty(ui, icon::MAGNIFYING_GLASS, &title, "Try fewer words.");
        }
        Loaded::Ready(found) => table_ui(ui, state, found, search, commands),
    }
}

fn table_ui(ui: &mut Ui, state: &State, found: &Found, search: &mut Search, commands: &mut Vec<Command>) {
    card(ui, |ui| {
        ui.set_width(ui.available_width());
        let columns = [
            Column::words("Started", Width::Fixed(72.0)),
            Column::words("Customer", Width::Fill(1.0)),
            Column::words("Agent", Width::Fill(1.0)),
            Column::words("State", Width::Fixed(120.0)),
            Column::number("Length", 64.0),
        ];
        let count = found.recordings.len();
        let height = ui.available_height() - 90.0;
        let clicked = Table::new("recordings", &columns).max_height(height).show(ui, count, |row, index| {
            let Some(recording) = found.recordings.get(index) else { return };
            let call = found.calls.iter().find(|call| call.id == recording.call);
            let customer = call.map_or("Call further back", |call| call.from.label());
            let agents: Vec<&str> =
                call.iter().flat_map(|call| &call.agents).map(|agent| state.desk.agent_name(agent)).collect();
            let started = format::time_of_day(recording.started_at, state.desk.utc_offset_secs);
            row.clickable(format!("Recording of {customer}, {started}"));
            row.selected(search.chosen == Some(recording.id));
            row.number(&started, None);
            row.strong(customer);
            row.text(&agents.join(", "));
            row.cell(|ui| ui.add(&state_badge(recording.state)));
            let length = std::time::Duration::from_millis(recording.duration_millis);
            row.number(&format::clock(length), None);
        });
        if let Some(recording) = clicked.and_then(|index| found.recordings.get(index)) {
            search.choose(recording.id);
        }
        if found.more && ui.add(Button::new("Show older ones").ghost()).clicked() {
            let before = found.recordings.last().map(|recording| recording.id);
            commands.push(Command::LoadRecordings { words: found.words.clone(), before });
        }
    });
}

fn state_badge(state: RecordingState) -> Badge {
    match state {
        RecordingState::Open => Badge::new("Being made", icon::RECORD, Tone::Talking),
        RecordingState::Sealed => Badge::new("Sealed", icon::FINGERPRINT, Tone::Ready),
        RecordingState::Recovered => Badge::new("Recovered", icon::WARNING, Tone::WrapUp),
    }
}

fn detail_ui(ui: &mut Ui, state: &State, search: &Search, commands: &mut Vec<Command>) {
    let found = match &state.recordings {
        Loaded::Ready(found) => found,
        Loaded::Nothing | Loaded::Failed(_) => return,
    };
    let recording = search.chosen.and_then(|id| found.recordings.iter().find(|recording| recording.id == id));
    let Some(recording) = recording else {
        empty(
            ui,
            icon::FILE_AUDIO,
            "No recording is chosen",
            "Choose one to hear it and to read what was said.",
        );
        return;
    };
    card(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.label(theme::heading("Listen"));
        play_ui(ui, state, recording, commands);
    });
    ui.add_space(space::XS);
    card(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.label(theme::heading("Transcript"));
        transcript_ui(ui, state, recording);
    });
    ui.add_space(space::XS);
    card(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.label(theme::heading("Files"));
        files_ui(ui, recording);
    });
}

fn play_ui(ui: &mut Ui, state: &State, recording: &Recording, commands: &mut Vec<Command>) {
    let blocked = if recording.state == RecordingState::Open {
        Some("it is still being made".to_owned())
    } else if state.supervised().is_some() {
        Some("you are in a call; leave it first".to_owned())
    } else {
        state.desk.service_blocked()
    };
    let id = recording.id;
    let mut play = |ui: &mut Ui, words: &str, sign, tracks: &[Track]| {
        let button = Button::new(words.to_owned()).icon(sign).size(Size::Compact).blocked(blocked.clone());
        if ui.add(button).clicked() {
            commands.push(Command::Play { recording: id, tracks: tracks.to_vec() });
        }
    };
    let mut stop = false;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.y = space::XS;
        play(ui, "Both", icon::PLAY, &[Track::Customer, Track::Agent]);
        play(ui, "Customer", icon::USER, &[Track::Customer]);
        play(ui, "Agent", icon::HEADSET, &[Track::Agent]);
        play(ui, "Supervisor", icon::EAR, &[Track::Supervisor]);
        let nothing = state.playback.is_none().then_some("nothing plays");
        stop = ui.add(Button::new("Stop").icon(icon::STOP).size(Size::Compact).blocked(nothing)).clicked();
    });
    if stop {
        commands.push(Command::StopPlaying);
    }
    match &state.playback {
        Some(Playback::Loading(of)) if *of == id => {
            muted(ui, "Fetching…");
        }
        Some(Playback::At { recording: of, millis }) if *of == id => {
            bar(ui, *millis as f32 / recording.duration_millis.max(1) as f32, Tone::Talking);
            let of_millis = |millis| format::clock(std::time::Duration::from_millis(millis));
            let words = format!("{} of {}", of_millis(*millis), of_millis(recording.duration_millis));
            ui.label(theme::mono(words));
        }
        _ => {}
    }
}

fn transcript_ui(ui: &mut Ui, state: &State, recording: &Recording) {
    let transcript = match &state.transcript {
        Some((of, transcript)) if *of == recording.id => transcript,
        _ => &Loaded::Nothing,
    };
    let transcript = match transcript {
        Loaded::Nothing => {
            muted(ui, "Asking the service…");
            return;
        }
        Loaded::Failed(error) => {
            muted(ui, format!("{}. {}", error.message, shared_desktop::notice::explain(error)));
            return;
        }
        Loaded::Ready(transcript) => transcript,
    };
    if transcript.demonstration {
        let colors = theme::tokens(ui).tone(Tone::WrapUp);
        card_filled(ui, colors.tint, |ui| {
            ui.set_width(ui.available_width());
            let words = "Made by the demonstration model, which knows about a hundred words. Choose a real one in \
                         the configuration of the service.";
            ui.add(Label::new(theme::secondary(words).color(colors.text)).wrap());
        });
    }
    match &transcript.state {
        TranscriptState::Waiting { reason } => {
            ui.add(&Badge::new("Waits", icon::HOURGLASS, Tone::WrapUp));
            muted(ui, super::capitalised(reason));
        }
        TranscriptState::Running => {
            ui.add(&Badge::new("Being written", icon::PENCIL_SIMPLE, Tone::Talking));
        }
        TranscriptState::Failed { reason } => {
            ui.add(&Badge::new("Failed", icon::X_CIRCLE, Tone::Away));
            muted(ui, super::capitalised(reason));
        }
        TranscriptState::Done if transcript.segments.is_empty() => {
            muted(ui, "Nothing was said.");
        }
        TranscriptState::Done => segments_ui(ui, transcript),
    }
}

fn segments_ui(ui: &mut Ui, transcript: &Transcript) {
    for segment in &transcript.segments {
        let (who, tone) = match segment.speaker {
            Track::Customer => ("Customer", Tone::WrapUp),
            Track::Agent => ("Agent", Tone::Talking),
            Track::Supervisor => ("Supervisor", Tone::Break),
        };
        ui.spacing_mut().item_spacing.y = 2.0;
        ui.horizontal(|ui| {
            let at = std::time::Duration::from_millis(segment.from_millis);
            ui.label(theme::text_in(format::clock(at), theme::Weight::Mono, size::SECONDARY).weak());
            let color = theme::tokens(ui).tone(tone).text;
            ui.label(theme::text_in(who, theme::Weight::Medium, size::SECONDARY).color(color));
        });
        ui.add(Label::new(theme::body(&segment.text)).wrap());
        ui.add_space(space::S);
    }
    if let Some(model) = &transcript.model {
        line(ui, theme::secondary(format!("Model {model}")));
    }
}

fn files_ui(ui: &mut Ui, recording: &Recording) {
    if recording.tracks.is_empty() {
        muted(ui, "The files are sealed when the call is over.");
    }
    if recording.dropped_frames > 0 {
        let millis = recording.dropped_frames * 20;
        muted(ui, format!("{millis} ms were lost to a slow disk and are silence."));
    }
    for file in &recording.tracks {
        ui.spacing_mut().item_spacing.y = 2.0;
        line(ui, theme::strong(format!("{}  {} kB", file.file, file.size_bytes.div_ceil(1_000))));
        let hash = theme::text_in(format!("SHA-256 {}", file.sha256), theme::Weight::Mono, 11.0).weak();
        ui.add(Label::new(hash).wrap().selectable(true));
        ui.add_space(space::S);
    }
}
