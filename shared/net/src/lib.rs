//! Drivers: byte movers around the pure SIP core, the API client and the live feed.

pub mod api;
pub mod clock;
pub mod live;
pub mod sip;
