//! The service's side of SIP: who may call in, whose phone is where, and the ways to the telephone network.
//!
//! The stack itself is `shared::sip`; its sockets are driven by `shared_net::sip`. Here is what makes the service more
//! than a phone: trunks and admission before a call exists, accounts and bindings of phones.

pub mod admission;
pub mod cause;
pub mod keeper;
pub mod phones;
pub mod trunk;
