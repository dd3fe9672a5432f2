//! Trunks and calls to numbers outside: addresses, lists of numbers, rules, passwords that are there.

use super::{Check, Step};
use crate::config::{Rule, Trunk};
use crate::sip::trunk::rewrite::Rules;
use crate::sip::trunk::{identity, plan};

/// Numbers in one list at most; a carrier's tariff of denied beginnings fits.
const MAX_LIST: usize = 10_000;
/// Rules in one list at most: every number walks through them.
const MAX_RULES: usize = 100;

impl Check<'_> {
    pub(super) fn trunk(&mut self, index: usize, trunk: &Trunk) {
        let key = |name: &str| path!["trunks", index, name];
        if trunk.addresses.is_empty() && trunk.servers.is_empty() {
            let allowed = "at least one address or network that calls come from, or servers that they go to";
            self.fault(key("addresses"), "no call could come from nowhere", allowed);
        }
        for (place, server) in trunk.servers.iter().enumerate() {
            let fits = server.parse::<shared::sip::Uri>().is_ok_and(|uri| uri.is_sip() && uri.user.is_none());
            if !fits {
                self.fault(
                    path!["trunks", index, "servers", place],
                    format!("{server:?} is no address of a server"),
                    "an address without a user part, such as sip:carrier.example or sip:192.0.2.1:5080;transport=tcp",
                );
            }
        }
        if let Some(address) = &trunk.address
            && !address.parse::<shared::sip::Uri>().is_ok_and(|uri| uri.is_sip() && uri.user.is_some())
        {
            let allowed = "an address such as sip:4930123456@carrier.example";
            self.fault(key("address"), format!("{address:?} is no address of ours"), allowed);
        }
        let has_password = trunk.password.as_ref().is_some_and(|password| !password.expose().is_empty());
        if trunk.username.is_some() != trunk.password.is_some() || (trunk.password.is_some() && !has_password)
        {
            self.fault(key("username"), "a user name without a password, or the other way", "both, or none");
        }
        if trunk.password.as_ref().is_some_and(super::super::Password::is_hash) {
            let allowed = "the password in plain text: digest authentication needs it";
            self.fault(key("password"), "the carrier cannot be answered with a hash", allowed);
        }
        // Calls that come in are known by a contact that is made of the password.
        if trunk.register && (trunk.servers.is_empty() || !has_password || trunk.username.is_none()) {
            let allowed = "true only together with servers, username and password";
            self.fault(key("register"), "there is nowhere to register, or nobody to register as", allowed);
        }
        self.between(key("register_secs"), trunk.register_secs.into(), 30, 86_400);
        self.between(key("ping_secs"), trunk.ping_secs.into(), 0, 3_600);
        self.between(key("ping_timeout_secs"), trunk.ping_timeout_secs.into(), 1, 30);
        self.between(key("ping_down_after"), trunk.ping_down_after.into(), 1, 100);
        self.between(key("ping_up_after"), trunk.ping_up_after.into(), 1, 100);
        for (place, status) in trunk.fail_over_on.iter().enumerate() {
            self.between(path!["trunks", index, "fail_over_on", place], u64::from(*status), 400, 699);
        }
        for (place, name) in trunk.pass_headers.iter().enumerate() {
            if !identity::may_pass(name) {
                self.fault(
                    path!["trunks", index, "pass_headers", place],
                    format!("{name:?} belongs to one side only"),
                    "a header that no part of SIP itself needs, such as X-Ticket",
                );
            }
        }
        if let Some(number) = &trunk.caller_id {
            self.number(key("caller_id"), number);
        }
        for (name, list) in [("allow", &trunk.allow), ("deny", &trunk.deny)] {
            self.numbers_list(key(name), list);
        }
        for (name, rules) in [
            ("called_in", &trunk.called_in),
            ("caller_in", &trunk.caller_in),
            ("called_out", &trunk.called_out),
            ("caller_out", &trunk.caller_out),
        ] {
            self.rules(key(name), rules);
        }
    }

    pub(super) fn outbound(&mut self) {
        let outbound = &self.config.outbound;
        let key = |name: &str| path!["outbound", name];
        for (name, list) in
            [("allow", &outbound.allow), ("deny", &outbound.deny), ("emergency", &outbound.emergency)]
        {
            self.numbers_list(key(name), list);
        }
        self.rules(key("rewrite"), &outbound.rewrite);
        self.between(key("max_tries"), outbound.max_tries.into(), 1, 20);
        self.between(key("ring_secs"), outbound.ring_secs.into(), 5, 600);
        self.between(key("max_calls_per_person"), outbound.max_calls_per_person.into(), 0, 1_000);
        self.between(key("max_calls_per_minute"), outbound.max_calls_per_minute.into(), 0, 1_000);
        self.between(key("max_call_secs"), outbound.max_call_secs.into(), 10, 604_800);
    }

    /// A number that is shown or sent.
    pub(super) fn number(&mut self, path: Vec<Step>, number: &str) {
        if plan::plain(number).as_deref() != Some(number) {
            let allowed = "digits, with a + in front or not, such as +4930123456";
            self.fault(path, format!("{number:?} is no number"), allowed);
        }
    }

    fn numbers_list(&mut self, path: Vec<Step>, list: &[String]) {
        if list.len() > MAX_LIST {
            self.fault(path.clone(), format!("{} numbers are too many", list.len()), "at most 10000");
        }
        for (place, number) in list.iter().enumerate() {
            let fits = !number.is_empty()
                && number.len() <= 32
                && number
                    .trim_start_matches('+')
                    .bytes()
                    .all(|b| b.is_ascii_digit() || b == b'*' || b == b'#');
            if !fits {
                let mut path = path.clone();
                path.push(Step::Index(place));
                let allowed = "the beginning of a number, such as +49 or 0";
                self.fault(path, format!("{number:?} is no beginning of a number"), allowed);
            }
        }
    }

    fn rules(&mut self, mut path: Vec<Step>, rules: &[Rule]) {
        if rules.len() > MAX_RULES {
            self.fault(path, format!("{} rules are too many", rules.len()), "at most 100");
        } else if let Err((place, error)) = Rules::new(rules) {
            path.push(Step::Index(place));
            let allowed = "{ prefix = \"00\", replace = \"+\" } or { pattern = \"^([0-9]{3})$\", replace = \"+4930$1\" }";
            self.fault(path, error.to_string(), allowed);
        }
    }
}
