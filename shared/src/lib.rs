//! Callfloor's pure cores: everything that decides, and the words everybody uses.
//!
//! Nothing here reads a clock, opens a socket, touches a file, spawns or sleeps; `clippy.toml` beside this
//! package bans it. Time always comes in as an argument ([`time::Timestamp`]).

pub mod ahead;
pub mod api;
pub mod audio;
pub mod id;
pub mod model;
pub mod rtp;
pub mod sdp;
pub mod sip;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod time;
