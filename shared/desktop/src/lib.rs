//! What both desktop apps share.

pub mod phone;
pub mod session;
