//! Whether a server is the domain that we meant (RFC 5922 §7).

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::VerifierBuilderError;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// The usual check of chain, dates and DNS names or addresses; in addition a certificate may name the domain by a
/// `sip:` URI only (§7.1), and a wildcard in a DNS name counts for nothing (§7.2): whoever runs one server of a domain
/// does not answer for its calls.
#[derive(Debug)]
pub(super) struct Domain {
    usual: Arc<WebPkiServerVerifier>,
}

impl Domain {
    pub(super) fn new(
        roots: Arc<RootCertStore>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Domain, VerifierBuilderError> {
        let usual = WebPkiServerVerifier::builder_with_provider(roots, provider).build()?;
        Ok(Domain { usual })
    }
}

impl ServerCertVerifier for Domain {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let usual = self.usual.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match usual {
            // Said only when everything but the name is right.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if names_by_uri(end_entity, server_name) => Ok(ServerCertVerified::assertion()),
            Ok(_) if !names_itself(end_entity, server_name) && !names_by_uri(end_entity, server_name) => {
                Err(Error::InvalidCertificate(CertificateError::NotValidForName))
            }
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}

/// A subjectAltName `sip:domain`; one with a user part names a person, not the domain (§7.1).
fn names_by_uri(certificate: &CertificateDer<'_>, name: &ServerName<'_>) -> bool {
    let ServerName::DnsName(name) = name else { return false };
    let Ok(parsed) = webpki::EndEntityCert::try_from(certificate) else { return false };
    parsed.valid_uri_names().any(|uri| {
        uri.parse::<shared::sip::Uri>().is_ok_and(|uri| {
            uri.is_sip() && uri.user.is_none() && uri.host.eq_ignore_ascii_case(name.as_ref())
        })
    })
}

/// A DNS name that is the domain and not a pattern for it; addresses have no patterns.
fn names_itself(certificate: &CertificateDer<'_>, name: &ServerName<'_>) -> bool {
    let ServerName::DnsName(name) = name else { return true };
    let Ok(parsed) = webpki::EndEntityCert::try_from(certificate) else { return false };
    let plain = |name: &str| name.trim_end_matches('.').to_ascii_lowercase();
    parsed.valid_dns_names().any(|known| plain(known) == plain(name.as_ref()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::certificate::chain;
    use super::super::testing::Authority;
    use super::*;

    #[test]
    fn a_wildcard_proves_no_name() {
        let authority = Authority::new();
        let mut roots = RootCertStore::empty();
        for root in chain(authority.pem().as_bytes(), Path::new("ca.crt")).expect("an authority") {
            roots.add(root).expect("a root");
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let domain = Domain::new(Arc::new(roots), provider).expect("a verifier");
        for (names, right) in [
            (&["sip.example.com"][..], true),
            (&["*.example.com"], false),
            (&["*.example.com", "Sip.Example.com"], true),
            (&["*.example.com", "sip:sip.example.com"], true),
        ] {
            let (certificate, _) = authority.issue(names);
            let shown = chain(certificate.as_bytes(), Path::new("sip.crt")).expect("a certificate");
            let (own, others) = shown.split_first().expect("one at least");
            let name = ServerName::try_from("sip.example.com").expect("a name");
            let judged = domain.verify_server_cert(own, others, &name, &[], UnixTime::now());
            assert_eq!(judged.is_ok(), right, "{names:?}: {judged:?}");
        }
    }
}
