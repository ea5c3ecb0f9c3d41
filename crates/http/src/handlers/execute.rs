//! Writes: each idempotency key has at most one effect and one response (contract v1 § 4).

use async_trait::async_trait;
use auth::Caller;
use kernel::{
    Attribution, Changeset, CommitError, Conflict, IdempotencyRecord, OrganizationRef, Reason, Ulid, WriteContext,
    WriteTimestamp,
};

use super::{
    key_claim::{self, Claim},
    key_use::{KeyUse, find_replay, key_reused, replay_duplicate},
};
use crate::{
    pipeline::{App, authenticate},
    request::{Access, ApiRequest, BodyReader, Principal, Query, read_body},
    response::{ApiResponse, Problem, to_stored},
};

/// The maximum number of attempts of a write that conflicts with others, before it fails with 409.
const MAX_ATTEMPTS: usize = 8;

/// A write command, parsed from a request. It may be decided several times, if it conflicts with other writes.
#[async_trait]
pub trait Command: Sized + Send + Sync {
    /// The output of the decision, from which the response is built.
    type Output: Send;

    /// The reason for the audit log.
    fn reason(&self) -> &Reason;

    /// Whether the command has an effect outside the store before its commit: see [`Self::take_effect`].
    const HAS_EARLY_EFFECT: bool = false;

    /// Has the effect outside the store, before the first decision and before the write is in flight. It is called once,
    /// and of requests with one idempotency key for only one of them. `effect` identifies the effect: it is the same
    /// when a request with that key is sent again because the server was killed meanwhile.
    async fn take_effect(&self, _app: &App, _request: &ApiRequest, _effect: Ulid) -> Result<(), Problem> {
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
    let principal = request.principal()?.clone();
    let key = KeyUse::from_request(request, &principal)?;
    if let Some(response) = find_replay(app, request, key.as_ref()).await? {
        return Ok(response);
    }
    let command = parse()?;
    if key.is_some() {
        check_kept_responses(app, &principal).await?;
    }
    match key.as_ref().filter(|_| C::HAS_EARLY_EFFECT) {
        None => {
            if C::HAS_EARLY_EFFECT {
                command.take_effect(app, request, key_claim::new_effect(app)).await?;
            }
            commit(app, request, principal, key.as_ref(), &command).await
        }
        Some(claimed) => {
            let claim = match key_claim::claim(app, request, claimed).await? {
                Claim::Held(claim) => claim,
                Claim::Replayed(response) => return Ok(*response),
            };
            let outcome = match command.take_effect(app, request, claim.effect).await {
                Ok(()) => commit(app, request, principal, key.as_ref(), &command).await,
                Err(problem) => Err(problem),
            };
            if outcome.is_err() {
                key_claim::release(app, &claim).await;
            }
            outcome
        }
    }
}

/// Checks that the account may keep another response for an idempotency key.
pub(super) async fn check_kept_responses(app: &App, principal: &Principal) -> Result<(), Problem> {
    let (services, now) = (&app.services, app.services.clock.now());
    app.kept_responses.check(&*services.store, principal, services.settings.idempotency_storage, now).await
}

/// Decides on the command and commits its changes, again if it conflicts with other writes.
pub(super) async fn commit<C: Command>(
    app: &App,
    request: &ApiRequest,
    mut principal: Principal,
    key: Option<&KeyUse>,
    command: &C,
) -> Result<ApiResponse, Problem> {
    for _ in 0..MAX_ATTEMPTS {
        match attempt(app, request, &principal, key, command).await {
            Ok(response) => return Ok(response),
            Err(AttemptError::Rejected(problem)) => {
                // A concurrent request with the same key may have succeeded meanwhile. Its response is replayed then.
                return match find_replay(app, request, key).await? {
                    Some(response) => Ok(response),
                    None => Err(problem),
                };
            }
            Err(AttemptError::LostRace) => {}
            Err(AttemptError::ActorChanged) => {
                principal = authenticate(app, &request.parts.headers).await?;
                if let Access::Scope(scope) = request.route.access {
                    principal.caller()?.require_scope(scope).map_err(|_| Problem::forbidden(scope))?;
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
        organization: principal.organization_ref(),
        attribution: &attribution,
        reason: Some(command.reason()),
        entropy: &*app.services.entropy,
    };
    let caller = principal.caller()?;
    let decided = command.decide(app, request, caller, &context, app.services.store.begin_write()).await;
    let (mut changeset, output) = decided?;
    if !caller.account.record.is_active_at(changeset.due_at()) {
        return Err(AttemptError::ActorChanged);
    }
    let mut response = command.response(&output);
    changeset.set_status(response.status.as_u16());
    let services = &app.services;
    let mut kept_bytes = 0;
    if let Some(key) = key {
        let stored = to_stored(&*services.response_cipher, &*services.entropy, &key.key, &response);
        kept_bytes = stored.body.len();
        changeset.set_idempotency(IdempotencyRecord {
            key: key.key.clone(),
            fingerprint: key.fingerprint,
            response: stored,
            expires_at: changeset.due_at() + services.settings.idempotency_retention,
        });
    }
    let concerns_listener = services.commit_listener.concerns(&changeset);
    match services.store.commit(changeset).await {
        Ok(()) => {
            if concerns_listener {
                services.commit_listener.notify();
            }
            app.kept_responses.add(principal.id(), kept_bytes);
            response.is_recorded = true;
            Ok(response)
        }
        Err(CommitError::Duplicate(stored)) => Ok(replay_duplicate(app, request, key, stored)?),
        Err(CommitError::KeyReused) => Err(key_reused().into()),
        Err(CommitError::ActorChanged) => Err(AttemptError::ActorChanged),
        Err(CommitError::Conflict(Conflict::Revision(..) | Conflict::Usage(_))) => Err(AttemptError::LostRace),
        Err(CommitError::Conflict(Conflict::UniqueKey(_, taken))) => command
            .on_key_conflict(app, principal.organization_ref(), &taken)
            .await?
            .map_or(Err(AttemptError::LostRace), |problem| Err(problem.into())),
        Err(CommitError::Store(error)) => Err(Problem::from(error).into()),
    }
}
