//! `POST /auth/token`: client credentials in, an access token out (RFC 6749 § 4.4, RFC 9068).

use std::{borrow::Cow, sync::Arc};

use auth::{Account, AccountId, Claims, ClientSecret, CredentialCheck, check_credentials};
use axum::http::{StatusCode, header};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::future::BoxFuture;
use kernel::{Action, Id, StoreError, Subject, Timestamp};
use scopes::ScopeSet;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    accounts::Cached,
    app::App,
    call::{Call, is_media_type, printable},
    json,
    operation::{Document, Media},
    problem::Problem,
    reply::{Reply, write_json},
    throttle,
    trail::Note,
};

/// What a client sent, whichever way.
#[derive(Default)]
struct Asked {
    grant_type: Option<String>,
    client_id: Option<String>,
    client_secret: Option<SecretString>,
    scope: Option<String>,
}

pub(crate) fn post<'a>(app: &'a App, call: &'a Call) -> BoxFuture<'a, Result<Reply, Problem>> {
    Box::pin(async move {
        let asked = read(call).and_then(Asked::complete);
        let (known, issued) = match asked {
            Ok(asked) => {
                let known = look_up(app, &asked).await?;
                let issued = issue(app, call, &asked, known.as_ref().map(|known| &*known.account)).await;
                (known, issued)
            }
            Err(problem) => (None, Err(problem)),
        };
        if let (Some(known), Ok(_)) = (&known, &issued) {
            known.used(app.services.clock.now());
        }
        let action = if issued.is_ok() { "token.issued" } else { "token.issued.refused" };
        let name = call.request_id.to_string();
        let mut reply = issued.unwrap_or_else(|problem| problem.described().into_reply(&name));
        let note = Note {
            action: Action::new(action),
            subject: known.as_ref().map(|known| Subject::of(known.account.meta.id)),
            origin: call.origin(),
            status: reply.status.as_u16(),
            changes: Vec::new(),
        };
        match known {
            Some(known) if reply.status == StatusCode::TOO_MANY_REQUESTS => {
                app.trail.record_limited(&app.services, &known, note).await?;
            }
            known => app.trail.record(&app.services, known.map(|known| known.who()), note).await?,
        }
        reply.on_record = true;
        Ok(reply)
    })
}

/// The answer to a good one (RFC 6749 § 5.1).
#[derive(Serialize)]
struct Issued<'token> {
    access_token: &'token str,
    token_type: &'static str,
    expires_in: u64,
    scope: String,
}

/// What a complete request asks with.
struct Complete {
    client_id: String,
    secret: SecretString,
    scopes: Option<ScopeSet>,
}

impl Asked {
    fn complete(self) -> Result<Complete, Problem> {
        let grant_type = self.grant_type.ok_or_else(|| invalid_request("grant_type is required"))?;
        if grant_type != "client_credentials" {
            return Err(Problem::oauth(
                StatusCode::BAD_REQUEST,
                "unsupported_grant_type",
                "the only grant type is client_credentials",
            ));
        }
        let (Some(client_id), Some(secret)) = (self.client_id, self.client_secret) else {
            return Err(invalid_request("client_id and client_secret are required"));
        };
        let scopes = self.scope.map(|scope| scope.parse::<ScopeSet>().map_err(|_| invalid_scope())).transpose()?;
        if scopes.is_some_and(ScopeSet::is_empty) {
            return Err(invalid_scope());
        }
        Ok(Complete { client_id, secret, scopes })
    }
}

fn invalid_request(description: impl Into<Cow<'static, str>>) -> Problem {
    Problem::oauth(StatusCode::BAD_REQUEST, "invalid_request", description)
}

fn invalid_scope() -> Problem {
    Problem::oauth(StatusCode::BAD_REQUEST, "invalid_scope", "the scope is unknown, or the account does not have it")
}

