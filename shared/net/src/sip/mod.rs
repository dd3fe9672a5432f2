//! The SIP driver: sockets and timers around `shared::sip::Endpoint`.
