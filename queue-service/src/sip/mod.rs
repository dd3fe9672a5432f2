//! The service's side of SIP: who may call in, and whose phone is where.
//!
//! The stack itself is `shared::sip`; its sockets are driven by `shared_net::sip`. Here is what makes the service more
//! than a phone: trunks and admission before a call exists, accounts and bindings of phones.

pub mod admission;
pub mod keeper;
pub mod phones;
