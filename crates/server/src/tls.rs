//! The TLS certificate and private key of the server, in files that may change while it runs.

mod contents;
mod expiry;

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use kernel::Timestamp;
use rustls::{
    InconsistentKeys, ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::{CertifiedKey, SingleCertAndKey},
    version::{TLS12, TLS13},
};

use crate::failure::{Failure, ResultExt as _};

pub(crate) use contents::Contents;

/// Remaining validity from which on a certificate is reported. Automatic renewal takes place earlier.
const EXPIRY_WARNING: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// The files of a certificate chain and of its private key, both PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CertificateFiles {
    /// The server's own certificate, followed by the intermediate certificates.
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// A certificate with its key, ready for handshakes. Each identity has its own session cache, so that sessions are not
/// resumed across certificates.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) server_config: Arc<ServerConfig>,
    /// The time at which the first certificate of the chain expires.
    pub(crate) expires_at: Timestamp,
}

impl CertificateFiles {
    /// Reads and parses both files.
    ///
    /// # Errors
    /// If a file can't be read, or the pair is invalid. The message names the file.
    pub(crate) fn load(&self) -> Result<Identity, Failure> {
        self.parse(&self.read()?)
    }

    /// Reads both files.
    ///
    /// # Errors
    /// If a file can't be read, or is larger than 1 MiB.
    pub(crate) fn read(&self) -> Result<Contents, Failure> {
        Contents::read(self)
    }

    /// Parses the contents of the files.
    ///
    /// # Errors
    /// If a file is not valid PEM, or the key does not belong to the certificate. The message names the file.
    pub(crate) fn parse(&self, contents: &Contents) -> Result<Identity, Failure> {
        let (certificate, key) = (self.certificate.display(), self.key.display());
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&contents.certificate)
            .collect::<Result<_, _>>()
            .context(|| format!("{certificate} is not PEM"))?;
        if chain.is_empty() {
            return Err(Failure::new(format!("{certificate} contains no certificate in PEM")));
        }
        let expires_at =
            expiry::chain_expiry(&chain).context(|| format!("{certificate} is not a valid certificate"))?;
        let private = PrivateKeyDer::from_pem_slice(&contents.key)
            .context(|| format!("{key} contains no private key in PEM without a password"))?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let certified = CertifiedKey::from_der(chain, private, &provider).map_err(|error| match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                Failure::new(format!("{key} is not the key of {certificate}"))
            }
            error => Failure::new(format!("{certificate} and {key} can't be used: {error}")),
        })?;
        let mut server_config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13, &TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        server_config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Identity { server_config: Arc::new(server_config), expires_at })
    }
}

impl Identity {
    /// Whether the certificate has expired.
    pub(crate) fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at <= now
    }

    /// A warning if the certificate has expired or expires within 14 days.
    pub(crate) fn expiry_warning(&self, now: Timestamp) -> Option<String> {
        let expiry = self.expires_at;
        if self.is_expired(now) {
            return Some(format!("the certificate expired on {expiry}, and clients refuse it"));
        }
        let remaining = expiry.since(now);
        (remaining < EXPIRY_WARNING)
            .then(|| format!("the certificate expires on {expiry}, in {} days", remaining.as_secs() / 86_400))
    }
}

impl fmt::Display for CertificateFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with {}", self.certificate.display(), self.key.display())
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, CertifiedKey, KeyPair, date_time_ymd};
    use tempfile::TempDir;

    use super::*;

    fn self_signed(until: i32) -> CertifiedKey<KeyPair> {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_after = date_time_ymd(until, 1, 1);
        let signing_key = KeyPair::generate().unwrap();
        CertifiedKey { cert: params.self_signed(&signing_key).unwrap(), signing_key }
    }

    fn files(folder: &TempDir, certificate: &str, key: &str) -> CertificateFiles {
        let files = CertificateFiles { certificate: folder.path().join("tls.crt"), key: folder.path().join("tls.key") };
        std::fs::write(&files.certificate, certificate).unwrap();
        std::fs::write(&files.key, key).unwrap();
        files
    }

    fn load_error(certificate: &str, key: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let error = files(&folder, certificate, key).load().err().unwrap().to_string();
        error.replace(&*folder.path().to_string_lossy(), "")
    }

    #[test]
    fn a_chain_expires_with_the_first_of_its_certificates() {
        let (leaf, issuer) = (self_signed(2040), self_signed(2031));
        let folder = tempfile::tempdir().unwrap();
        let chain = leaf.cert.pem() + &issuer.cert.pem();
        let identity = files(&folder, &chain, &leaf.signing_key.serialize_pem()).load().unwrap();
        assert_eq!(identity.expires_at, "2031-01-01T00:00:00Z".parse().unwrap());
    }

    #[test]
    fn the_expiry_of_a_certificate_after_2049_is_read() {
        let late = self_signed(2051);
        let folder = tempfile::tempdir().unwrap();
        let identity = files(&folder, &late.cert.pem(), &late.signing_key.serialize_pem()).load().unwrap();
        assert_eq!(identity.expires_at, "2051-01-01T00:00:00Z".parse().unwrap());
    }

    #[test]
    fn an_invalid_pair_is_refused_with_the_name_of_the_file() {
        let (one, other) = (self_signed(2040), self_signed(2040));
        let (certificate, key) = (one.cert.pem(), one.signing_key.serialize_pem());
        assert_eq!(load_error(&certificate, &other.signing_key.serialize_pem()), "/tls.key is not the key of /tls.crt");
        assert_eq!(load_error("", &key), "/tls.crt contains no certificate in PEM");
        assert_eq!(load_error(&key, &key), "/tls.crt contains no certificate in PEM");
        assert!(
            load_error("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &key)
                .contains("is not a valid certificate")
        );
        assert!(load_error(&certificate, "").starts_with("/tls.key contains no private key in PEM"));
        assert!(load_error(&certificate[..certificate.len() / 2], &key).starts_with("/tls.crt is not PEM"));
        assert_eq!(load_error(&" ".repeat(1024 * 1024 + 1), &key), "/tls.crt is larger than any certificate or key");
    }

    #[test]
    fn an_expired_or_soon_expiring_certificate_gives_a_warning() {
        let pair = self_signed(2040);
        let folder = tempfile::tempdir().unwrap();
        let identity = files(&folder, &pair.cert.pem(), &pair.signing_key.serialize_pem()).load().unwrap();
        let warning = |now: &str| identity.expiry_warning(now.parse().unwrap());
        assert_eq!(warning("2039-12-17T00:00:00Z"), None);
        assert!(warning("2039-12-19T00:00:00Z").unwrap().ends_with("in 13 days"));
        assert!(warning("2040-01-01T00:00:00Z").unwrap().contains("expired on"));
    }

    #[test]
    fn the_error_names_a_missing_file() {
        let folder = tempfile::tempdir().unwrap();
        let missing = CertificateFiles { certificate: folder.path().join("none.crt"), key: folder.path().join("k") };
        let error = missing.load().err().unwrap().to_string();
        assert!(error.starts_with("can't read ") && error.contains("none.crt"), "{error}");
    }
}
