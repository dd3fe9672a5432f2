//! The only place of the service that reads time: the clock of the drivers.

pub use shared_net::clock::now;
