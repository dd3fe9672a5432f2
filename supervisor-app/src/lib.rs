//! The supervisor's console: the floor live, coaching of calls, recordings with their transcripts, the day.
//! `main.rs` only reads arguments and opens the window.
//!
//! ```text
//! screen/ ──► Command ──► backend ──► session (HTTP, live feed) and phone (SIP, RTP)
//!    ▲                       │
//!    └── State ◄── apply ◄── Event
//! ```

pub mod action;
pub mod alert;
pub mod app;
pub mod auto_answer;
pub mod backend;
pub mod command;
pub mod event;
pub mod headless;
pub mod screen;
pub mod state;
