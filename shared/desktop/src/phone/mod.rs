//! The phone: a pure engine, and a thread that drives it with sockets and a sound card.
