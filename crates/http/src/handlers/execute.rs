//! Writes: each idempotency key has at most one effect and one response (contract v1 § 4).

use async_trait::async_trait;
use auth::Caller;
use axum::http::HeaderName;
use kernel::{
    Attribution, Changeset, CommitError, Conflict, Fingerprint, IdempotencyKey, IdempotencyRecord, OrganizationRef,
    Reason, StoredResponse, WriteContext, WriteTimestamp,
};
use sha2::{Digest, Sha256};

use crate::{
    pipeline::{App, authenticate},
    request::{Access, ApiRequest, BodyReader, Principal, Query, read_body},
    response::{ApiResponse, Issue, Problem, from_stored, to_stored},
};

/// The maximum number of attempts of a write that conflicts with others, before it fails with 409.
const MAX_ATTEMPTS: usize = 8;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A write command, parsed from a request. It may be decided several times, if it conflicts with other writes.
#[async_trait]
pub trait Command: Sized + Send + Sync {
    /// The output of the decision, from which the response is built.
    type Output: Send;

    /// The reason for the audit log.
    fn reason(&self) -> &Reason;

    /// Does the work that must be done only once, before the first decision and before the write is in flight.
    async fn prepare(&self, _app: &App, _request: &ApiRequest) -> Result<(), Problem> {
        Ok(())
    }

    /// Decides on the changes from the currently stored records and the current permissions of the caller.
    async fn decide(
        &self,
        app: &App,
        request: &ApiRequest,
        caller: &Caller,
        context: &WriteContext<'_>,
        timestamp: WriteTimestamp,
    ) -> Result<(Changeset, Self::Output), Problem>;

    /// Returns the response, which is sent once the changes are committed.
    fn response(&self, output: &Self::Output) -> ApiResponse;

    /// Returns the error for a unique key that another record has taken meanwhile, or `None` to decide again.
    async fn on_key_conflict(
        &self,
        _app: &App,
        _organization: &OrganizationRef,
        _key: &str,
    ) -> Result<Option<Problem>, Problem> {
        Ok(None)
    }
}

