//! Which legs are encrypted: the policy of the account, and whether its keys may travel.

use shared::id::{TrunkId, UserId};
use shared::sdp::crypto::{Encryption, Policy};
use shared::sip::{Flow, Scheme, Transport, Uri};

use super::Switch;

/// Whose leg it is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Account<'a> {
    /// A call over a trunk.
    Trunk(&'a TrunkId),
    /// An agent's phone.
    Person(&'a UserId),
    /// Anybody else.
    Stranger,
}

impl Switch {
    /// The policy of an account, with new keys, for a leg whose signalling is encrypted or not.
    pub(super) fn encryption(&mut self, account: Account<'_>, is_encrypted: bool) -> Encryption {
        let (policy, without_tls) = self.srtp_policy(account);
        Encryption::new(policy, &mut self.random).over_signalling(is_encrypted || without_tls)
    }

    fn srtp_policy(&self, account: Account<'_>) -> (Policy, bool) {
        let config = &self.config;
        let (policy, without_tls) = match account {
            Account::Trunk(id) => config
                .trunks
                .iter()
                .find(|trunk| trunk.id == *id)
                .map_or((None, None), |trunk| (trunk.srtp, trunk.srtp_without_tls)),
            Account::Person(user) => config
                .agents
                .iter()
                .find(|agent| agent.id.to_user() == *user)
                .map_or((None, None), |agent| (agent.srtp, agent.srtp_without_tls)),
            Account::Stranger => (None, None),
        };
        (policy.unwrap_or(config.media.srtp), without_tls.unwrap_or(config.media.srtp_without_tls))
    }
}

/// Whether what arrives over the flow cannot be read on its way.
pub(super) fn is_encrypted(flow: &Flow) -> bool {
    flow.transport == Transport::Tls
}

/// Whether a request to `target` goes over TLS, by the flow of its registration or by its address.
pub(super) fn goes_encrypted(flow: Option<&Flow>, target: &Uri) -> bool {
    match flow {
        Some(flow) => is_encrypted(flow),
        None => target.scheme == Scheme::Sips || target.transport() == Some(Transport::Tls),
    }
}
