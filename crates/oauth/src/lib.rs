//! The core of OAuth 2.0 and OpenID Connect (contract v2-conventions § 3): clients, authorization requests, consent,
//! codes, grants, refresh tokens, claims and documents. It has no HTTP and no SQL: time and randomness are passed in,
//! and storage is a port.

mod authorization;
mod claims;
mod client;
mod client_authentication;
mod code;
mod consent;
mod documents;
mod error;
mod exchange;
mod grant;
mod parameters;
mod pkce;
mod ports;
mod redirect;
mod redirect_uri;
mod refresh;
mod scope_names;
mod secret_text;
mod token_request;
mod userinfo;

pub use authorization::{AuthorizationFault, AuthorizationRequest, Prompt, read_client, read_request};
pub use claims::{AccessTokenClaims, IdTokenClaims, OAUTH_ACCESS_LIFETIME, OAUTH_ID_TOKEN_LIFETIME, at_hash};
pub use client::{
    ClientId, ClientKind, ClientRequest, GrantType, IdTokenAlgorithm, MAX_SECRET_GRACE, MalformedClientId, OAuthClient,
};
pub use client_authentication::{ClientCredentials, PresentedClient};
pub use code::{AuthorizationCode, CODE_LIFETIME, CodeFault, StoredCode};
pub use consent::{CONSENT_LIFETIME, Consent, NextStep, SignedIn, next_step};
pub use documents::{JwksKey, KeySchedule, KeyUse, discovery_document, jwks_document};
pub use error::{OAuthError, OAuthErrorCode};
pub use exchange::{ExchangeError, Flows, Issued};
pub use grant::{EndReason, Grant, GrantId};
pub use parameters::Parameters;
pub use pkce::{CodeChallenge, CodeVerifier};
pub use ports::{OAuthClients, OAuthStore};
pub use redirect::{code_redirect, error_redirect};
pub use redirect_uri::RedirectUri;
pub use refresh::{REFRESH_IDLE, REFRESH_LIFETIME, REFRESH_RETRY, RefreshDecision, RefreshState, RefreshToken};
pub use scope_names::{IDENTITY_SCOPES, OFFLINE_ACCESS, OPENID, ScopeNames};
pub use token_request::{RevocationRequest, TokenRequest, token_response};
pub use userinfo::{PersonProfile, userinfo_claims};
