//! Verification of the certificates of endpoints.

use std::sync::Arc;

use novantra_delivery::{Roots, SystemResolver};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use tokio::{io::AsyncWriteExt, net::TcpListener};
use tokio_rustls::TlsAcceptor;
use webhooks::{AddressPolicy, Failure};

use crate::{
    endpoint::{Endpoint, answer, heard},
    send, trusting,
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
        Roots::Given(vec![self.certificate.clone()])
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
        Endpoint::on(TcpListener::bind(listen).await.expect("a port"), move |stream, requests| {
            let acceptor = acceptor.clone();
            async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                heard(&mut stream, &requests).await;
                let _ = stream.write_all(answer("200 OK", "connection: close\r\n", "").as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        })
    }
}

fn policy() -> AddressPolicy {
    AddressPolicy { allowed: vec!["127.0.0.0/8".parse().unwrap()], loopback: false }
}

#[tokio::test]
async fn a_certificate_counts_when_it_is_of_this_name_and_descends_from_a_root() {
    let (authority, untrusted_authority) = (Authority::new(), Authority::new());
    let good = authority.endpoint("127.0.0.1:0", "127.0.0.1").await;
    let other_name = authority.endpoint("127.0.0.1:0", "other.example").await;
    let unknown = untrusted_authority.endpoint("127.0.0.1:0", "127.0.0.1").await;
    let sender = trusting(policy(), SystemResolver, authority.roots());
    let mut failures = Vec::new();
    for endpoint in [&good, &other_name, &unknown] {
        failures.push(send(&sender, &format!("https://{}/", endpoint.address)).await.failure);
    }
    assert_eq!(failures, [None, Some(Failure::Untrusted), Some(Failure::Untrusted)]);
    assert_eq!((good.requests().len(), other_name.requests().len(), unknown.requests().len()), (1, 0, 0));
}

#[tokio::test]
async fn an_endpoint_that_speaks_no_tls_is_not_trusted() {
    let plain = Endpoint::behaving(|mut stream, _| async move {
        let _ = stream.write_all(answer("400 Bad Request", "", "").as_bytes()).await;
        let _ = stream.shutdown().await;
    })
    .await;
    let sender = trusting(policy(), SystemResolver, Authority::new().roots());
    let outcome = send(&sender, &format!("https://{}/", plain.address)).await;
    assert_eq!(outcome.failure, Some(Failure::Untrusted));
}
