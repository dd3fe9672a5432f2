//! The agent's desk: a softphone with the person's state around it. `main.rs` only reads arguments and opens the
//! window.
//!
//! ```text
//! screen/ ──► Command ──► backend ──► session (HTTP, live feed) and phone (SIP, RTP)
//!    ▲                       │
//!    └── State ◄── apply ◄── Event
//! ```

pub mod action;
pub mod app;
pub mod backend;
pub mod command;
pub mod event;
pub mod headless;
pub mod preview;
pub mod screen;
pub mod state;