fn invalid_client() -> Problem {
    Problem::oauth(StatusCode::UNAUTHORIZED, "invalid_client", "the client credentials are not valid")
        .header(header::WWW_AUTHENTICATE, r#"Basic realm="novantra", charset="UTF-8""#)
}

async fn look_up(app: &App, asked: &Complete) -> Result<Option<Arc<Cached>>, Problem> {
    // An id that no account can have is looked up all the same, under one that none has: it must cost as much.
    let id: AccountId = asked.client_id.parse().unwrap_or_else(|_| Id::new(ulid::Ulid::nil()));
    Ok(app.accounts.named(&*app.services.store, id).await?)
}

async fn issue(app: &App, call: &Call, asked: &Complete, account: Option<&Account>) -> Result<Reply, Problem> {
    let services = &app.services;
    let now = services.clock.now();
    let good = ClientSecret::parse(asked.secret.expose_secret())
        .map_or(CredentialCheck::Bad, |secret| check_credentials(&*services.hasher, account, &secret, now));
    let account = match (good, account) {
        (CredentialCheck::Good, Some(account)) => account,
        _ => {
            throttle::charge_token_failure(app, &asked.client_id, call.address).await?;
            return Err(invalid_client());
        }
    };
    throttle::charge_token(app, account).await?;
    let scopes = match asked.scopes {
        None => account.record.scopes,
        Some(asked) if account.record.scopes.contains_all(asked) => asked,
        Some(_) => return Err(invalid_scope()),
    };
    let claims = claims(app, account, scopes, now);
    let token = services.signer.sign(&claims).map_err(|stale| StoreError::Unavailable(stale.into()))?;
    let issued = Issued {
        access_token: &token,
        token_type: "Bearer",
        expires_in: claims.expires_at.since(claims.issued_at).as_secs(),
        scope: scopes.to_string(),
    };
    let mut body = Vec::with_capacity(1024);
    write_json(&mut body, &issued);
    Ok(Reply::json(StatusCode::OK, body.into()).header(header::CACHE_CONTROL, "no-store"))
}

fn claims(app: &App, account: &Account, scopes: ScopeSet, now: Timestamp) -> Claims {
    // Tokens know whole seconds; both ends are cut, so that none outlives its account.
    let whole = |at: Timestamp| Timestamp::from_millis(at.seconds() * 1000);
    Claims {
        account: account.meta.id,
        organization: account.meta.organization,
        scopes,
        issued_at: whole(now),
        expires_at: whole(app.services.settings.token_lifetime.end(now, account.record.expires_at)),
        id: app.services.entropy.ulid(now).to_string(),
    }
}

/// Reads the three forms of request: JSON, a form, and HTTP Basic beside either.
fn read(call: &Call) -> Result<Asked, Problem> {
    call.check_body_is_plain()?;
    let headers = &call.parts.headers;
    let content_type =
        headers.get(header::CONTENT_TYPE).map_or(b"application/json".as_slice(), |value| value.as_bytes());
    let mut asked = if is_media_type(content_type, b"application/json") {
        read_json(&call.body)?
    } else if is_media_type(content_type, b"application/x-www-form-urlencoded") {
        read_form(&call.body)?
    } else {
        return Err(Problem::unsupported_media_type("application/json or application/x-www-form-urlencoded"));
    };
    if !call.query().is_empty() {
        return Err(invalid_request("credentials and parameters belong in the body, not in the query"));
    }
    let mut proofs = headers.get_all(header::AUTHORIZATION).iter();
    if let Some(value) = proofs.next() {
        if proofs.next().is_some() {
            return Err(invalid_request("the Authorization header is given twice"));
        }
        let (id, secret) = basic(value.as_bytes()).ok_or_else(invalid_client)?;
        // Many clients name themselves in the body as well; only a second proof, or another name, is refused.
        if asked.client_secret.is_some() || asked.client_id.as_ref().is_some_and(|named| *named != id) {
            return Err(invalid_request("give the client in the Authorization header or in the body, not in both"));
        }
        asked.client_id = Some(id);
        asked.client_secret = Some(secret);
    }
    Ok(asked)
}

impl Asked {
    fn set(&mut self, name: &str, value: String) -> Result<(), Problem> {
        if name == "client_secret" {
            return match self.client_secret.replace(SecretString::from(value)) {
                None => Ok(()),
                Some(_) => Err(twice(name)),
            };
        }
        let place = match name {
            "grant_type" => &mut self.grant_type,
            "client_id" => &mut self.client_id,
            "scope" => &mut self.scope,
            _ => return Err(unknown(name)),
        };
        match place.replace(value) {
            None => Ok(()),
            Some(_) => Err(twice(name)),
        }
    }
}

fn twice(name: &str) -> Problem {
    invalid_request(format!("{name} is given twice"))
}

fn unknown(name: &str) -> Problem {
    let name = printable(name.as_bytes(), 60);
    invalid_request(format!("{name:?} is no parameter here; allowed are: grant_type, client_id, client_secret, scope"))
}

fn read_json(body: &[u8]) -> Result<Asked, Problem> {
    let members = match json::read(body) {
        Ok(Value::Object(members)) => members,
        Ok(_) => return Err(invalid_request("a JSON object is needed")),
        Err(message) => return Err(invalid_request(message)),
    };
    let mut asked = Asked::default();
    for (name, value) in members {
        match value {
            Value::String(value) => asked.set(&name, value)?,
            Value::Null => {}
            _ => return Err(invalid_request(format!("{:?} must be a string", printable(name.as_bytes(), 60)))),
        }
    }
    Ok(asked)
}

fn read_form(body: &[u8]) -> Result<Asked, Problem> {
    let mut asked = Asked::default();
    for (name, value) in form_urlencoded::parse(body) {
        // RFC 6749 § 3.1: a parameter without a value is as if it were left out.
        if !value.is_empty() {
            asked.set(&name, value.into_owned())?;
        }
    }
    Ok(asked)
}

/// RFC 6749 § 2.3.1: both parts are form-encoded before they are joined.
fn basic(value: &[u8]) -> Option<(String, SecretString)> {
    let (scheme, encoded) = str::from_utf8(value).ok()?.split_once(' ')?;
    let decoded = scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(encoded.trim()).ok()).flatten()?;
    let (id, secret) = str::from_utf8(&decoded).ok()?.split_once(':')?;
    let decode =
        |text: &str| form_urlencoded::parse(format!("x={text}").as_bytes()).next().map(|(_, value)| value.into_owned());
    Some((decode(id)?, SecretString::from(decode(secret)?)))
}

pub(crate) fn document() -> Document {
    let text = |says: &str| json!({ "type": "string", "description": says });
    Document {
        query: Vec::new(),
        request: Some(Media {
            schema: json!({
                "type": "object",
                "required": ["grant_type"],
                "additionalProperties": false,
                "properties": {
                    "grant_type": { "type": "string", "enum": ["client_credentials"] },
                    "client_id": text("`svc_…`; here or by HTTP Basic."),
                    "client_secret": text("Here or by HTTP Basic."),
                    "scope": text("Some of the account's scopes, separated by spaces; all of them where left out."),
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
                    "expires_in": { "type": "integer", "description": "Seconds." },
                    "scope": text("What the token is good for, separated by spaces."),
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
