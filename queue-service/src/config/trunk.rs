//! `[[trunks]]` and `[outbound]`: the ways to the telephone network, and who may be called over them.

use std::path::PathBuf;

use serde::Deserialize;
use shared::id::TrunkId;
use shared::sdp::crypto::Policy;
use shared::sip::door::Network;

use super::entry::Password;

/// `[[trunks]]`: a carrier or another telephone system.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trunk {
    /// Its id.
    pub id: TrunkId,
    /// Name that people read.
    pub name: String,
    /// Where its calls come from; calls from there need no password.
    #[serde(default)]
    pub addresses: Vec<Network>,
    /// Calls at once, both ways; 0 for no limit of its own.
    #[serde(default)]
    pub max_calls: u32,
    /// Where calls go out, best first: `sip:` addresses without a user part. None for a trunk that only brings calls.
    #[serde(default)]
    pub servers: Vec<String>,
    /// Our own address there, such as `sip:4930123456@carrier.example`.
    pub address: Option<String>,
    /// User name that answers the carrier's challenges.
    pub username: Option<String>,
    /// Its password; plain, because digest authentication needs it.
    pub password: Option<Password>,
    /// Registers our address with the first server.
    #[serde(default)]
    pub register: bool,
    /// Lifetime asked for, in seconds.
    #[serde(default = "register_secs")]
    pub register_secs: u32,
    /// Lower is tried first.
    #[serde(default = "priority")]
    pub priority: u16,
    /// Share of the calls among trunks of the same priority.
    #[serde(default = "weight")]
    pub weight: u16,
    /// New calls a second that it brings; 0 for no limit of its own.
    #[serde(default)]
    pub max_calls_in_per_sec: u32,
    /// New outbound calls a second; 0 for no limit of its own.
    #[serde(default)]
    pub max_calls_per_sec: u32,
    /// Beginnings of numbers that go over it; empty for every number that `[outbound]` allows.
    #[serde(default)]
    pub allow: Vec<String>,
    /// Beginnings of numbers that do not.
    #[serde(default)]
    pub deny: Vec<String>,
    /// Answers after which the next trunk is tried. Silence is 408, an address that cannot be reached is 503.
    #[serde(default = "fail_over_on")]
    pub fail_over_on: Vec<u16>,
    /// Asks each server by OPTIONS this often, in seconds; 0 for never.
    #[serde(default = "ping_secs")]
    pub ping_secs: u32,
    /// No answer within this counts as silence, in seconds.
    #[serde(default = "ping_timeout_secs")]
    pub ping_timeout_secs: u32,
    /// Pings in a row without an answer after which a server is down.
    #[serde(default = "ping_down_after")]
    pub ping_down_after: u32,
    /// Answers in a row after which it is up again.
    #[serde(default = "ping_up_after")]
    pub ping_up_after: u32,
    /// Believes the caller identity that it sends (P-Asserted-Identity, Remote-Party-ID, Privacy).
    #[serde(default)]
    pub trust_identity: bool,
    /// How our calls tell who calls.
    #[serde(default)]
    pub identity: IdentityHeader,
    /// The number that calls over it show, unless the queue or the agent has one.
    pub caller_id: Option<String>,
    /// Calls over it show no number to the one who is called.
    #[serde(default)]
    pub withhold: bool,
    /// Headers of one side's INVITE that the other side may see.
    #[serde(default)]
    pub pass_headers: Vec<String>,
    /// Rules for the number that was called, of calls that come in.
    #[serde(default)]
    pub called_in: Vec<Rule>,
    /// Rules for the caller's number, of calls that come in.
    #[serde(default)]
    pub caller_in: Vec<Rule>,
    /// Rules for the number that is called, of calls that go out.
    #[serde(default)]
    pub called_out: Vec<Rule>,
    /// Rules for the caller's number, of calls that go out.
    #[serde(default)]
    pub caller_out: Vec<Rule>,
    /// PEM file of the only authorities that may vouch for its servers over TLS; those of `[sip]` when left out.
    pub ca: Option<PathBuf>,
    /// SRTP of its calls; that of `[media]` when left out.
    pub srtp: Option<Policy>,
    /// How its calls tell the keys that are pressed.
    #[serde(default)]
    pub dtmf: Dtmf,
    /// SRTP keys may travel over signalling that anybody can read; that of `[media]` when left out.
    pub srtp_without_tls: Option<bool>,
}

/// How a trunk tells the keys that are pressed. SIP INFO is taken from every trunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtmf {
    /// As RTP events (RFC 4733).
    #[default]
    Rfc4733,
    /// As tones in the sound (ITU-T Q.23), where a call has agreed on no RTP events. Such calls are decoded all the time.
    Inband,
}

/// How a trunk is told who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentityHeader {
    /// P-Asserted-Identity (RFC 3325): the carrier trusts us.
    #[default]
    PAssertedIdentity,
    /// P-Preferred-Identity (RFC 3325): the carrier knows which numbers are ours.
    PPreferredIdentity,
    /// Remote-Party-ID, as older systems want it.
    RemotePartyId,
    /// Nothing but From.
    From,
}

/// One rule of number rewriting. The first that fits is used; without one the number stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// Fits numbers that begin with this; `replace` takes its place.
    pub prefix: Option<String>,
    /// Fits numbers in which this regular expression is found; `replace`, in which `$1` is its first group, takes the
    /// place of what was found.
    pub pattern: Option<String>,
    /// What takes the place of what fits; nothing is replaced when left out.
    pub replace: Option<String>,
    /// Then so many characters are taken off the front.
    pub strip: usize,
    /// Then this is put in front.
    pub prepend: String,
}

/// `[outbound]`: calls to numbers outside.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Outbound {
    /// Beginnings of numbers that may be called; empty for none at all.
    pub allow: Vec<String>,
    /// Beginnings of numbers that may not. The longer one of an allowed and a denied beginning decides.
    pub deny: Vec<String>,
    /// Emergency numbers: always allowed, sent as dialled, over any trunk, held back by no limit.
    pub emergency: Vec<String>,
    /// Rules that make the number of what people dial.
    pub rewrite: Vec<Rule>,
    /// Servers tried for one call at most.
    pub max_tries: u32,
    /// How long the one who is called may ring, in seconds.
    pub ring_secs: u32,
    /// Calls at once to numbers outside that one person may have.
    pub max_calls_per_person: u32,
    /// Calls to numbers outside that one person may place in a minute.
    pub max_calls_per_minute: u32,
    /// A call is ended after this, in seconds.
    pub max_call_secs: u32,
    /// Records calls that people place.
    pub record: bool,
}

impl Default for Outbound {
    fn default() -> Self {
        Outbound {
            allow: Vec::new(),
            deny: Vec::new(),
            emergency: vec!["112".into(), "911".into()],
            rewrite: Vec::new(),
            max_tries: 4,
            ring_secs: 60,
            max_calls_per_person: 2,
            max_calls_per_minute: 10,
            max_call_secs: 14_400,
            record: false,
        }
    }
}

fn register_secs() -> u32 {
    600
}

fn priority() -> u16 {
    10
}

fn weight() -> u16 {
    10
}

fn fail_over_on() -> Vec<u16> {
    vec![408, 500, 502, 503, 504]
}

fn ping_secs() -> u32 {
    30
}

fn ping_timeout_secs() -> u32 {
    4
}

fn ping_down_after() -> u32 {
    2
}

fn ping_up_after() -> u32 {
    1
}
