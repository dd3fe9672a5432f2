//! A bad network between a phone and the service: [`line::Line`] decides what becomes of each packet, [`relay::Relay`]
//! carries packets over real sockets as the lines say.

pub mod line;
pub mod relay;

pub use line::{Impairment, Line};
pub use relay::Relay;
