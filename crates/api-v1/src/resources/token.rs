//! `POST /auth/token`: exchanges client credentials for an access token (RFC 6749 § 4.4, RFC 9068).

use std::{borrow::Cow, sync::Arc};

use auth::{Account, AccountId, Claims, ClientSecret, CredentialCheck, check_credentials};
use axum::http::{StatusCode, header};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::future::BoxFuture;
use http_api::{
    App,
    endpoints::{Document, Media},
    pipeline::{AuditNote, charge_token, charge_token_failure},
    request::{ApiRequest, CachedAccount, body_text, parse_json},
    response::{ApiResponse, Problem, write_json},
};
use kernel::{Action, Id, StoreError, Subject, Timestamp};
use scopes::ScopeSet;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::{Value, json};

/// The media type of a form.
const FORM: &str = "application/x-www-form-urlencoded";

/// The parameters of a token request, from any of its three forms.
#[derive(Default)]
struct TokenRequest {
    grant_type: Option<String>,
    client_id: Option<String>,
    client_secret: Option<SecretString>,
    scope: Option<String>,
}

pub(crate) fn post<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let credentials = read(request).and_then(TokenRequest::validate);
        let (account, issued) = match credentials {
            Ok(credentials) => {
                let account = look_up(app, &credentials).await?;
                let issued = issue(app, request, &credentials, account.as_ref().map(|account| &*account.account)).await;
                (account, issued)
            }
            Err(problem) => {
                // A request without a valid client id counts as one with an unknown client id.
                let charge = charge_token_failure(app, "", request.address).await;
                (None, Err(charge.err().unwrap_or(problem)))
            }
        };
        if let (Some(account), Ok(_)) = (&account, &issued) {
            account.record_use(app.services.clock.now());
        }
        let action = if issued.is_ok() { "token.issued" } else { "token.issued.refused" };
        let name = request.request_id.to_string();
        let mut response = issued.unwrap_or_else(|problem| problem.with_oauth_description().into_response(&name));
        let note = AuditNote {
            action: Action::new(action),
            subject: account.as_ref().map(|account| Subject::from_id(account.account.meta.id)),
            origin: request.origin(),
            status: response.status.as_u16(),
            changes: Vec::new(),
        };
        app.record(account.as_deref().map(CachedAccount::audit_identity), note, !response.status.is_success()).await?;
        response.is_recorded = true;
        Ok(response)
    })
}

/// The body of a successful response (RFC 6749 § 5.1).
#[derive(Serialize)]
struct TokenResponse<'token> {
    access_token: &'token str,
    token_type: &'static str,
    expires_in: u64,
    scope: String,
}

/// The parameters of a valid request.
struct ValidTokenRequest {
    client_id: String,
    secret: SecretString,
    scopes: Option<ScopeSet>,
}

impl TokenRequest {
    fn validate(self) -> Result<ValidTokenRequest, Problem> {
        let grant_type = self.grant_type.ok_or_else(|| invalid_request("grant_type is required"))?;
        if grant_type != "client_credentials" {
            return Err(Problem::oauth(
                StatusCode::BAD_REQUEST,
                "unsupported_grant_type",
                "the grant type is not supported: use client_credentials",
            ));
        }
        let (Some(client_id), Some(secret)) = (self.client_id, self.client_secret) else {
            return Err(invalid_request("client_id and client_secret are required"));
        };
        let scopes = self.scope.map(|scope| scope.parse::<ScopeSet>().map_err(|_| invalid_scope())).transpose()?;
        Ok(ValidTokenRequest { client_id, secret, scopes })
    }
}

fn invalid_request(description: impl Into<Cow<'static, str>>) -> Problem {
    Problem::oauth(StatusCode::BAD_REQUEST, "invalid_request", description)
}

fn invalid_scope() -> Problem {
    Problem::oauth(
        StatusCode::BAD_REQUEST,
        "invalid_scope",
        "a requested scope is unknown, or the account does not have it",
    )
}

