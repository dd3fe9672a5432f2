//! Sans-IO SIP on rsip.
