//! The queue service: signalling, routing, media, recording, transcription and live numbers.
//!
//! Pure cores ([`acd`], [`call`]) decide; [`switch`] is the one task that owns them and carries out what they say;
//! everything else is a driver around a socket, a disk or a thread.

pub mod acd;
pub mod app;
pub mod auth;
pub mod call;
pub mod campaign;
pub mod cli;
pub mod clock;
pub mod config;
pub mod http;
pub mod import;
pub mod live;
pub mod media;
pub mod outreach;
pub mod recording;
pub mod replay;
pub mod revision;
pub mod simulate;
pub mod sip;
pub mod staff;
pub mod store;
pub mod switch;
pub mod telemetry;
pub mod transcript;
