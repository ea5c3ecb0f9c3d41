//! TLS connections to the server, with rustls.

use std::{error::Error as _, io, path::Path, sync::Arc};

use futures_util::{FutureExt as _, future::BoxFuture};
use kernel::StoreError;
use rustls::{
    ClientConfig, DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _},
};
use tokio_postgres::{
    Socket,
    tls::{MakeTlsConnect, TlsConnect},
};
use tokio_rustls::TlsConnector;

use super::tls_socket::TlsSocket;
use crate::engine::{
    location::{Roots, Security, Verification},
    unavailable,
};

/// Opens TLS connections as the URL's parameters require.
#[derive(Clone)]
pub(super) struct Tls {
    connector: TlsConnector,
}

impl Tls {
    /// Creates the configuration. Reads the certificate and key files that the URL names.
    pub(super) fn new(security: &Security) -> Result<Self, StoreError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(unavailable)?
            .dangerous()
            .with_custom_certificate_verifier(verifier(security, provider)?);
        let mut config = match &security.identity {
            Some((certificate, key)) => {
                let key = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, error))?;
                builder.with_client_auth_cert(certificates(certificate)?, key).map_err(unavailable)?
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"postgresql".to_vec()];
        Ok(Self { connector: TlsConnector::from(Arc::new(config)) })
    }
}

fn verifier(security: &Security, provider: Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, StoreError> {
    if security.verification == Verification::None {
        return Ok(Arc::new(AnyCertificate { provider }));
    }
    let roots = Arc::new(roots(&security.roots)?);
    let chain = WebPkiServerVerifier::builder_with_provider(roots, provider).build().map_err(unavailable)?;
    Ok(if security.verification == Verification::Chain { Arc::new(AnyHostName { chain }) } else { chain })
}

fn roots(roots: &Roots) -> Result<RootCertStore, StoreError> {
    let mut store = RootCertStore::empty();
    match roots {
        Roots::File(path) => {
            for certificate in certificates(path)? {
                store.add(certificate).map_err(unavailable)?;
            }
        }
        Roots::System => {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if store.is_empty() {
        return Err(unavailable("no trusted root certificates; set sslrootcert or install the system's certificates"));
    }
    Ok(store)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, StoreError> {
    CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable(path, error))
}

fn unreadable(path: &Path, error: impl std::fmt::Display) -> StoreError {
    unavailable(format!("can't read {}: {error}", path.display()))
}

/// A TLS handshake that failed.
#[derive(Debug, thiserror::Error)]
#[error("the TLS handshake failed")]
pub(super) struct HandshakeFailure(#[from] io::Error);

/// Whether a connection failed in its TLS handshake. With TLS 1.3 a server that misses a client certificate says so after
/// the client's part of it.
pub(super) fn is_handshake_failure(error: &tokio_postgres::Error) -> bool {
    let is_alert = |error: &io::Error| {
        matches!(error.get_ref().and_then(|error| error.downcast_ref()), Some(rustls::Error::AlertReceived(_)))
    };
    error.source().is_some_and(|source| {
        source.is::<HandshakeFailure>() || source.downcast_ref::<io::Error>().is_some_and(is_alert)
    })
}

impl MakeTlsConnect<Socket> for Tls {
    type Stream = TlsSocket;
    type TlsConnect = Handshake;
    type Error = io::Error;

    fn make_tls_connect(&mut self, host: &str) -> io::Result<Handshake> {
        Ok(Handshake { connector: self.connector.clone(), host: host.to_owned() })
    }
}

/// A TLS handshake that has not started yet.
pub(super) struct Handshake {
    connector: TlsConnector,
    host: String,
}

impl TlsConnect<Socket> for Handshake {
    type Stream = TlsSocket;
    type Error = HandshakeFailure;
    type Future = BoxFuture<'static, Result<TlsSocket, HandshakeFailure>>;

    fn connect(self, socket: Socket) -> Self::Future {
        async move {
            let name =
                ServerName::try_from(self.host).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
            Ok(TlsSocket::new(self.connector.connect(name, socket).await?))
        }
        .boxed()
    }
}

/// Accepts any certificate, also one of X.509 version 1, which protects only against passive eavesdropping: `prefer`
/// and `require`. The signatures of the handshake are not verified either: they prove that the server has the key of a
/// certificate that anybody could have made.
#[derive(Debug)]
struct AnyCertificate {
    provider: Arc<CryptoProvider>,
}

/// Accepts a certificate issued under a trusted root, for any host name: `verify-ca`.
#[derive(Debug)]
struct AnyHostName {
    chain: Arc<WebPkiServerVerifier>,
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl ServerCertVerifier for AnyHostName {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        use rustls::CertificateError::{NotValidForName, NotValidForNameContext};
        match self.chain.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            // The host name is checked last, so everything else is valid.
            Err(rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. })) => {
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }

    fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
        self.chain.root_hint_subjects()
    }
}
