//! TLS of the SIP driver: whose certificate we show, whom we trust, and new files without a restart.
//!
//! Versions 1.2 and 1.3, rustls with ring. A peer that we connect to has to prove the domain of the URI that led to
//! it (RFC 3261 §26.3.1, RFC 5922 §7.2), whatever its address is; there is no switch that turns this off.

mod certificate;
mod keeper;
#[cfg(test)]
pub(super) mod testing;
mod verify;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

pub use certificate::Validity;
pub(super) use keeper::keep;

/// TLS settings of a driver. The default connects to peers that the operating system's authorities vouch for, and
/// listens nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsConfig {
    /// Listeners; port 0 lets the system choose. They need an [`identity`](TlsConfig::identity).
    pub listen: Vec<SocketAddr>,
    /// What we prove to be, to those who connect and to those who ask when we connect.
    pub identity: Option<Identity>,
    /// What those who connect have to prove.
    pub client_certificates: ClientCertificates,
    /// PEM file of the authorities that vouch for the peers we connect to; none for those of the operating system.
    pub authorities: Option<PathBuf>,
    /// PEM files of the only authorities that may vouch for a domain (lower case), such as a carrier's own.
    pub pinned: BTreeMap<String, PathBuf>,
}

/// Our certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// PEM file: our certificate, then those that lead to an authority.
    pub certificate: PathBuf,
    /// PEM file of its key (PKCS #8, PKCS #1 or SEC 1).
    pub key: PathBuf,
}

