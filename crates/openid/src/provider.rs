//! The flow: the address that the browser is sent to, and the redemption of the code that it comes back with.

use std::sync::Arc;

use async_trait::async_trait;
use auth::{IdTokenExpectation, IdTokenFault, IdentityProvider, OpenIdFlow, OpenIdRefusal, ProviderPerson};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use crypto::{ProviderKeys, VerifiedIdToken};
use delivery::Roots;
use kernel::Clock;
use reqwest::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

use crate::{
    claims,
    kept_document::KeptDocument,
    metadata::{Metadata, metadata_url},
    requests::{ProviderProblem, Requests},
};

/// Maximum number of codes that are redeemed at once.
const MAX_REDEMPTIONS: usize = 32;

/// The registration of this installation with a provider.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// The issuer identifier of the provider, exactly as its metadata state it.
    pub issuer: String,
    /// The identifier of the client.
    pub client_id: String,
    /// The secret of the client; `None` if the provider gave it none.
    pub client_secret: Option<SecretString>,
    /// The scopes to ask for beside `openid`.
    pub scopes: Vec<String>,
    /// The claim with the groups of a person.
    pub groups_claim: String,
    /// The authentication classes to ask for.
    pub acr_values: Vec<String>,
    /// The address that the provider sends browsers back to.
    pub redirect_uri: String,
}

/// The client of a provider.
pub struct OpenIdProvider {
    settings: ProviderSettings,
    requests: Requests,
    clock: Arc<dyn Clock>,
    metadata: KeptDocument<Metadata>,
    keys: KeptDocument<ProviderKeys>,
    redemptions: Semaphore,
}

/// The tokens of a redeemed code.
struct Tokens {
    id_token: String,
    access_token: Option<String>,
}

impl OpenIdProvider {
    /// Creates the client. Nothing is read before the first sign-in.
    #[must_use]
    pub fn new(settings: ProviderSettings, roots: Roots, clock: Arc<dyn Clock>) -> Self {
        Self {
            requests: Requests::new(roots, settings.issuer.starts_with("https:")),
            settings,
            clock,
            metadata: KeptDocument::default(),
            keys: KeptDocument::default(),
            redemptions: Semaphore::new(MAX_REDEMPTIONS),
        }
    }

    /// Checks that the provider can be reached, and has metadata and keys that can be used.
    ///
    /// # Errors
    /// [`ProviderProblem`].
    pub async fn probe(&self) -> Result<(), ProviderProblem> {
        let metadata = self.metadata().await?;
        self.keys.get(async || self.read_keys(&metadata).await).await.map(drop)
    }

    async fn metadata(&self) -> Result<Arc<Metadata>, ProviderProblem> {
        let read = async || {
            let document = self.requests.get(&metadata_url(&self.settings.issuer)?, None).await?;
            Metadata::parse(&document, &self.settings.issuer)
        };
        self.metadata.get(read).await
    }

    async fn read_keys(&self, metadata: &Metadata) -> Result<ProviderKeys, ProviderProblem> {
        let document = self.requests.get(&metadata.keys, None).await?;
        let no_keys = || ProviderProblem::Malformed(format!("{} is not a set of keys", metadata.keys));
        ProviderKeys::parse(&document).ok_or_else(no_keys)
    }

    /// Verifies the signature. A provider may have begun to sign with another key since its keys were read.
    async fn verify(&self, metadata: &Metadata, token: &str) -> Result<VerifiedIdToken, OpenIdRefusal> {
        let read = async || self.read_keys(metadata).await;
        let keys = self.keys.get(read).await.map_err(unavailable)?;
        match keys.verify(token) {
            Err(fault @ (IdTokenFault::UnknownKey | IdTokenFault::Signature)) => {
                match self.keys.get_newer(read).await.map_err(unavailable)? {
                    Some(newer) => Ok(newer.verify(token)?),
                    None => Err(fault.into()),
                }
            }
            verified => Ok(verified?),
        }
    }

    /// The form that redeems a code, and the header with the credentials of this installation.
    fn token_request(&self, metadata: &Metadata, code: &str, verifier: &str) -> (String, Option<String>) {
        let ProviderSettings { client_id, client_secret, redirect_uri, .. } = &self.settings;
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("code_verifier", verifier);
        match client_secret.as_ref().map(|secret| secret.expose_secret()) {
            Some(secret) if !metadata.wants_secret_in_form => {
                return (form.finish(), Some(basic_authorization(client_id, secret)));
            }
            Some(secret) => form.append_pair("client_id", client_id).append_pair("client_secret", secret),
            None => form.append_pair("client_id", client_id),
        };
        (form.finish(), None)
    }

