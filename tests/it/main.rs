//! Callfloor from outside: the real service as a process, real SIP and RTP, phones that listen, SIPp, baresip, Chromium.

/// The service as cargo built it for these tests.
const SERVICE: &str = env!("CARGO_BIN_EXE_service");

mod customer;
mod tidy;
