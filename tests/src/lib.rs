//! The harness around the whole product: the service as a process of its own, phones that speak and listen, desks
//! without windows, foreign SIP programs, and the promises that are measured.
//!
//! ```text
//!  Setup ─► Service (child process) ◄── HTTP ── desk, api
//!                ▲ SIP, RTP
//!  phone (mouth, ear), sipp, baresip
//! ```

pub mod baresip;
pub mod browser;
pub mod carrier;
pub mod certificate;
pub mod clip;
pub mod desk;
pub mod ear;
pub mod finale;
pub mod http;
pub mod impair;
pub mod kamailio;
pub mod linphone;
pub mod load;
pub mod phone;
pub mod ports;
pub mod program;
pub mod raw;
pub mod report;
pub mod scenario;
pub mod service;
pub mod setup;
pub mod show;
pub mod sipp;
pub mod stage;
pub mod voice;
pub mod wait;
pub mod windows;

/// Anything that goes wrong in a test or in the demonstration.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;

/// What a step of a test gives.
pub type Outcome<T = ()> = Result<T, Fault>;
