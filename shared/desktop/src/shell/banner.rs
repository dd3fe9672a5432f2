//! Banners under the bar on top: what is wrong now, why, and what to do.

use egui::{CornerRadius, Frame, Label, Margin, Panel, Ui};

use crate::desk::{Desk, Link};
use crate::format;
use crate::phone::Registration;
use crate::theme::{self, Tone, height, icon, space};
use crate::widget::{Button, Size, spread};

/// One banner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Banner {
    /// How bad it is.
    pub tone: Tone,
    /// From [`icon`].
    pub icon: &'static str,
    /// What is wrong, one sentence.
    pub title: String,
    /// Why, and what to do.
    pub detail: String,
    /// Words of a button at its right.
    pub action: Option<String>,
}

impl Banner {
    /// Draws it over the whole width; true when its button was clicked. `id` must differ between banners.
    pub fn show(&self, ui: &mut Ui, id: &str) -> bool {
        let colors = theme::tokens(ui).tone(self.tone);
        let frame = Frame::new()
            .fill(colors.tint)
            .corner_radius(CornerRadius::ZERO)
            .inner_margin(Margin::symmetric(16, 8));
        let panel = Panel::top(egui::Id::unique(("banner", id))).resizable(false).show_separator_line(false);
        panel
            .frame(frame)
            .show(ui, |ui| {
                let words = |ui: &mut Ui| {
                    ui.spacing_mut().item_spacing.x = space::S;
                    ui.label(theme::icon_fill(self.icon, 18.0).color(colors.text));
                    ui.label(theme::strong(&self.title).color(colors.text));
                    ui.add(Label::new(theme::body(&self.detail).color(colors.text)).truncate());
                };
                let button = |ui: &mut Ui| match &self.action {
                    Some(words) => ui.add(Button::new(words.as_str()).size(Size::Compact)).clicked(),
                    None => false,
                };
                spread(ui, height::COMPACT, words, button).1
            })
            .inner
    }
}

/// What is wrong with the service or the phone now; the worst first.
pub fn connection(desk: &Desk) -> Option<Banner> {
    desk.user()?;
    let phone_busy = desk.phone.call.is_some();
    match &desk.link {
        Link::Lost { since, reason } => {
            let reason = reason.strip_prefix("the service cannot be reached: ").unwrap_or(reason);
            let call = if phone_busy { " Your call goes on." } else { "" };
            Some(Banner {
                tone: Tone::Away,
                icon: icon::WIFI_SLASH,
                title: "The service cannot be reached".into(),
                detail: format!(
                    "For {}: {reason}. It connects again by itself.{call}",
                    format::words(desk.now - *since)
                ),
                action: None,
            })
        }
        Link::Refused(error) => Some(Banner {
            tone: Tone::Away,
            icon: icon::PROHIBIT,
            title: error.message.clone(),
            detail: crate::notice::explain(error),
            action: None,
        }),
        Link::Connecting | Link::Connected => match (&desk.phone.registration, &desk.no_phone) {
            (_, Some(error)) => Some(Banner {
                tone: Tone::WrapUp,
                icon: icon::PHONE_SLASH,
                title: "Your phone is not available".into(),
                detail: crate::notice::explain(error),
                action: None,
            }),
            (Registration::Failed { reason, .. }, None) => Some(Banner {
                tone: Tone::WrapUp,
                icon: icon::PHONE_SLASH,
                title: "Your phone has lost the service".into(),
                detail: format!("{reason}. It tries again by itself; no calls come until then."),
                action: None,
            }),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::{DeskEvent, Stage};
    use crate::settings::Settings;
    use shared::model::user::{Role, User};
    use shared::time::Timestamp;

    #[test]
    fn a_lost_service_comes_before_a_lost_phone() {
        let mut desk = Desk::new(Timestamp::from_secs(100), Settings::default());
        assert_eq!(connection(&desk), None, "nobody is signed in");
        let user = User { id: "anna".parse().expect("name"), name: "Anna".into(), role: Role::Agent };
        desk.stage = Stage::SignedIn(user);
        desk.phone.registration = Registration::Failed { status: 408, reason: "no answer".into() };
        let banner = connection(&desk).expect("phone");
        assert_eq!(banner.title, "Your phone has lost the service");
        let lost = shared_net::LiveEvent::Lost {
            reason: "the service cannot be reached: connection refused".into(),
            retry_in_secs: 1.0,
        };
        desk.apply(&DeskEvent::Live(lost));
        desk.apply(&DeskEvent::Tick(Timestamp::from_secs(112)));
        let banner = connection(&desk).expect("service");
        assert_eq!(banner.detail, "For 12 s: connection refused. It connects again by itself.");
    }
}
