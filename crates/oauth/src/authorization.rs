//! Authorization requests: which faults are shown on a page, and which are sent to the client.

use std::time::Duration;

use crate::{
    client::OAuthClient,
    error::{OAuthError, OAuthErrorCode},
    parameters::Parameters,
    pkce::CodeChallenge,
    scope_names::ScopeNames,
};

/// A fault of an authorization request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthorizationFault {
    /// The client or its redirect URI is wrong: a page shows the message, and nothing is redirected.
    Page(&'static str),
    /// The client is sent the error, with [`crate::error_redirect`].
    Redirect {
        /// The redirect URI, which is one of the client's.
        redirect_uri: String,
        /// The state to return.
        state: Option<String>,
        /// The error.
        error: OAuthError,
    },
}

/// The value of `prompt`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prompt {
    /// No page may be shown.
    pub none: bool,
    /// The person must sign in again.
    pub login: bool,
    /// The person must consent again.
    pub consent: bool,
    /// The person must choose the account again.
    pub select_account: bool,
}

/// A valid authorization request.
#[derive(Clone, Debug)]
pub struct AuthorizationRequest {
    /// The redirect URI, as requested.
    pub redirect_uri: String,
    /// The requested scopes; not yet reduced to those of the client and person.
    pub scopes: ScopeNames,
    /// The challenge of PKCE.
    pub challenge: CodeChallenge,
    /// The client's state.
    pub state: Option<String>,
    /// The nonce, which the ID token repeats.
    pub nonce: Option<String>,
    /// The pages that the person must or must not see.
    pub prompt: Prompt,
    /// The longest time since the person proved who they are.
    pub max_age: Option<Duration>,
    /// The address to fill in at the sign-in.
    pub login_hint: Option<String>,
    /// The preferred languages of the pages.
    pub ui_locales: Option<String>,
}

/// The longest `state`, `nonce`, `login_hint` and `ui_locales` in bytes.
const MAX_TEXT: usize = 2_000;

/// Returns the `client_id` to look the client up by.
///
/// # Errors
/// A page if there is none, or several.
pub fn read_client(parameters: &Parameters) -> Result<&str, AuthorizationFault> {
    parameters.get("client_id").ok_or(AuthorizationFault::Page("client_id is missing"))
}

/// Reads a request of this client. `resource` is the URL of this API.
///
/// # Errors
/// A page if the client is unknown or the redirect URI is not one of the client's; else a redirect.
pub fn read_request(
    parameters: &Parameters,
    client: Option<&OAuthClient>,
    catalogue: &[&str],
    resource: &str,
) -> Result<AuthorizationRequest, AuthorizationFault> {
    let client = client.ok_or(AuthorizationFault::Page("the client is unknown"))?;
    let redirect_uri = parameters.get("redirect_uri").ok_or(AuthorizationFault::Page("redirect_uri is missing"))?;
    if !client.has_redirect_uri(redirect_uri) {
        return Err(AuthorizationFault::Page("redirect_uri is not registered for the client"));
    }
    let state = parameters.get("state").filter(|state| state.len() <= MAX_TEXT);
    read_rest(parameters, redirect_uri, catalogue, resource).map_err(|error| AuthorizationFault::Redirect {
        redirect_uri: redirect_uri.to_owned(),
        state: state.map(str::to_owned),
        error,
    })
}

fn read_rest(
    parameters: &Parameters,
    redirect_uri: &str,
    catalogue: &[&str],
    resource: &str,
) -> Result<AuthorizationRequest, OAuthError> {
    parameters.refuse_repeated()?;
    for (name, code) in
        [("request", OAuthErrorCode::RequestNotSupported), ("request_uri", OAuthErrorCode::RequestUriNotSupported)]
    {
        if parameters.get(name).is_some() {
            return Err(OAuthError::new(code, format!("{name} is not supported")));
        }
    }
    if parameters.required("response_type")? != "code" {
        return Err(OAuthError::new(OAuthErrorCode::UnsupportedResponseType, "response_type must be code"));
    }
    if parameters.get("response_mode").is_some_and(|mode| mode != "query") {
        return Err(OAuthError::request("response_mode must be query"));
    }
    check_resource(parameters, resource)?;
    let text = |name: &'static str| match parameters.get(name) {
        Some(text) if text.len() > MAX_TEXT => Err(OAuthError::request(format!("{name} is longer than 2000 bytes"))),
        text => Ok(text.map(str::to_owned)),
    };
    Ok(AuthorizationRequest {
        redirect_uri: redirect_uri.to_owned(),
        challenge: CodeChallenge::read(parameters)?,
        scopes: ScopeNames::parse(parameters.required("scope")?, catalogue)?,
        state: text("state")?,
        nonce: text("nonce")?,
        prompt: Prompt::parse(parameters.get("prompt").unwrap_or_default())?,
        max_age: parameters.get("max_age").map(max_age).transpose()?,
        login_hint: text("login_hint")?,
        ui_locales: text("ui_locales")?,
    })
}

/// Refuses a `resource` that is not this API.
pub(crate) fn check_resource(parameters: &Parameters, resource: &str) -> Result<(), OAuthError> {
    if parameters.get("resource").is_some_and(|requested| requested != resource) {
        return Err(OAuthError::new(OAuthErrorCode::InvalidTarget, format!("resource must be {resource}")));
    }
    Ok(())
}

fn max_age(text: &str) -> Result<Duration, OAuthError> {
    let seconds = text.parse::<u32>().map_err(|_| OAuthError::request("max_age must be a number of seconds"))?;
    Ok(Duration::from_secs(seconds.into()))
}

impl Prompt {
    fn parse(text: &str) -> Result<Self, OAuthError> {
        let mut prompt = Self::default();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            match word {
                "none" => prompt.none = true,
                "login" => prompt.login = true,
                "consent" => prompt.consent = true,
                "select_account" => prompt.select_account = true,
                _ => return Err(OAuthError::request("prompt must be none, login, consent or select_account")),
            }
        }
        if prompt.none && (prompt.login || prompt.consent || prompt.select_account) {
            return Err(OAuthError::request("prompt=none excludes other values"));
        }
        Ok(prompt)
    }
}
