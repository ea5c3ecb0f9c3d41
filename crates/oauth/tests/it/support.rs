//! Clients, randomness and requests that the tests share.

use std::{
    future::Future,
    sync::atomic::{AtomicU8, Ordering},
    task::{Context, Poll, Waker},
    time::Duration,
};

use auth::{ClientSecret, SecretHash, SecretHasher};
use kernel::{Entropy, FieldError, Id, OrganizationId, Timestamp, Ulid};
use oauth::{
    ClientId, ClientKind, ClientRequest, GrantType, IdTokenAlgorithm, OAuthClient, OAuthErrorCode, Parameters,
};

pub(crate) const CATALOGUE: [&str; 4] = ["compute", "compute:read", "compute:write", "data:query"];
pub(crate) const RESOURCE: &str = "https://n.example/v2";
pub(crate) const ISSUER: &str = "https://n.example";
pub(crate) const ORGANIZATION: OrganizationId = Id::new(Ulid(2));
pub(crate) const CLIENT: ClientId = ClientId(Ulid(0xabc));
pub(crate) const CALLBACK: &str = "https://app.example/cb";
/// The verifier and challenge of RFC 7636, appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// Randomness that differs at each call.
#[derive(Default)]
pub(crate) struct Counter(AtomicU8);

impl Entropy for Counter {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(self.0.fetch_add(1, Ordering::Relaxed));
    }

    fn ulid(&self, _: Timestamp) -> Ulid {
        Ulid(7)
    }
}

/// Hashes that are the secret itself.
pub(crate) struct Plain;

impl SecretHasher for Plain {
    fn hash(&self, secret: &ClientSecret, _: Option<&SecretHash>) -> SecretHash {
        SecretHash::new(secret.expose())
    }

    fn verify(&self, secret: &ClientSecret, hashes: &[&SecretHash]) -> bool {
        hashes.iter().any(|hash| hash.as_str() == secret.expose())
    }
}

pub(crate) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000) + Duration::from_secs(seconds)
}

pub(crate) fn request(kind: ClientKind) -> ClientRequest {
    ClientRequest {
        name: "Portal".to_owned(),
        kind,
        redirect_uris: vec![CALLBACK.to_owned(), "com.example.app:/cb".to_owned()],
        scopes: "compute data:query".to_owned(),
        grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        id_token_algorithm: IdTokenAlgorithm::Rs256,
    }
}

pub(crate) fn register(request: ClientRequest) -> Result<(OAuthClient, Option<ClientSecret>), Vec<FieldError>> {
    OAuthClient::register(CLIENT, ORGANIZATION, request, &CATALOGUE, &Plain, &Counter::default())
}

pub(crate) fn client(kind: ClientKind) -> OAuthClient {
    register(request(kind)).unwrap().0
}

/// Returns the parameters with some replaced; an empty value removes one.
pub(crate) fn form(base: &[(&str, &str)], changes: &[(&str, &str)]) -> Parameters {
    let kept = base.iter().filter(|(name, _)| changes.iter().all(|(other, _)| other != name));
    let mut encoder = form_urlencoded::Serializer::new(String::new());
    encoder.extend_pairs(kept.chain(changes));
    Parameters::parse(encoder.finish().as_bytes())
}

pub(crate) fn code_of<T>(result: Result<T, oauth::OAuthError>) -> Option<OAuthErrorCode> {
    result.err().map(|error| error.code)
}

/// Runs a future that never waits.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the memory store waits"),
    }
}