fn invalid_client() -> Problem {
    Problem::oauth(StatusCode::UNAUTHORIZED, "invalid_client", "the client credentials are invalid")
        .header(header::WWW_AUTHENTICATE, r#"Basic realm="novantra", charset="UTF-8""#)
}

async fn look_up(app: &App, credentials: &ValidTokenRequest) -> Result<Option<Arc<CachedAccount>>, Problem> {
    // A malformed client id is looked up too, as an id that no account has, so that the response takes as long.
    let id: AccountId = credentials.client_id.parse().unwrap_or_else(|_| Id::new(ulid::Ulid::nil()));
    Ok(app.account_by_client_id(id).await?)
}

async fn issue(
    app: &App,
    request: &ApiRequest,
    credentials: &ValidTokenRequest,
    account: Option<&Account>,
) -> Result<ApiResponse, Problem> {
    let services = &app.services;
    let now = services.clock.now();
    let check = ClientSecret::parse(credentials.secret.expose_secret())
        .map_or(CredentialCheck::Invalid, |secret| check_credentials(&*services.hasher, account, &secret, now));
    let account = match (check, account) {
        (CredentialCheck::Valid, Some(account)) => account,
        _ => {
            charge_token_failure(app, &credentials.client_id, request.address).await?;
            return Err(invalid_client());
        }
    };
    charge_token(app, account).await?;
    let scopes = match credentials.scopes {
        None => account.record.scopes,
        Some(requested) if account.record.scopes.contains_all(requested) => requested,
        Some(_) => return Err(invalid_scope()),
    };
    let claims = claims(app, account, scopes, now);
    let token = services.signer.sign(&claims).map_err(|stale| StoreError::Unavailable(stale.into()))?;
    let issued = TokenResponse {
        access_token: &token,
        token_type: "Bearer",
        expires_in: claims.expires_at.since(claims.issued_at).as_secs(),
        scope: scopes.to_string(),
    };
    let mut body = Vec::with_capacity(1024);
    write_json(&mut body, &issued);
    Ok(ApiResponse::json(StatusCode::OK, body.into()).header(header::CACHE_CONTROL, "no-store"))
}

fn claims(app: &App, account: &Account, scopes: ScopeSet, now: Timestamp) -> Claims {
    // Token times are in whole seconds. Both are rounded down, so that a token never outlives its account.
    let whole_seconds = |at: Timestamp| Timestamp::from_millis(at.seconds() * 1000);
    Claims {
        account: account.meta.id,
        organization: account.meta.organization,
        scopes,
        issued_at: whole_seconds(now),
        expires_at: whole_seconds(app.services.settings.token_lifetime.expiry(now, account.record.expires_at)),
        id: app.services.entropy.ulid(now).to_string(),
    }
}

/// Reads the parameters from the body, as JSON or as a form, and from an HTTP Basic header in addition to either.
fn read(request: &ApiRequest) -> Result<TokenRequest, Problem> {
    let mut parameters = match request.body_media_type(&["application/json", FORM])? {
        FORM => read_form(&request.body)?,
        _ => read_json(&request.body)?,
    };
    if !request.query().is_empty() {
        return Err(invalid_request("the query must be empty: send credentials and parameters in the body"));
    }
    let mut values = request.parts.headers.get_all(header::AUTHORIZATION).iter();
    if let Some(value) = values.next() {
        if values.next().is_some() {
            return Err(invalid_request("the Authorization header is repeated: send it once"));
        }
        let (id, secret) = basic_credentials(value.as_bytes()).ok_or_else(invalid_client)?;
        // Many clients also send their id in the body. Only a second secret, or another id, is rejected.
        if parameters.client_secret.is_some() || parameters.client_id.as_ref().is_some_and(|other| *other != id) {
            return Err(invalid_request(
                "client credentials must be either in the Authorization header or in the body, not in both",
            ));
        }
        parameters.client_id = Some(id);
        parameters.client_secret = Some(secret);
    }
    Ok(parameters)
}

impl TokenRequest {
    /// Sets a parameter. White space around its value is dropped, because credentials are copied from files and consoles.
    /// A parameter without a value is treated as absent (RFC 6749 § 3.1).
    fn set_parameter(&mut self, parameter: Parameter, value: &str) -> Result<(), Problem> {
        let value = value.trim();
        if value.is_empty() {
            return Ok(());
        }
        let is_repeated = match parameter {
            Parameter::ClientSecret => self.client_secret.replace(SecretString::from(value)).is_some(),
            Parameter::GrantType => self.grant_type.replace(value.to_owned()).is_some(),
            Parameter::ClientId => self.client_id.replace(value.to_owned()).is_some(),
            Parameter::Scope => self.scope.replace(value.to_owned()).is_some(),
        };
        if is_repeated {
            Err(invalid_request(format!("{} is repeated: send it once", parameter.name())))
        } else {
            Ok(())
        }
    }
}

/// A parameter of the endpoint. Others are ignored (RFC 6749 § 3.2).
#[derive(Clone, Copy)]
enum Parameter {
    GrantType,
    ClientId,
    ClientSecret,
    Scope,
}

impl Parameter {
    const ALL: [Self; 4] = [Self::GrantType, Self::ClientId, Self::ClientSecret, Self::Scope];

    const fn name(self) -> &'static str {
        match self {
            Self::GrantType => "grant_type",
            Self::ClientId => "client_id",
            Self::ClientSecret => "client_secret",
            Self::Scope => "scope",
        }
    }

    fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|parameter| parameter.name() == name)
    }
}

