//! Whether a server is the domain that we meant (RFC 5922 §7).

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::VerifierBuilderError;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// The usual check of chain, dates and DNS names or addresses; in addition a certificate may name the domain by a
/// `sip:` URI only (§7.1).
///
/// A wildcard in a DNS name counts for one label, as everywhere else: carriers have such certificates, though §7.2
/// would refuse them.
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