/// Whether those who connect have to show a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ClientCertificates {
    /// They are not asked.
    #[default]
    Unasked,
    /// Asked; who has none may come in, who has a wrong one may not. The PEM file holds the authorities.
    Optional(PathBuf),
    /// Nobody comes in without. The PEM file holds the authorities.
    Required(PathBuf),
}

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("read {}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file has no PEM block of the kind.
    #[error("find a {what} in {}: it needs a PEM block that begins with -----BEGIN …-----", path.display())]
    Missing {
        /// `certificate` or `private key`.
        what: &'static str,
        /// Which file.
        path: PathBuf,
    },
    /// A PEM block that is damaged.
    #[error("read the {what} in {}: {reason}", path.display())]
    Damaged {
        /// `certificate` or `private key`.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Certificate and key do not work together.
    #[error("use the certificate {} with the key {}: {reason}", certificate.display(), key.display())]
    Identity {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong.
        reason: rustls::Error,
    },
    /// Listeners without a certificate.
    #[error("listen for SIP over TLS: it needs a certificate and its key")]
    NoIdentity,
    /// Authorities that cannot be used.
    #[error("use the authorities in {}: {reason}", path.display())]
    Authorities {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl TlsConfig {
    /// Reads all files and says what would keep them from being used. Gives the validity of our own certificate.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<Option<Validity>, TlsError> {
        let loaded = Loaded::read(self)?;
        if !self.listen.is_empty() && loaded.server.is_none() {
            return Err(TlsError::NoIdentity);
        }
        Ok(loaded.validity)
    }
}

/// The configuration in use; replaced as a whole, so that handshakes see either the old files or the new ones.
pub(super) struct Tls {
    config: TlsConfig,
    loaded: ArcSwap<Loaded>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("config", &self.config).finish_non_exhaustive()
    }
}

struct Loaded {
    /// The bytes of every file, to see when one has changed.
    files: BTreeMap<PathBuf, Vec<u8>>,
    server: Option<Arc<ServerConfig>>,
    client: Arc<ClientConfig>,
    pinned: BTreeMap<String, Arc<ClientConfig>>,
    validity: Option<Validity>,
}

impl Tls {
    pub(super) fn load(config: TlsConfig) -> Result<Tls, TlsError> {
        let loaded = Loaded::read(&config)?;
        if !config.listen.is_empty() && loaded.server.is_none() {
            return Err(TlsError::NoIdentity);
        }
        loaded.tell_validity(config.identity.as_ref());
        Ok(Tls { config, loaded: ArcSwap::from_pointee(loaded) })
    }

    /// Reads the files again; with something wrong in them everything stays as it was. True when they were new.
    pub(super) fn reload(&self) -> Result<bool, TlsError> {
        let loaded = Loaded::read(&self.config)?;
        if loaded.files == self.loaded.load().files {
            return Ok(false);
        }
        loaded.tell_validity(self.config.identity.as_ref());
        self.loaded.store(Arc::new(loaded));
        Ok(true)
    }

    /// For a connection that comes in.
    pub(super) fn acceptor(&self) -> Option<tokio_rustls::TlsAcceptor> {
        self.loaded.load().server.clone().map(Into::into)
    }

    /// For a connection that goes out, and the name that the far side has to prove: the domain, else the address.
    pub(super) fn connector(
        &self,
        domain: Option<&str>,
        address: IpAddr,
    ) -> Option<(tokio_rustls::TlsConnector, ServerName<'static>)> {
        let loaded = self.loaded.load();
        let config = domain.and_then(|domain| loaded.pinned.get(domain)).unwrap_or(&loaded.client);
        let name = match domain {
            Some(domain) => ServerName::try_from(domain.to_owned()).ok()?,
            None => ServerName::IpAddress(address.into()),
        };
        Some((config.clone().into(), name))
    }
}

impl Loaded {
    fn read(config: &TlsConfig) -> Result<Loaded, TlsError> {
        let mut files = Files::default();
        let identity = match &config.identity {
            Some(identity) => {
                Some((identity, files.chain(&identity.certificate)?, files.key(&identity.key)?))
            }
            None => None,
        };
        let validity = match &identity {
            Some((_, chain, _)) => chain.first().and_then(|first| certificate::validity(first)),
            None => None,
        };
        let server = match &identity {
            Some((identity, chain, key)) => {
                Some(Arc::new(server_config(config, identity, chain, key, &mut files)?))
            }
            None => None,
        };
        let mut client = |authorities: Option<&Path>| {
            let roots = match authorities {
                Some(path) => files.roots(path)?,
                None => crate::tls::system_roots(),
            };
            client_config(roots, authorities, identity.as_ref())
        };
        let pinned = config
            .pinned
            .iter()
            .map(|(domain, path)| Ok((domain.to_ascii_lowercase(), client(Some(path))?)))
            .collect::<Result<_, TlsError>>()?;
        let client = client(config.authorities.as_deref())?;
        Ok(Loaded { files: files.read, server, client, pinned, validity })
    }

    fn tell_validity(&self, identity: Option<&Identity>) {
        if let (Some(validity), Some(identity)) = (self.validity, identity)
            && let Some(problem) = validity.problem(crate::clock::now())
        {
            tracing::warn!(certificate = %identity.certificate.display(), "{problem}");
        }
    }
}

type ReadIdentity<'a> = (&'a Identity, Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn server_config(
    config: &TlsConfig,
    identity: &Identity,
    chain: &[CertificateDer<'static>],
    key: &PrivateKeyDer<'static>,
    files: &mut Files,
) -> Result<ServerConfig, TlsError> {
    let wrong = |reason| TlsError::Identity {
        certificate: identity.certificate.clone(),
        key: identity.key.clone(),
        reason,
    };
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(wrong)?;
    let builder = match &config.client_certificates {
        ClientCertificates::Unasked => builder.with_no_client_auth(),
        ClientCertificates::Optional(path) | ClientCertificates::Required(path) => {
            let roots = files.roots(path)?;
            let mut verifier = WebPkiClientVerifier::builder_with_provider(roots, provider());
            if matches!(config.client_certificates, ClientCertificates::Optional(_)) {
                verifier = verifier.allow_unauthenticated();
            }
            let verifier = verifier
                .build()
                .map_err(|error| TlsError::Authorities { path: path.clone(), reason: error.to_string() })?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    builder.with_single_cert(chain.to_vec(), key.clone_key()).map_err(wrong)
}

fn client_config(
    roots: Arc<RootCertStore>,
    authorities: Option<&Path>,
    identity: Option<&ReadIdentity<'_>>,
) -> Result<Arc<ClientConfig>, TlsError> {
    let unusable = |reason: String| TlsError::Authorities {
        path: authorities.unwrap_or(Path::new("the operating system")).to_owned(),
        reason,
    };
    let verifier = verify::Domain::new(roots, provider()).map_err(|error| unusable(error.to_string()))?;
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let config = match identity {
        Some((identity, chain, key)) => builder
            .with_client_auth_cert(chain.clone(), key.clone_key())
            .map_err(|reason| TlsError::Identity {
                certificate: identity.certificate.clone(),
                key: identity.key.clone(),
                reason,
            })?,
        None => builder.with_no_client_auth(),
    };
    Ok(Arc::new(config))
}

/// Reads each file once.
#[derive(Default)]
struct Files {
    read: BTreeMap<PathBuf, Vec<u8>>,
}

impl Files {
    fn bytes(&mut self, path: &Path) -> Result<&[u8], TlsError> {
        if !self.read.contains_key(path) {
            let bytes =
                std::fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source })?;
            self.read.insert(path.to_owned(), bytes);
        }
        Ok(self.read.get(path).map(Vec::as_slice).unwrap_or_default())
    }

    fn chain(&mut self, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        certificate::chain(self.bytes(path)?, path)
    }

    fn key(&mut self, path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
        certificate::key(self.bytes(path)?, path)
    }

    fn roots(&mut self, path: &Path) -> Result<Arc<RootCertStore>, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in self.chain(path)? {
            roots.add(certificate).map_err(|error| TlsError::Authorities {
                path: path.to_owned(),
                reason: error.to_string(),
            })?;
        }
        Ok(Arc::new(roots))
    }
}