/// Executes the command that `read` decodes from the request's body. `read` may return `None` only if it has added an
/// error.
///
/// # Errors
/// The error response.
pub async fn execute<C: Command>(
    app: &App,
    request: &ApiRequest,
    read: impl FnOnce(&mut BodyReader<'_>) -> Option<C> + Send,
) -> Result<ApiResponse, Problem> {
    let parse = || {
        Query::parse(request.query()).finish()?;
        read_body(&request.json()?, read)
    };
    execute_once(app, request, parse).await
}

/// Executes a command without a body, which `read` decodes from the query.
///
/// # Errors
/// The error response.
pub async fn execute_without_body<C: Command>(
    app: &App,
    request: &ApiRequest,
    read: impl FnOnce(&mut Query<'_>) -> Option<C> + Send,
) -> Result<ApiResponse, Problem> {
    let parse = || {
        let mut query = Query::parse(request.query());
        let command = read(&mut query);
        if !request.has_no_content() {
            query.reject_body();
        }
        query.finish()?;
        command.ok_or_else(Problem::internal)
    };
    execute_once(app, request, parse).await
}

/// Executes a command with one effect, one audit entry and one response, however often it is sent with the same key.
///
/// The idempotency key is checked before the request is parsed, so a used key is reported even if the request is
/// invalid.
async fn execute_once<C: Command>(
    app: &App,
    request: &ApiRequest,
    parse: impl FnOnce() -> Result<C, Problem> + Send,
) -> Result<ApiResponse, Problem> {
    let mut principal = request.principal()?.clone();
    let key = KeyUse::from_request(request, &principal)?;
    if let Some(response) = find_replay(app, key.as_ref()).await? {
        return Ok(response);
    }
    let command = parse()?;
    command.prepare(app, request).await?;
    for _ in 0..MAX_ATTEMPTS {
        match attempt(app, request, &principal, key.as_ref(), &command).await {
            Ok(response) => return Ok(response),
            Err(AttemptError::Rejected(problem)) => {
                // A concurrent request with the same key may have succeeded meanwhile. Its response is replayed then.
                return match find_replay(app, key.as_ref()).await? {
                    Some(response) => Ok(response),
                    None => Err(problem),
                };
            }
            Err(AttemptError::LostRace) => {}
            Err(AttemptError::ActorChanged) => {
                principal = authenticate(app, &request.parts.headers).await.map_err(|failure| failure.problem)?;
                if let Access::Scope(scope) = request.route.access {
                    principal.caller.require_scope(scope).map_err(|_| Problem::forbidden(scope))?;
                }
            }
        }
    }
    Err(Problem::conflict("concurrent requests kept changing the same record: read it again and retry"))
}

/// The reason why an attempt to execute a command failed.
enum AttemptError {
    Rejected(Problem),
    LostRace,
    ActorChanged,
}

impl From<Problem> for AttemptError {
    fn from(problem: Problem) -> Self {
        Self::Rejected(problem)
    }
}

/// Decides on the command once and commits its changes.
async fn attempt<C: Command>(
    app: &App,
    request: &ApiRequest,
    principal: &Principal,
    key: Option<&KeyUse>,
    command: &C,
) -> Result<ApiResponse, AttemptError> {
    let attribution: Attribution = request.attribution(principal);
    let context = WriteContext {
        organization: &principal.cached.organization,
        attribution: &attribution,
        reason: Some(command.reason()),
        entropy: &*app.services.entropy,
    };
    let decided = command.decide(app, request, &principal.caller, &context, app.services.store.begin_write()).await;
    let (mut changeset, output) = decided?;
    if !principal.caller.account.record.is_active_at(changeset.at()) {
        return Err(AttemptError::ActorChanged);
    }
    let mut response = command.response(&output);
    changeset.set_status(response.status.as_u16());
    let services = &app.services;
    if let Some(key) = key {
        changeset.set_idempotency(IdempotencyRecord {
            key: key.key.clone(),
            fingerprint: key.fingerprint,
            response: to_stored(&*services.response_cipher, &*services.entropy, &key.key, &response),
            expires_at: changeset.at() + services.settings.idempotency_retention,
        });
    }
    let concerns_listener = services.commit_listener.concerns(&changeset);
    match services.store.commit(changeset).await {
        Ok(()) => {
            if concerns_listener {
                services.commit_listener.notify();
            }
            response.is_recorded = true;
            Ok(response)
        }
        Err(CommitError::Duplicate(stored)) => Ok(replay_duplicate(app, key, stored)?),
        Err(CommitError::KeyReused) => Err(key_reused().into()),
        Err(CommitError::ActorChanged) => Err(AttemptError::ActorChanged),
        Err(CommitError::Conflict(Conflict::Revision(..))) => Err(AttemptError::LostRace),
        Err(CommitError::Conflict(Conflict::UniqueKey(_, taken))) => command
            .on_key_conflict(app, &principal.cached.organization, &taken)
            .await?
            .map_or(Err(AttemptError::LostRace), |problem| Err(problem.into())),
        Err(CommitError::Store(error)) => Err(Problem::from(error).into()),
    }
}

/// Returns the replay of the response that the commit found, to an earlier request with the same key.
fn replay_duplicate(app: &App, key: Option<&KeyUse>, stored: StoredResponse) -> Result<ApiResponse, Problem> {
    // Without a key no idempotency record is written, so there can't be a duplicate.
    let key = key.ok_or_else(Problem::internal)?;
    from_stored(&*app.services.response_cipher, &key.key, stored)
}

/// An idempotency key with the fingerprint of the request that uses it.
struct KeyUse {
    key: IdempotencyKey,
    fingerprint: Fingerprint,
}

impl KeyUse {
    /// Reads the key from the headers; `None` if the request has none.
    fn from_request(request: &ApiRequest, principal: &Principal) -> Result<Option<Self>, Problem> {
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
        let path = request.parts.uri.path();
        Ok(Some(Self {
            key: IdempotencyKey {
                organization: principal.organization(),
                account: principal.caller.account.meta.ulid(),
                operation: format!("{} {path}", request.parts.method),
                key: key.to_owned(),
            },
            fingerprint: fingerprint(path, request.query(), &request.body),
        }))
    }
}

/// Returns a SHA-256 hash over path, query and body, each with its length before it. Requests with equal hashes are the
/// same.
fn fingerprint(path: &str, query: &str, body: &[u8]) -> Fingerprint {
    let mut hash = Sha256::new();
    for part in [path.as_bytes(), query.as_bytes(), body] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    Fingerprint(hash.finalize().into())
}

/// Looks up the response to an earlier request with the key and returns its replay, if the request was the same.
async fn find_replay(app: &App, key: Option<&KeyUse>) -> Result<Option<ApiResponse>, Problem> {
    let Some(KeyUse { key, fingerprint }) = key else { return Ok(None) };
    match app.services.store.stored_response(key, app.services.clock.now()).await? {
        None => Ok(None),
        Some((earlier, stored)) if earlier == *fingerprint => {
            from_stored(&*app.services.response_cipher, key, stored).map(Some)
        }
        Some(_) => Err(key_reused()),
    }
}

fn key_reused() -> Problem {
    Problem::unprocessable("the idempotency key was already used with another request: use a new key")
}
