//! How the chosen call sounds: who speaks, and the quality of each leg with what spoils it.

use egui::{Label, Ui};
use shared::model::call::LiveCall;
use shared::model::sound::{LegSound, Unheard};
use shared_desktop::format;
use shared_desktop::theme::{self, Tone, icon, space};
use shared_desktop::widget::{Badge, level_meter, line};

use crate::state::State;

/// The quietest level that the meter shows, in dBFS.
const QUIET_DBFS: f32 = -60.0;

/// Draws a mark and a line for each leg; nothing before the first measurement.
pub(super) fn sound_ui(ui: &mut Ui, state: &State, call: &LiveCall) {
    for unheard in &call.unheard {
        ui.add(Label::new(theme::body(unheard_words(state, unheard)).color(alarm_color(ui))).wrap());
    }
    let sound = state.desk.sound.as_ref().filter(|sound| sound.call == call.id);
    for leg in sound.into_iter().flat_map(|sound| &sound.legs) {
        leg_ui(ui, leg);
    }
}

fn alarm_color(ui: &Ui) -> egui::Color32 {
    theme::tokens(ui).tone(Tone::Away).solid
}

/// "Nothing has arrived from the customer for 0:12."
pub(super) fn unheard_words(state: &State, unheard: &Unheard) -> String {
    let side = unheard.side.label();
    format!("Nothing has arrived from the {side} for {}", format::since(state.desk.now, unheard.since))
}

fn leg_ui(ui: &mut Ui, leg: &LegSound) {
    let side = super::capitalised(leg.side.label());
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = space::XS;
        ui.label(theme::secondary(&side));
        let mark = match leg.talking {
            Some(true) => Badge::new(format!("{side} speaks"), icon::WAVEFORM, Tone::Talking),
            Some(false) => Badge::new("Silent", icon::CIRCLE, Tone::Break),
            None => Badge::new("Listening…", icon::EAR, Tone::Break),
        };
        ui.add(&mark);
        if let Some(level) = leg.level_dbfs {
            level_meter(ui, &format!("{side}: {level} dBFS"), 1.0 - level / QUIET_DBFS);
        }
        if leg.clipping {
            ui.add(&Badge::new("Clipping", icon::WARNING, Tone::WrapUp));
        }
    });
    line(ui, theme::secondary(quality_words(leg)));
    if let Some(cause) = &leg.cause {
        let words = super::capitalised(cause);
        ui.add(Label::new(theme::secondary(words).color(alarm_color(ui))).wrap());
    }
}

/// "Sends 4.4, hears 4.1 MOS · 1.5 % loss · 4 ms jitter · 38 ms round trip"
fn quality_words(leg: &LegSound) -> String {
    let mos = |score: Option<f32>| score.map_or_else(|| "–".into(), |score| format!("{score:.1}"));
    let mut words = vec![
        format!("Sends {}, hears {} MOS", mos(leg.mos_from), mos(leg.mos_to)),
        format!("{} % loss", leg.loss_percent),
        format!("{} ms jitter", leg.jitter_millis),
    ];
    words.extend(leg.round_trip_millis.map(|millis| format!("{millis} ms round trip")));
    words.join("  ·  ")
}
