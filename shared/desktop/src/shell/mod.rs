//! What stands around the screens of both apps: the bar on top, banners, messages, signing in, settings.

mod banner;
mod settings;
mod sign_in;
mod toast;
mod top_bar;

pub use banner::{Banner, connection};
pub use settings::{SettingsChange, settings};
pub use sign_in::{SignInForm, sign_in};
pub use toast::toasts;
pub use top_bar::{phone_badge, top_bar};
