//! Verification of the certificates of endpoints.

use std::sync::Arc;

use delivery::{Roots, SystemResolver};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use tokio::{io::AsyncWriteExt, net::TcpListener};
use tokio_rustls::TlsAcceptor;
use webhooks::{AddressPolicy, AttemptFailure};

use super::{
    endpoint::{Endpoint, receive_request, response},
    send, sender_with_roots,
};

/// A certificate authority for endpoints.
pub(crate) struct Authority {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("a certificate").der().clone();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    /// The root certificates that trust only this authority.
    pub(crate) fn roots(&self) -> Roots {
        Roots::Custom(vec![self.certificate.clone()])
    }

    /// Creates an endpoint with a certificate for this name.
    pub(crate) async fn endpoint(&self, listen: &str, name: &str) -> Endpoint {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new([name.to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate").der().clone();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
            .expect("a certificate with its key");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Endpoint::with_listener(TcpListener::bind(listen).await.expect("a port"), move |stream, requests| {
            let acceptor = acceptor.clone();
            async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                receive_request(&mut stream, &requests).await;
                let _ = stream.write_all(response("200 OK", "connection: close\r\n", "").as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        })
    }
}

fn policy() -> AddressPolicy {
    AddressPolicy { allowed: vec!["127.0.0.0/8".parse().unwrap()], loopback: false }
}

#[tokio::test]
async fn a_certificate_must_match_the_name_and_be_issued_by_a_trusted_root() {
    let (authority, untrusted_authority) = (Authority::new(), Authority::new());
    let good = authority.endpoint("127.0.0.1:0", "127.0.0.1").await;
    let other_name = authority.endpoint("127.0.0.1:0", "other.example").await;
    let unknown = untrusted_authority.endpoint("127.0.0.1:0", "127.0.0.1").await;
    let sender = sender_with_roots(policy(), SystemResolver, authority.roots());
    let mut failures = Vec::new();
    for endpoint in [&good, &other_name, &unknown] {
        failures.push(send(&sender, &format!("https://{}/", endpoint.address)).await.failure);
    }
    assert_eq!(failures, [None, Some(AttemptFailure::Untrusted), Some(AttemptFailure::Untrusted)]);
    assert_eq!((good.requests().len(), other_name.requests().len(), unknown.requests().len()), (1, 0, 0));
}

#[tokio::test]
async fn an_endpoint_without_tls_is_not_trusted() {
    let plain = Endpoint::with_behaviour(|mut stream, _| async move {
        let _ = stream.write_all(response("400 Bad Request", "", "").as_bytes()).await;
        let _ = stream.shutdown().await;
    })
    .await;
    let sender = sender_with_roots(policy(), SystemResolver, Authority::new().roots());
    let outcome = send(&sender, &format!("https://{}/", plain.address)).await;
    assert_eq!(outcome.failure, Some(AttemptFailure::Untrusted));
}
