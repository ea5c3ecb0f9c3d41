//! Client authentication (RFC 6749 § 2.3): in the header or in the body, never in both.

use auth::{ClientSecret, DUMMY_HASH, SecretHash, SecretHasher};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use kernel::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    client::{ClientKind, OAuthClient},
    error::OAuthError,
    parameters::Parameters,
};

/// The `client_assertion_type` of a signed JWT (RFC 7523).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The proof of a client's identity.
#[derive(Clone, Debug)]
pub enum ClientCredentials {
    /// Nothing: a public client.
    None,
    /// A secret, in the header or in the body.
    Secret(SecretString),
    /// A signed JWT of a workload identity.
    Assertion(SecretString),
}

/// The client that a request names, and what it proves that with. Nothing is verified yet.
#[derive(Clone, Debug)]
pub struct PresentedClient {
    /// The identifier: `app-…` or `svc_…`.
    pub client_id: String,
    /// The credentials.
    pub credentials: ClientCredentials,
}

impl PresentedClient {
    /// Reads the client from the value of `Authorization` and the form.
    ///
    /// # Errors
    /// `invalid_request` if credentials are in both, or of two kinds; `invalid_client` if there is no client or the
    /// header is malformed.
    pub fn read(authorization: Option<&str>, form: &Parameters) -> Result<Self, OAuthError> {
        let secret = form.get("client_secret");
        let assertion = form.get("client_assertion");
        if usize::from(authorization.is_some()) + usize::from(secret.is_some()) + usize::from(assertion.is_some()) > 1 {
            return Err(OAuthError::request("the client must authenticate in one way only"));
        }
        let in_form = form.get("client_id");
        if let Some(header) = authorization {
            let (client_id, secret) = basic(header).ok_or_else(OAuthError::invalid_client)?;
            if in_form.is_some_and(|other| other != client_id) {
                return Err(OAuthError::request("client_id differs from that of the header"));
            }
            return Ok(Self { client_id, credentials: ClientCredentials::Secret(secret) });
        }
        let client_id = in_form.ok_or_else(OAuthError::invalid_client)?.to_owned();
        let credentials = match (secret, assertion) {
            (Some(secret), _) => ClientCredentials::Secret(SecretString::from(secret)),
            (None, Some(assertion)) => {
                if form.get("client_assertion_type") != Some(JWT_BEARER) {
                    return Err(OAuthError::request(format!("client_assertion_type must be {JWT_BEARER}")));
                }
                ClientCredentials::Assertion(SecretString::from(assertion))
            }
            (None, None) => ClientCredentials::None,
        };
        Ok(Self { client_id, credentials })
    }

    /// Returns the registered client if the credentials are its own. A secret is hashed also if there is no such client,
    /// so that the time of the answer does not tell.
    ///
    /// # Errors
    /// `invalid_client`.
    pub fn authenticate<'c>(
        &self,
        client: Option<&'c OAuthClient>,
        hasher: &dyn SecretHasher,
        now: Timestamp,
    ) -> Result<&'c OAuthClient, OAuthError> {
        let client = client.filter(|client| client.id.to_string() == self.client_id);
        let confidential = client.filter(|client| client.kind == ClientKind::Confidential);
        let authenticated = match &self.credentials {
            ClientCredentials::None => client.filter(|client| client.kind == ClientKind::Public),
            ClientCredentials::Assertion(_) => None,
            ClientCredentials::Secret(text) => ClientSecret::parse(text.expose_secret()).and_then(|secret| {
                let dummy = SecretHash::new(DUMMY_HASH);
                let mut hashes: Vec<_> =
                    confidential.into_iter().flat_map(|client| client.valid_secrets(now)).collect();
                if hashes.is_empty() {
                    hashes.push(&dummy);
                }
                confidential.filter(|_| hasher.verify(&secret, &hashes))
            }),
        };
        authenticated.ok_or_else(OAuthError::invalid_client)
    }
}

/// Reads `Basic`: identifier and secret are form-encoded before base64 (RFC 6749 § 2.3.1).
fn basic(header: &str) -> Option<(String, SecretString)> {
    let (scheme, encoded) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("basic").then_some(())?;
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (client_id, secret) = text.split_once(':')?;
    Some((form_decoded(client_id), SecretString::from(form_decoded(secret))))
}

fn form_decoded(text: &str) -> String {
    // Only names can't contain `&` and `=`: as the value of a nameless pair, `=` is kept, and `&` can't occur encoded.
    let pair = format!("={}", text.replace('&', "%26"));
    form_urlencoded::parse(pair.as_bytes()).next().map_or_else(String::new, |(_, value)| value.into_owned())
}
