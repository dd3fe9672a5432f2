//! Who calls: read from trunks that are believed, made for trunks that are to be told, and never passed on as it came.
//!
//! Between two networks that trust each other the caller stands in P-Asserted-Identity (RFC 3325), or in
//! Remote-Party-ID with older systems, and what he wishes in Privacy (RFC 3323). From anybody else these headers are
//! what a stranger writes about himself: they are not read, and since nothing is passed on but what
//! [`passed`] lets through, they end here. The reader of messages has undone every way of writing a name (compact,
//! other case, blanks before the colon, folded, several of them) before anything here looks at it.

use shared::model::call::Party;
use shared::sip::header::split;
use shared::sip::{Headers, NameAddr, Uri};

use super::rewrite::Rules;
use crate::config::IdentityHeader;

/// Longest name or number that is shown, in characters.
const MAX_SHOWN: usize = 120;
/// Headers that are passed on at most.
const MAX_PASSED: usize = 8;
/// Longest value that is passed on, in bytes; longer ones are left out.
const MAX_PASSED_LEN: usize = 512;

/// Headers that belong to one side only or say who calls; they cannot be passed on by name.
const NEVER_PASSED: [&str; 51] = [
    "accept",
    "accept-contact",
    "accept-encoding",
    "accept-language",
    "alert-info",
    "allow",
    "allow-events",
    "authentication-info",
    "authorization",
    "call-id",
    "call-info",
    "contact",
    "content-disposition",
    "content-encoding",
    "content-length",
    "content-type",
    "cseq",
    "diversion",
    "expires",
    "from",
    "geolocation",
    "history-info",
    "identity",
    "max-forwards",
    "mime-version",
    "min-se",
    "p-asserted-identity",
    "p-preferred-identity",
    "path",
    "privacy",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-require",
    "rack",
    "reason",
    "record-route",
    "refer-to",
    "referred-by",
    "remote-party-id",
    "replaces",
    "require",
    "route",
    "rseq",
    "server",
    "session-expires",
    "supported",
    "to",
    "user-agent",
    "via",
    "warning",
    "www-authenticate",
];

/// The caller of a call that comes in.
///
/// `trusted` says whether the source is believed; `rewrite` are its rules for callers' numbers. A caller who wishes
/// not to be shown is nobody, to agents as well.
pub fn caller(headers: &Headers, from: &NameAddr, trusted: bool, rewrite: &Rules) -> Party {
    let asserted = if trusted { asserted(headers) } else { None };
    if (trusted && (wishes_privacy(headers) || hidden_by_party_id(headers))) || is_anonymous(from) {
        return Party::default();
    }
    let shown = asserted.as_ref().unwrap_or(from);
    let number = shown.uri.user_unescaped().unwrap_or_default();
    let name = shown.display.as_deref().or(from.display.as_deref()).unwrap_or_default();
    let name = if name.eq_ignore_ascii_case("anonymous") { "" } else { name };
    Party { number: rewrite.apply(&clean(&number)), name: clean(name) }
}

/// Addresses on one line or on several.
fn listed(headers: &Headers, name: &str) -> Vec<NameAddr> {
    let values = headers.all(name).flat_map(|value| split(value, ','));
    values.filter_map(|value| value.trim().parse().ok()).collect()
}

/// RFC 3325 §9.1: at most one SIP and one tel address; the tel one is the number.
fn asserted(headers: &Headers) -> Option<NameAddr> {
    let mut found = listed(headers, "P-Asserted-Identity");
    if found.is_empty() {
        found = listed(headers, "Remote-Party-ID");
    }
    let tel = found.iter().position(|address| !address.uri.is_sip());
    let place = tel.unwrap_or(0);
    if place >= found.len() { None } else { Some(found.swap_remove(place)) }
}

/// RFC 3323 §4.2 and RFC 3325 §9.3: any wish but "none" or "critical" alone hides the caller.
fn wishes_privacy(headers: &Headers) -> bool {
    headers.all("Privacy").flat_map(|value| value.split([';', ','])).any(|wish| {
        ["id", "user", "header", "full"].iter().any(|known| wish.trim().eq_ignore_ascii_case(known))
    })
}

fn hidden_by_party_id(headers: &Headers) -> bool {
    listed(headers, "Remote-Party-ID").iter().any(|party| {
        party.params.get("privacy").is_some_and(|privacy| {
            split(privacy, ',').any(|one| matches!(one.trim(), "full" | "name" | "uri"))
        })
    })
}

fn is_anonymous(from: &NameAddr) -> bool {
    let user = from.uri.user_unescaped().unwrap_or_default();
    user.eq_ignore_ascii_case("anonymous") || from.uri.host.eq_ignore_ascii_case("anonymous.invalid")
}

fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_SHOWN).collect()
}

/// What a trunk is told about who calls.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// The From header, without its tag.
    pub from: NameAddr,
    /// Identity and privacy.
    pub headers: Vec<(String, String)>,
}

/// Makes it: `own` is our address at the trunk, `number` the number to show (our address when there is none).
pub fn told(own: &Uri, number: Option<&str>, name: &str, withheld: bool, how: IdentityHeader) -> Told {
    let mut uri = own.clone();
    if let Some(number) = number.filter(|number| !number.is_empty()) {
        uri.user = Some(shared::sip::uri::escape_user(number));
    }
    let shown = NameAddr::named(name, uri.clone());
    // RFC 3323 §4.1.1.3.
    let nobody = || {
        "\"Anonymous\" <sip:anonymous@anonymous.invalid>"
            .parse()
            .unwrap_or_else(|_| NameAddr::new(own.clone()))
    };
    let mut headers = Vec::new();
    let mut push = |name: &str, value: String| headers.push((name.to_owned(), value));
    match how {
        IdentityHeader::PAssertedIdentity => push("P-Asserted-Identity", shown.to_string()),
        IdentityHeader::PPreferredIdentity => push("P-Preferred-Identity", shown.to_string()),
        IdentityHeader::RemotePartyId => {
            let privacy = if withheld { "full" } else { "off" };
            push(
                "Remote-Party-ID",
                format!("{};party=calling;screen=yes;privacy={privacy}", NameAddr::named(name, uri)),
            );
        }
        IdentityHeader::From => {}
    }
    // RFC 3325 §9.3: the network that is asked for it takes the identity off.
    if withheld {
        push("Privacy", "id".into());
    }
    Told { from: if withheld { nobody() } else { shown }, headers }
}

/// Whether a header may be named in `pass_headers`.
pub fn may_pass(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    shared::sip::header::is_token(&name) && name.len() > 1 && !NEVER_PASSED.contains(&name.as_str())
        // Ours, by which agents' phones know what call this is.
        && !name.starts_with("x-callfloor-")
}

/// The headers of one side that the other side may see; at most eight, each of at most 512 bytes.
pub fn passed(headers: &Headers, allowed: &[String]) -> Vec<(String, String)> {
    let fits = |value: &str| value.len() <= MAX_PASSED_LEN && !value.chars().any(char::is_control);
    let named = |name: &str| allowed.iter().find(|known| known.eq_ignore_ascii_case(name) && may_pass(known));
    headers
        .iter()
        .filter_map(|(name, value)| Some((named(name)?.clone(), value)))
        .filter(|(_, value)| fits(value))
        .map(|(name, value)| (name, value.to_owned()))
        .take(MAX_PASSED)
        .collect()
}
