//! TLS to PostgreSQL: each `sslmode` verifies what it verifies in libpq.

use std::{path::PathBuf, sync::Arc};

use kernel::StoreError;
use novantra_store_sql::Database;
use postgres_cluster::TestDatabase;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio_rustls::rustls::{
    RootCertStore, ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
    sign::{CertifiedKey, SingleCertAndKey},
};

use crate::support::tls_front;

type Authority = CertifiedIssuer<'static, KeyPair>;

/// A database behind a server with a certificate for `localhost`.
struct TlsServer {
    fresh: TestDatabase,
    authority: Authority,
    port: u16,
    folder: tempfile::TempDir,
}

/// A certificate of X.509 version 1 for `localhost`, as `openssl x509 -req` issues it, and its key.
const VERSION_1: &str = include_str!("tls/version_1.pem");

impl TlsServer {
    /// Starts a server whose certificate is of X.509 version 1.
    async fn with_version_1() -> Self {
        let (fresh, authority) = (TestDatabase::create().await, new_authority());
        let provider = Arc::new(aws_lc_rs::default_provider());
        let certificate = CertificateDer::from_pem_slice(VERSION_1.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(VERSION_1.as_bytes()).unwrap();
        let key = provider.key_provider.load_private_key(key).unwrap();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(CertifiedKey::new(vec![certificate], key))));
        let port = tls_front::start(&fresh.url(), config).await;
        Self { fresh, authority, port, folder: tempfile::tempdir().unwrap() }
    }

    /// Starts the server. With `requires_client_certificate` it requires one of its clients.
    async fn new(requires_client_certificate: bool) -> Self {
        let (fresh, authority) = (TestDatabase::create().await, new_authority());
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder =
            ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions().unwrap();
        let (certificate, key) = issue_certificate(&authority, "localhost");
        let builder = if requires_client_certificate {
            let mut roots = RootCertStore::empty();
            roots.add(authority.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        } else {
            builder.with_no_client_auth()
        };
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
        let port = tls_front::start(&fresh.url(), config).await;
        Self { fresh, authority, port, folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn root(&self) -> String {
        self.file("root.pem", &self.authority.pem()).display().to_string()
    }

    /// Writes the certificate of a root that did not issue the server's.
    fn other_root(&self) -> String {
        self.file("other.pem", &new_authority().pem()).display().to_string()
    }

    async fn connect(&self, host: &str, parameters: &str) -> Result<(), StoreError> {
        let url = self.fresh.url();
        let (user, _) = url.split_once('@').unwrap();
        let url = format!("{user}@{host}:{}/{}?{parameters}", self.port, self.fresh.name());
        let database = Database::open(&url.parse().unwrap()).await?;
        let time = database.time().await;
        database.close().await;
        time.map(drop)
    }

    async fn assert_refused(&self, host: &str, parameters: &str) {
        let refused = self.connect(host, parameters).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{host} {parameters}: {refused:?}");
    }
}

fn new_authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    Authority::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn issue_certificate(authority: &Authority, name: &str) -> (rcgen::Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    (params.signed_by(&key, authority).unwrap(), key)
}

#[tokio::test]
async fn any_certificate_is_accepted_where_none_is_verified() {
    let encrypted = TlsServer::new(false).await;
    for parameters in ["", "sslmode=disable", "sslmode=prefer", "sslmode=require"] {
        encrypted.connect("127.0.0.1", parameters).await.unwrap();
    }
}

#[tokio::test]
async fn a_certificate_of_version_1_is_accepted_where_none_is_verified() {
    let encrypted = TlsServer::with_version_1().await;
    for parameters in ["", "sslmode=prefer", "sslmode=require"] {
        encrypted.connect("127.0.0.1", parameters).await.unwrap();
    }
    let root = encrypted.file("version_1.pem", VERSION_1).display().to_string();
    encrypted.assert_refused("localhost", &format!("sslmode=verify-full&sslrootcert={root}")).await;
}

#[tokio::test]
async fn a_server_whose_handshake_fails_is_connected_to_without_tls_only_where_that_is_allowed() {
    // Its handshakes fail, because the client has no certificate.
    let encrypted = TlsServer::new(true).await;
    for parameters in ["", "sslmode=prefer"] {
        encrypted.connect("127.0.0.1", parameters).await.unwrap();
    }
    encrypted.assert_refused("127.0.0.1", "sslmode=require").await;
}

#[tokio::test]
async fn the_servers_certificate_must_be_issued_by_the_given_root() {
    let encrypted = TlsServer::new(false).await;
    for mode in ["require", "verify-ca", "verify-full"] {
        let with = |root: String| format!("sslmode={mode}&sslrootcert={root}");
        encrypted.connect("localhost", &with(encrypted.root())).await.unwrap();
        encrypted.assert_refused("localhost", &with(encrypted.other_root())).await;
    }
    encrypted.assert_refused("localhost", "sslmode=verify-full&sslrootcert=system").await;
}

#[tokio::test]
async fn only_verify_full_checks_the_host_name() {
    let encrypted = TlsServer::new(false).await;
    let with = |mode: &str| format!("sslmode={mode}&sslrootcert={}", encrypted.root());
    encrypted.connect("127.0.0.1", &with("verify-ca")).await.unwrap();
    encrypted.assert_refused("127.0.0.1", &with("verify-full")).await;
}

#[tokio::test]
async fn the_client_certificate_is_presented_to_a_server_that_requires_one() {
    let encrypted = TlsServer::new(true).await;
    encrypted.assert_refused("localhost", "sslmode=require").await;
    let (certificate, key) = issue_certificate(&encrypted.authority, "novantra");
    let certificate = encrypted.file("novantra.pem", &certificate.pem());
    let key = encrypted.file("novantra.key", &key.serialize_pem());
    let parameters = format!(
        "sslmode=verify-full&sslrootcert={}&sslcert={}&sslkey={}",
        encrypted.root(),
        certificate.display(),
        key.display()
    );
    encrypted.connect("localhost", &parameters).await.unwrap();
}

#[tokio::test]
async fn an_error_about_a_missing_file_contains_its_path() {
    let encrypted = TlsServer::new(false).await;
    let refused = encrypted.connect("localhost", "sslmode=verify-ca&sslrootcert=/nowhere.pem").await.unwrap_err();
    assert!(
        std::error::Error::source(&refused).is_some_and(|source| source.to_string().contains("/nowhere.pem")),
        "{refused}"
    );
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_tls_is_required() {
    let fresh = TestDatabase::create().await;
    let url = fresh.url();
    let separator = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{separator}sslmode=require");
    let refused = Database::open(&url.parse().unwrap()).await.unwrap().time().await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
}
