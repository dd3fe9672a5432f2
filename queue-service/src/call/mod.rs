//! One pure machine a call.
