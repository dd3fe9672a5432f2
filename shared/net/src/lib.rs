//! Drivers: byte movers around the pure SIP core, the API client and the live feed.

pub mod api;
pub mod clock;
pub mod live;
pub mod sip;
mod tls;

pub use api::ApiClient;
pub use live::{LiveConfig, LiveEvent, LiveFeed};
pub use sip::{BindError, DriverConfig, SipDriver, SipHandle};