    async fn redeem_code(&self, metadata: &Metadata, code: &str, verifier: &str) -> Result<Tokens, OpenIdRefusal> {
        let (form, authorization) = self.token_request(metadata, code, verifier);
        let answer = self.requests.post(&metadata.token_endpoint, form, authorization).await;
        let answer = answer.map_err(unavailable)?;
        let text = |member: &str| answer.body.get(member).and_then(Value::as_str);
        if answer.status != StatusCode::OK {
            let (error, description) = (shortened(text("error")), shortened(text("error_description")));
            let status = answer.status.as_u16();
            tracing::warn!(status, ?error, ?description, "the OpenID Connect provider refused a code");
            let is_refused = answer.status.is_client_error() && answer.status != StatusCode::TOO_MANY_REQUESTS;
            return Err(if is_refused { OpenIdRefusal::CodeRefused } else { OpenIdRefusal::ProviderUnavailable });
        }
        let id_token = text("id_token").ok_or_else(|| {
            unavailable(ProviderProblem::Malformed("the answer of the token endpoint has no id_token".to_owned()))
        })?;
        Ok(Tokens { id_token: id_token.to_owned(), access_token: text("access_token").map(str::to_owned) })
    }

    /// Reads the claims that the ID token lacks. Many providers have email address and groups only there.
    async fn user_info(
        &self,
        metadata: &Metadata,
        tokens: &Tokens,
        id_token: &Value,
        subject: &str,
    ) -> Result<Value, OpenIdRefusal> {
        let is_complete =
            id_token.get("email").is_some() && claims::groups(id_token, &self.settings.groups_claim).is_some();
        let (Some(endpoint), Some(token), false) = (&metadata.userinfo_endpoint, &tokens.access_token, is_complete)
        else {
            return Ok(Value::Null);
        };
        let user_info = self.requests.get(endpoint, Some(token)).await.map_err(unavailable)?;
        // Otherwise the access token was exchanged for another person's.
        if user_info.get("sub").and_then(Value::as_str) != Some(subject) {
            let message = format!("{endpoint} is about another subject than the ID token");
            return Err(unavailable(ProviderProblem::Malformed(message)));
        }
        Ok(user_info)
    }
}

#[async_trait]
impl IdentityProvider for OpenIdProvider {
    fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    async fn authorization_url(&self, flow: &OpenIdFlow) -> Result<String, OpenIdRefusal> {
        let metadata = self.metadata().await.map_err(unavailable)?;
        let ProviderSettings { client_id, scopes, acr_values, redirect_uri, .. } = &self.settings;
        let others = scopes.iter().map(String::as_str).filter(|scope| *scope != "openid");
        let scope: Vec<&str> = std::iter::once("openid").chain(others).collect();
        let mut url = metadata.authorization_endpoint.clone();
        let mut query = url.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", client_id)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("scope", &scope.join(" "))
            .append_pair("state", &flow.state)
            .append_pair("nonce", &flow.nonce)
            .append_pair("code_challenge", &URL_SAFE_NO_PAD.encode(Sha256::digest(&flow.verifier)))
            .append_pair("code_challenge_method", "S256");
        if !acr_values.is_empty() {
            query.append_pair("acr_values", &acr_values.join(" "));
        }
        if flow.is_again {
            query.append_pair("prompt", "login").append_pair("max_age", "0");
        }
        drop(query);
        Ok(url.into())
    }

    async fn redeem(
        &self,
        code: &str,
        answered_issuer: Option<&str>,
        flow: &OpenIdFlow,
    ) -> Result<ProviderPerson, OpenIdRefusal> {
        let Ok(_permit) = self.redemptions.try_acquire() else {
            tracing::warn!("{MAX_REDEMPTIONS} sign-ins wait for the OpenID Connect provider already");
            return Err(OpenIdRefusal::ProviderUnavailable);
        };
        let metadata = self.metadata().await.map_err(unavailable)?;
        let issuer = self.settings.issuer.as_str();
        if answered_issuer.map_or(metadata.answers_with_issuer, |answered| answered != issuer) {
            return Err(OpenIdRefusal::MalformedAnswer);
        }
        let tokens = self.redeem_code(&metadata, code, &flow.verifier).await?;
        let verified = self.verify(&metadata, &tokens.id_token).await?;
        let checked = claims::id_token_claims(&verified.claims)?;
        let expected = IdTokenExpectation { issuer, client_id: &self.settings.client_id, nonce: &flow.nonce };
        checked.check(expected, self.clock.now())?;
        if !verified.fits_access_token(tokens.access_token.as_deref()) {
            return Err(IdTokenFault::AccessTokenHash.into());
        }
        let user_info = self.user_info(&metadata, &tokens, &verified.claims, &checked.subject).await?;
        Ok(claims::person(&checked, &verified.claims, &user_info, &self.settings.groups_claim))
    }
}

/// The header with the credentials of the client (RFC 6749, section 2.3.1): both are encoded as in a form first.
fn basic_authorization(client_id: &str, secret: &str) -> String {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encoded(client_id), encoded(secret))))
}

/// Logs why the provider can't be used.
fn unavailable(problem: ProviderProblem) -> OpenIdRefusal {
    if !matches!(problem, ProviderProblem::FailedBefore) {
        tracing::warn!(%problem, "a sign-in failed because of the OpenID Connect provider");
    }
    OpenIdRefusal::ProviderUnavailable
}

/// A text of the provider, cut for the log.
fn shortened(text: Option<&str>) -> Option<String> {
    text.map(|text| text.chars().take(200).collect())
}
