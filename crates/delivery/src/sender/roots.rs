//! The root certificates that endpoints are verified with.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs, pki_types::CertificateDer};

/// The trusted root certificates.
#[derive(Clone, Debug)]
pub enum Roots {
    /// The certificates of the system; `SSL_CERT_FILE` and `SSL_CERT_DIR` override them.
    System,
    /// The given certificates.
    Custom(Vec<CertificateDer<'static>>),
}

/// There are no root certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this system has no root certificates, so no endpoint can be trusted: install them (ca-certificates), or name a file of them in SSL_CERT_FILE"
)]
pub struct RootsUnavailable;

impl Roots {
    /// Returns the number of certificates.
    ///
    /// # Errors
    /// [`RootsUnavailable`].
    pub fn count(&self) -> Result<usize, RootsUnavailable> {
        self.store().map(|store| store.len())
    }

    fn store(&self) -> Result<RootCertStore, RootsUnavailable> {
        let mut store = RootCertStore::empty();
        match self {
            Self::System => store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs),
            Self::Custom(certificates) => store.add_parsable_certificates(certificates.iter().cloned()),
        };
        if store.is_empty() { Err(RootsUnavailable) } else { Ok(store) }
    }

    /// Returns the TLS configuration that trusts these certificates.
    ///
    /// # Errors
    /// [`RootsUnavailable`].
    pub fn client_config(&self) -> Result<ClientConfig, RootsUnavailable> {
        self.store().map(config)
    }

    /// Returns a TLS configuration without certificates, for a client that makes no TLS connections.
    #[must_use]
    pub fn empty_client_config() -> ClientConfig {
        config(RootCertStore::empty())
    }
}

fn config(roots: RootCertStore) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider supports both TLS versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}
