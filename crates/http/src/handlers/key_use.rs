//! The idempotency key of a request, and the replay of the response that is stored for it (contract v1 § 4).

use axum::http::HeaderName;
use kernel::{Fingerprint, IdempotencyKey, StoredResponse};
use sha2::{Digest, Sha256};

use crate::{
    pipeline::App,
    request::{ApiRequest, Principal},
    response::{ApiResponse, Issue, Problem, from_stored},
};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Returns the replay of the response that the commit found, to an earlier request with the same key.
pub(super) fn replay_duplicate(
    app: &App,
    request: &ApiRequest,
    key: Option<&KeyUse>,
    stored: StoredResponse,
) -> Result<ApiResponse, Problem> {
    // Without a key no idempotency record is written, so there can't be a duplicate.
    let key = key.ok_or_else(Problem::internal)?;
    replay(app, request, &key.key, stored)
}

/// Returns the replay of a stored response, if there is memory for it until the client has read it.
pub(super) fn replay(
    app: &App,
    request: &ApiRequest,
    key: &IdempotencyKey,
    stored: StoredResponse,
) -> Result<ApiResponse, Problem> {
    let response = from_stored(&*app.services.response_cipher, key, stored)?;
    request.memory.ensure(response.body.len())?;
    Ok(response)
}

/// An idempotency key with the fingerprint of the request that uses it.
pub(super) struct KeyUse {
    pub(super) key: IdempotencyKey,
    pub(super) fingerprint: Fingerprint,
}

impl KeyUse {
    /// Reads the key from the headers; `None` if the request has none.
    pub(super) fn from_request(request: &ApiRequest, principal: &Principal) -> Result<Option<Self>, Problem> {
        let key = key_of(request, principal)?;
        Ok(key.map(|key| Self::new(key, request, &[&request.body])))
    }

    /// The use of this key by a request whose body has this meaning.
    pub(super) fn new(key: IdempotencyKey, request: &ApiRequest, body: &[&[u8]]) -> Self {
        let head = [request.parts.uri.path().as_bytes(), request.query().as_bytes()];
        Self { key, fingerprint: fingerprint(head.into_iter().chain(body.iter().copied())) }
    }
}

/// Reads the idempotency key from the headers; `None` if the request has none.
pub(super) fn key_of(request: &ApiRequest, principal: &Principal) -> Result<Option<IdempotencyKey>, Problem> {
    let mut values = request.parts.headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let key = value
        .to_str()
        .ok()
        .filter(|key| (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()));
    let (Some(key), None) = (key, values.next()) else {
        return Err(Problem::validation(vec![Issue::new(
            ["header", "Idempotency-Key"],
            "must be one value of 1 to 255 visible ASCII characters",
        )]));
    };
    Ok(Some(IdempotencyKey {
        organization: principal.organization(),
        account: principal.id(),
        operation: format!("{} {}", request.parts.method, request.parts.uri.path()),
        key: key.to_owned(),
    }))
}

/// Returns a SHA-256 hash over the parts of a request: path, query and body, each with its length before it. Requests with
/// equal hashes are the same.
fn fingerprint<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Fingerprint {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    Fingerprint(hash.finalize().into())
}

/// Looks up the response to an earlier request with the key and returns its replay, if the request was the same.
pub(super) async fn find_replay(
    app: &App,
    request: &ApiRequest,
    key: Option<&KeyUse>,
) -> Result<Option<ApiResponse>, Problem> {
    let Some(KeyUse { key, fingerprint }) = key else { return Ok(None) };
    match app.services.store.stored_response(key, app.services.clock.now()).await? {
        None => Ok(None),
        Some((earlier, stored)) if earlier == *fingerprint => replay(app, request, key, stored).map(Some),
        Some(_) => Err(key_reused()),
    }
}

pub(super) fn key_reused() -> Problem {
    Problem::unprocessable("the idempotency key was already used with another request: use a new key")
}