fn read_json(body: &[u8]) -> Result<TokenRequest, Problem> {
    let members = match parse_json(body) {
        Ok(Value::Object(members)) => members,
        Ok(_) => return Err(invalid_request("the body must be a JSON object")),
        Err(message) => return Err(invalid_request(message)),
    };
    let mut parameters = TokenRequest::default();
    for (name, value) in &members {
        let Some(parameter) = Parameter::find(name) else { continue };
        match value {
            Value::String(value) => parameters.set_parameter(parameter, value)?,
            Value::Null => {}
            _ => return Err(invalid_request(format!("{name} must be a string"))),
        }
    }
    Ok(parameters)
}

fn read_form(body: &[u8]) -> Result<TokenRequest, Problem> {
    let text = body_text(body).map_err(invalid_request)?;
    let mut parameters = TokenRequest::default();
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        if let Some(parameter) = Parameter::find(&name) {
            parameters.set_parameter(parameter, &value)?;
        }
    }
    Ok(parameters)
}

/// Decodes HTTP Basic credentials. Both parts are form-encoded before they are joined (RFC 6749 § 2.3.1).
fn basic_credentials(value: &[u8]) -> Option<(String, SecretString)> {
    let (scheme, encoded) = str::from_utf8(value).ok()?.split_once(' ')?;
    let decoded = scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(encoded.trim()).ok()).flatten()?;
    let (id, secret) = str::from_utf8(&decoded).ok()?.split_once(':')?;
    let decode =
        |text: &str| form_urlencoded::parse(format!("x={text}").as_bytes()).next().map(|(_, value)| value.into_owned());
    Some((decode(id)?.trim().to_owned(), SecretString::from(decode(secret)?.trim())))
}

pub(crate) fn document() -> Document {
    let text = |description: &str| json!({ "type": "string", "description": description });
    Document {
        query: Vec::new(),
        request: Some(Media {
            schema: json!({
                "type": "object",
                "required": ["grant_type"],
                "properties": {
                    "grant_type": { "type": "string", "enum": ["client_credentials"] },
                    "client_id": text("The client id, `svc_…`. It can be sent here or with HTTP Basic."),
                    "client_secret": text("The client secret. It can be sent here or with HTTP Basic."),
                    "scope": text("The requested scopes of the account, separated by spaces. Without this parameter, the token has all of them."),
                },
            }),
            example: json!({
                "grant_type": "client_credentials",
                "client_id": "svc_01KSFQX5Y800000000000000005",
                "client_secret": "nvsec_…",
                "scope": "governance.findings:write",
            }),
        }),
        status: 200,
        response: Media {
            schema: json!({
                "type": "object",
                "required": ["access_token", "token_type", "expires_in", "scope"],
                "properties": {
                    "access_token": text("A signed JWT (RFC 9068)."),
                    "token_type": { "type": "string", "enum": ["Bearer"] },
                    "expires_in": { "type": "integer", "description": "The lifetime of the token, in seconds." },
                    "scope": text("The scopes of the token, separated by spaces."),
                },
            }),
            example: json!({
                "access_token": "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFZERTQSIs…",
                "token_type": "Bearer",
                "expires_in": 900,
                "scope": "governance.controls:read governance.findings:write",
            }),
        },
        line: None,
        errors: &[400, 401, 413, 415, 429],
        codes: &[
            (400, &["validation", "invalid_request", "unsupported_grant_type", "invalid_scope"]),
            (401, &["invalid_client"]),
        ],
        response_headers: &[],
    }
}
