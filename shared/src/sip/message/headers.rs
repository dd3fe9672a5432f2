//! The header fields of a message.

use std::fmt;

use rsip::headers::UntypedHeader;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The header fields of a message in their order, held by rsip. One field holds one value: the reader splits
/// lists of Via, Route, Contact and the like.
///
/// Looking a field up compares names once, not once a field: [`Headers::get`] costs some ten nanoseconds.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Headers(rsip::Headers);

macro_rules! names {
    ($($variant:ident $name:literal)*) => {
        /// The name of a field: one of those that rsip has a variant for, or any other.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub enum Name<'a> {
            $($variant,)*
            Other(&'a str),
        }

        impl<'a> Name<'a> {
            /// From a long name in any case.
            pub fn from_long(name: &'a str) -> Name<'a> {
                $(if name.len() == $name.len() && name.eq_ignore_ascii_case($name) {
                    return Name::$variant;
                })*
                Name::Other(name)
            }

            /// As it is written.
            pub fn as_str(self) -> &'a str {
                match self {
                    $(Name::$variant => $name,)*
                    Name::Other(name) => name,
                }
            }

            fn of(header: &'a rsip::Header) -> Name<'a> {
                match header {
                    $(rsip::Header::$variant(_) => Name::$variant,)*
                    rsip::Header::Other(name, _) => Name::Other(name),
                }
            }
        }

        fn make(name: Name<'_>, value: String) -> rsip::Header {
            match name {
                $(Name::$variant => rsip::Header::$variant(rsip::headers::$variant::new(value)),)*
                Name::Other(name) => rsip::Header::Other(name.to_owned(), value),
            }
        }

        fn parts(header: &rsip::Header) -> (&str, &str) {
            match header {
                $(rsip::Header::$variant(inner) => ($name, inner.value()),)*
                rsip::Header::Other(name, value) => (name, value),
            }
        }
    };
}

names! {
    Via "Via"
    From "From"
    To "To"
    CallId "Call-ID"
    CSeq "CSeq"
    Contact "Contact"
    MaxForwards "Max-Forwards"
    Route "Route"
    RecordRoute "Record-Route"
    ContentType "Content-Type"
    ContentLength "Content-Length"
    UserAgent "User-Agent"
    Server "Server"
    Allow "Allow"
    Supported "Supported"
    Require "Require"
    Expires "Expires"
    Authorization "Authorization"
    ProxyAuthorization "Proxy-Authorization"
    WwwAuthenticate "WWW-Authenticate"
    ProxyAuthenticate "Proxy-Authenticate"
    AuthenticationInfo "Authentication-Info"
    Accept "Accept"
    AcceptEncoding "Accept-Encoding"
    AcceptLanguage "Accept-Language"
    AlertInfo "Alert-Info"
    CallInfo "Call-Info"
    ContentDisposition "Content-Disposition"
    ContentEncoding "Content-Encoding"
    ContentLanguage "Content-Language"
    Date "Date"
    ErrorInfo "Error-Info"
    Event "Event"
    InReplyTo "In-Reply-To"
    MimeVersion "MIME-Version"
    MinExpires "Min-Expires"
    Organization "Organization"
    Priority "Priority"
    ProxyRequire "Proxy-Require"
    ReplyTo "Reply-To"
    RetryAfter "Retry-After"
    Subject "Subject"
    SubscriptionState "Subscription-State"
    Timestamp "Timestamp"
    Unsupported "Unsupported"
    Warning "Warning"
}

impl Name<'_> {
    /// The same field, in any spelling of a name that rsip does not know.
    fn is(self, other: Name<'_>) -> bool {
        match (self, other) {
            (Name::Other(own), Name::Other(their)) => own.eq_ignore_ascii_case(their),
            (own, their) => own == their,
        }
    }
}

impl Headers {
    /// No headers.
    pub fn new() -> Headers {
        Headers::default()
    }

    /// No headers yet, room for some.
    pub fn with_capacity(fields: usize) -> Headers {
        Headers(Vec::with_capacity(fields).into())
    }

