//! Whose certificates endpoints are believed with.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs, pki_types::CertificateDer};

/// The certificates that every chain has to end in.
#[derive(Clone, Debug)]
pub enum Roots {
    /// Those of the system; `SSL_CERT_FILE` and `SSL_CERT_DIR` name others.
    System,
    /// These.
    Given(Vec<CertificateDer<'static>>),
}

/// There is no certificate to trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this system has no root certificates, so no endpoint can be trusted: install them (ca-certificates), or name a file of them in SSL_CERT_FILE"
)]
pub struct NoRoots;

impl Roots {
    /// How many there are.
    ///
    /// # Errors
    /// [`NoRoots`].
    pub fn count(&self) -> Result<usize, NoRoots> {
        self.store().map(|store| store.len())
    }

    fn store(&self) -> Result<RootCertStore, NoRoots> {
        let mut store = RootCertStore::empty();
        match self {
            Self::System => store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs),
            Self::Given(certificates) => store.add_parsable_certificates(certificates.iter().cloned()),
        };
        if store.is_empty() { Err(NoRoots) } else { Ok(store) }
    }

    /// What handshakes are made with.
    ///
    /// # Errors
    /// [`NoRoots`].
    pub fn client_config(&self) -> Result<ClientConfig, NoRoots> {
        self.store().map(config)
    }

    /// What handshakes fail with: for a client that makes none.
    #[must_use]
    pub fn none() -> ClientConfig {
        config(RootCertStore::empty())
    }
}

fn config(roots: RootCertStore) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has both versions of TLS")
        .with_root_certificates(roots)
        .with_no_client_auth()
}
