//! The service's side of SIP: trunks, registered phones, admission.