    /// The first value of `name`, in any case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.value(Name::from_long(name))
    }

    /// The first value of a field whose name has been read already.
    pub fn value(&self, name: Name<'_>) -> Option<&str> {
        self.0.iter().find(|header| Name::of(header).is(name)).map(|header| parts(header).1)
    }

    /// All values of `name` in their order.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let name = Name::from_long(name);
        self.0.iter().filter(move |header| Name::of(header).is(name)).map(|header| parts(header).1)
    }

    /// True when `name` is there.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// True when a comma list such as Supported, Require or Allow holds `token`, in any case.
    pub fn lists(&self, name: &str, token: &str) -> bool {
        self.all(name).any(|value| value.split(',').any(|item| item.trim().eq_ignore_ascii_case(token)))
    }

    /// Name and value of each field.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(parts)
    }

    /// Name, as something to match on, and value of each field.
    pub fn fields(&self) -> impl Iterator<Item = (Name<'_>, &str)> {
        self.0.iter().map(|header| (Name::of(header), parts(header).1))
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.0.iter().size_hint().0
    }

    /// True without any field.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a field at the end. Line ends in `name` and `value` become spaces, so that no value that came from
    /// outside can smuggle in a header of its own.
    pub fn push(&mut self, name: &str, value: impl AsRef<str>) {
        self.0.push(clean(name, value.as_ref()));
    }

    /// Adds what the reader has cleaned already.
    pub(in crate::sip) fn push_read(&mut self, name: Name<'_>, value: String) {
        self.0.push(make(name, value));
    }

    /// Adds all fields of another message for which `wanted` says so, without looking at their values again.
    pub fn copy(&mut self, from: &Headers, wanted: impl Fn(Name<'_>) -> bool) {
        for header in from.0.iter().filter(|header| wanted(Name::of(header))) {
            self.0.push(header.clone());
        }
    }

    /// Adds a field at the front: Via.
    pub fn push_front(&mut self, name: &str, value: impl AsRef<str>) {
        let mut fields = Vec::from(std::mem::take(&mut self.0));
        fields.insert(0, clean(name, value.as_ref()));
        self.0 = fields.into();
    }

    /// Puts `value` in place of the first value of `name`, which stays absent when it is.
    pub fn set_first(&mut self, name: &str, value: impl AsRef<str>) {
        let wanted = Name::from_long(name);
        if let Some(header) = self.0.iter_mut().find(|header| Name::of(header).is(wanted)) {
            *header = clean(name, value.as_ref());
        }
    }

    /// Puts `value` in place of all values of `name`.
    pub fn set(&mut self, name: &str, value: impl AsRef<str>) {
        let wanted = Name::from_long(name);
        let mut made = Some(clean(name, value.as_ref()));
        if let Some(header) = self.0.iter_mut().find(|header| Name::of(header).is(wanted))
            && let Some(made) = made.take()
        {
            *header = made;
        }
        match made {
            Some(made) => self.0.push(made),
            None => {
                let mut first = true;
                self.0.retain(|header| !Name::of(header).is(wanted) || std::mem::take(&mut first));
            }
        }
    }

    /// Removes all values of `name`.
    pub fn remove(&mut self, name: &str) {
        let wanted = Name::from_long(name);
        self.0.retain(|header| !Name::of(header).is(wanted));
    }

    /// Adds what a user gave.
    pub fn extend(&mut self, fields: &[(String, String)]) {
        for (name, value) in fields {
            self.push(name, value);
        }
    }
}

/// NUL is the other byte that no peer can be trusted with, but as a quoted pair it is a character of a name like
/// any other (RFC 4475 §3.1.1.2).
pub(in crate::sip) fn clean_value(value: &str) -> String {
    let mut escaped = false;
    value
        .chars()
        .map(|c| {
            let unsafe_here = matches!(c, '\r' | '\n') || (c == '\0' && !escaped);
            escaped = c == '\\' && !escaped;
            if unsafe_here { ' ' } else { c }
        })
        .collect()
}

pub(in crate::sip) fn is_clean(text: &str) -> bool {
    memchr::memchr3(b'\r', b'\n', 0, text.as_bytes()).is_none()
}

fn clean(name: &str, value: &str) -> rsip::Header {
    let value = if is_clean(value) { value.to_owned() } else { clean_value(value) };
    if is_clean(name) && !name.contains(':') {
        return make(Name::from_long(name), value);
    }
    let name: String = name.chars().filter(|c| !matches!(c, '\r' | '\n' | '\0' | ':')).collect();
    make(Name::from_long(&name), value)
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<N: AsRef<str>, V: AsRef<str>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Headers {
        let mut headers = Headers::new();
        for (name, value) in fields {
            headers.push(name.as_ref(), value);
        }
        headers
    }
}

impl Serialize for Headers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = Vec::<(String, String)>::deserialize(deserializer)?;
        Ok(fields.into_iter().collect())
    }
}
