//! Dialogs, RFC 3261 §12: plain data that a confirmed session can be saved with.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::api::{Flow, Transport};
use super::header::NameAddr;
use super::message::{Method, Request, Response};
use super::uri::Uri;

/// Where the next request goes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Hop {
    /// Back over a flow that is known to work.
    Flow(Flow),
    /// To whatever this URI resolves to.
    Uri(Uri),
}

/// The state of one dialog.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dialog {
    /// Call-ID.
    pub call_id: String,
    /// Our side with our tag.
    pub local: NameAddr,
    /// The far side with its tag.
    pub remote: NameAddr,
    /// CSeq of our last request.
    pub local_cseq: u32,
    /// CSeq of the far side's last request.
    pub remote_cseq: Option<u32>,
    /// Remote target.
    pub target: Uri,
    /// Route set, next hop first.
    pub routes: Vec<NameAddr>,
    /// Goes before the target: the stream that the dialog lives on, or the far side of a NAT.
    pub flow: Option<Flow>,
}

impl Dialog {
    /// The dialog of our INVITE and this response to it (§12.1.2); `None` without To tag or Contact. `explicit` is
    /// the flow that the user ordered.
    pub(super) fn of_caller(
        request: &Request,
        response: &Response,
        flow: Flow,
        explicit: Option<Flow>,
    ) -> Option<Dialog> {
        let remote = response.headers.address("To")?;
        remote.tag()?;
        let mut routes = response.headers.addresses("Record-Route");
        routes.reverse();
        // A 1xx without Contact still makes an early dialog for some peers; the Request-URI stands in.
        let target = response.headers.addresses("Contact").into_iter().next().map(|contact| contact.uri);
        let target = target.unwrap_or_else(|| request.uri.clone()).to_request_uri();
        let flow = if routes.is_empty() && explicit.is_some() {
            // What the peer answered on; the same as the explicit one, with the number of the stream.
            Some(flow)
        } else {
            sticky(flow, &target, &routes, false)
        };
        Some(Dialog {
            call_id: request.headers.call_id().to_owned(),
            local: request.headers.address("From")?,
            remote,
            local_cseq: request.headers.cseq()?.number,
            remote_cseq: None,
            target,
            routes,
            flow,
        })
    }

    /// The dialog of an incoming INVITE (§12.1.1).
    pub(super) fn of_callee(request: &Request, local_tag: &str, flow: Flow) -> Option<Dialog> {
        // Contact is required (§8.1.1.8), but peers of RFC 2543 may leave it out: then From is where they are.
        let old = request.headers.via().is_some_and(|via| !via.has_magic());
        let contact = request.headers.addresses("Contact").into_iter().next();
        let contact = contact.or_else(|| request.headers.address("From").filter(|_| old))?;
        let target = contact.uri.to_request_uri();
        let routes = request.headers.addresses("Record-Route");
        let natted = request.headers.via().is_some_and(|via| via.ip() != Some(flow.remote.ip()));
        let flow = sticky(flow, &target, &routes, natted);
        Some(Dialog {
            call_id: request.headers.call_id().to_owned(),
            local: request.headers.address("To")?.with_tag(local_tag),
            remote: request.headers.address("From")?,
            local_cseq: 0,
            remote_cseq: Some(request.headers.cseq()?.number),
            target,
            routes,
            flow,
        })
    }

    /// The far side's tag; empty for peers of RFC 2543.
    pub fn remote_tag(&self) -> &str {
        self.remote.tag().unwrap_or_default()
    }

    /// A request within the dialog (§12.2.1.1). ACK takes the number of its INVITE instead of the next one.
    pub(super) fn request(&mut self, method: Method, ack_cseq: Option<u32>) -> Request {
        let number = ack_cseq.unwrap_or_else(|| {
            self.local_cseq = self.local_cseq.saturating_add(1);
            self.local_cseq
        });
        let is_strict = self.routes.first().is_some_and(|route| route.uri.param("lr").is_none());
        let (uri, routes) = match self.routes.split_first() {
            Some((first, rest)) if is_strict => {
                let mut routes = rest.to_vec();
                routes.push(NameAddr::new(self.target.clone()));
                (first.uri.to_request_uri(), routes)
            }
            _ => (self.target.clone(), self.routes.clone()),
        };
        let mut request = Request::new(method, uri);
        request.headers.push("Max-Forwards", "70");
        for route in routes {
            request.headers.push("Route", route.to_string());
        }
        request.headers.push("From", self.local.to_string());
        request.headers.push("To", self.remote.to_string());
        request.headers.push("Call-ID", &self.call_id);
        request.headers.push("CSeq", format!("{number} {}", request.method));
        request
    }

    /// `alive` says whether a flow may still be used.
    pub(super) fn hop(&self, alive: impl Fn(&Flow) -> bool) -> Hop {
        match (self.flow.filter(alive), self.routes.first()) {
            (Some(flow), _) => Hop::Flow(flow),
            (None, Some(route)) => Hop::Uri(route.uri.clone()),
            (None, None) => Hop::Uri(self.target.clone()),
        }
    }

    /// False for a request that is out of order (§12.2.2).
    pub(super) fn accept(&mut self, number: u32) -> bool {
        if self.remote_cseq.is_some_and(|last| number <= last) {
            return false;
        }
        self.remote_cseq = Some(number);
        true
    }

    /// Takes the Contact of a target refresh request or of its 2xx.
    pub(super) fn refresh_target(&mut self, headers: &super::message::Headers) {
        if let Some(contact) = headers.addresses("Contact").into_iter().next() {
            self.target = contact.uri.to_request_uri();
        }
    }
}

/// The flow to keep using instead of the target's address: a stream, or a peer behind a NAT whose Contact cannot be
/// reached.
fn sticky(flow: Flow, target: &Uri, routes: &[NameAddr], natted: bool) -> Option<Flow> {
    if flow.transport != Transport::Udp {
        return Some(flow);
    }
    if !routes.is_empty() {
        return None;
    }
    let contact = target.ip()?;
    let elsewhere = contact != flow.remote.ip();
    (elsewhere && (natted || (is_private(contact) && !is_private(flow.remote.ip())))).then_some(flow)
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_unspecified(),
        IpAddr::V6(ip) => {
            ip.is_loopback() || ip.is_unspecified() || ip.is_unique_local() || ip.is_unicast_link_local()
        }
    }
}
