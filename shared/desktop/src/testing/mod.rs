//! Made-up floors, and helpers for the apps' tests and galleries. Only with the feature `testing`; no part of the
//! apps.

mod floor;
mod why;

use egui::Context;

use crate::theme::{self, Mode};

pub use floor::{Builder, NOW, agent_id, call_id, queue_id};
pub use why::non_offer;

/// Makes a context look as the apps do, in a fixed theme, without animations.
pub fn prepare(ctx: &Context, mode: Mode) {
    theme::install(ctx);
    theme::set_mode(ctx, mode);
    ctx.all_styles_mut(|style| style.animation_time = 0.0);
}
