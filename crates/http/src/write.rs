//! Writes: decided, stored and answered at most once for one idempotency key (contract v1 § 4).

use async_trait::async_trait;
use auth::Caller;
use axum::http::HeaderName;
use findings::{Desk, Tenant};
use kernel::{
    Answer, Attribution, Changeset, Claim, Clash, CommitError, Fingerprint, IdempotencyKey, Kind, Reason, Stamp, Write,
};
use sha2::{Digest, Sha256};

use crate::{
    app::App,
    authenticate::authenticate,
    body::{self, Object},
    call::{Call, Known},
    confidential,
    notices::Notices,
    operation::Access,
    problem::{Issue, Problem},
    query::Query,
    reply::Reply,
};

/// How often a write that lost a race is decided anew before its caller is told.
const ATTEMPTS: usize = 8;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A write, read from a request and ready to be decided, more than once if it must.
#[async_trait]
pub(crate) trait Command: Sized + Send + Sync {
    /// What is decided, for the answer.
    type Done: Send;

    /// Why it is done.
    fn reason(&self) -> &Reason;

    /// Does what is done once, however often it must be decided, and before the write is in flight.
    async fn prepare(&self, _app: &App, _call: &Call) -> Result<(), Problem> {
        Ok(())
    }

    /// Decides by what is stored now, and by what the caller may do now.
    async fn decide(
        &self,
        app: &App,
        call: &Call,
        caller: &Caller,
        desk: &Desk<'_>,
        stamp: Stamp,
    ) -> Result<(Changeset, Self::Done), Problem>;

    /// The answer, once it is stored.
    fn answer(&self, done: &Self::Done) -> Reply;

    /// What to say of a unique key that was taken meanwhile; `None` to decide anew.
    async fn key_taken(&self, _app: &App, _tenant: &Tenant, _key: &str) -> Result<Option<Problem>, Problem> {
        Ok(None)
    }
}

/// Carries out the command that `read` finds in the request's body; it gives `None` only where it has noted a fault.
pub(crate) async fn carry_out<C: Command>(
    app: &App,
    call: &Call,
    read: impl FnOnce(&mut Object<'_>) -> Option<C> + Send,
) -> Result<Reply, Problem> {
    let receive = || {
        Query::parse(call.query()).finish()?;
        body::read(&call.json()?, read)
    };
    once(app, call, receive).await
}

/// The same for a command that has no body: `read` finds it in the query.
pub(crate) async fn carry_out_bare<C: Command>(
    app: &App,
    call: &Call,
    read: impl FnOnce(&mut Query<'_>) -> Option<C> + Send,
) -> Result<Reply, Problem> {
    let receive = || {
        let mut query = Query::parse(call.query());
        let command = read(&mut query);
        if !call.body.is_empty() {
            query.refuse_body();
        }
        query.finish()?;
        command.ok_or_else(Problem::internal)
    };
    once(app, call, receive).await
}

/// Carries out a command: one effect, one audit entry, one answer, however often it is sent with the same key.
///
/// A key that was used is judged before the request is: what it is used for again may be faulty in itself.
async fn once<C: Command>(
    app: &App,
    call: &Call,
    receive: impl FnOnce() -> Result<C, Problem> + Send,
) -> Result<Reply, Problem> {
    let mut known = call.known()?.clone();
    let key = Key::of(call, &known)?;
    if let Some(reply) = replay(app, key.as_ref()).await? {
        return Ok(reply);
    }
    let command = receive()?;
    command.prepare(app, call).await?;
    for _ in 0..ATTEMPTS {
        match attempt(app, call, &known, key.as_ref(), &command).await {
            Ok(reply) => return Ok(reply),
            Err(Setback::Refused(problem)) => {
                // A twin with the same key may have won while this was decided: then its answer is this one's too.
                return match replay(app, key.as_ref()).await? {
                    Some(reply) => Ok(reply),
                    None => Err(problem),
                };
            }
            Err(Setback::LostRace) => {}
            Err(Setback::StandingChanged) => {
                known = authenticate(app, &call.parts.headers).await.map_err(|turned_away| turned_away.problem)?;
                if let Access::Scope(scope) = call.operation.access {
                    known.caller.need(scope).map_err(|_| Problem::forbidden(scope))?;
                }
            }
        }
    }
    Err(Problem::conflict("others kept changing the same record: read it again and retry"))
}

enum Setback {
    Refused(Problem),
    LostRace,
    StandingChanged,
}

impl From<Problem> for Setback {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

async fn attempt<C: Command>(
    app: &App,
    call: &Call,
    known: &Known,
    key: Option<&Key>,
    command: &C,
) -> Result<Reply, Setback> {
    let attribution: Attribution = call.attribution(known);
    let desk = Desk {
        entropy: &*app.services.entropy,
        renderer: &Notices,
        tenant: &known.cached.tenant,
        attribution: &attribution,
        reason: command.reason(),
    };
    let decided = command.decide(app, call, &known.caller, &desk, app.services.store.begin()).await;
    let (mut changeset, done) = decided?;
    if !known.caller.account.record.stands(changeset.at()) {
        return Err(Setback::StandingChanged);
    }
    let mut reply = command.answer(&done);
    changeset.answered(reply.status.as_u16());
    if let Some(key) = key {
        changeset.claim(Claim {
            key: key.key.clone(),
            fingerprint: key.fingerprint,
            answer: confidential::keep(&app.services, &key.key, &reply),
            expires_at: changeset.at() + app.services.settings.idempotency_retention,
        });
    }
    let delivers = delivers(&changeset);
    match app.services.store.commit(changeset).await {
        Ok(()) => {
            if delivers {
                app.services.bell.ring();
            }
            reply.on_record = true;
            Ok(reply)
        }
        Err(CommitError::Duplicate(answer)) => Ok(given_again(app, key, answer)?),
        Err(CommitError::KeyReused) => Err(key_reused().into()),
        Err(CommitError::StandingChanged) => Err(Setback::StandingChanged),
        Err(CommitError::Conflict(Clash::Revision(..))) => Err(Setback::LostRace),
        Err(CommitError::Conflict(Clash::Key(_, taken))) => command
            .key_taken(app, &known.cached.tenant, &taken)
            .await?
            .map_or(Err(Setback::LostRace), |problem| Err(problem.into())),
        Err(CommitError::Store(error)) => Err(Problem::from(error).into()),
    }
}

/// Whether it leaves something to deliver, or changes who is delivered to.
fn delivers(changeset: &Changeset) -> bool {
    let is_webhook = |write: &Write| matches!(write.record.kind(), Kind::WebhookSubscription | Kind::WebhookDelivery);
    !changeset.events().is_empty() || changeset.writes().iter().any(is_webhook)
}

fn given_again(app: &App, key: Option<&Key>, answer: Answer) -> Result<Reply, Problem> {
    // Without a key nothing is claimed, and nothing can be there already.
    let key = key.ok_or_else(Problem::internal)?;
    confidential::give(&app.services, &key.key, answer)
}

/// One use of an idempotency key.
struct Key {
    key: IdempotencyKey,
    fingerprint: Fingerprint,
}

impl Key {
    fn of(call: &Call, known: &Known) -> Result<Option<Self>, Problem> {
        let mut values = call.parts.headers.get_all(IDEMPOTENCY_KEY).iter();
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
        let path = call.parts.uri.path();
        Ok(Some(Self {
            key: IdempotencyKey {
                organization: known.organization(),
                account: known.caller.account.meta.ulid(),
                operation: format!("{} {path}", call.parts.method),
                key: key.to_owned(),
            },
            fingerprint: fingerprint(path, call.query(), &call.body),
        }))
    }
}

/// A SHA-256 over everything that makes two calls the same, each part with its length before it.
fn fingerprint(path: &str, query: &str, body: &[u8]) -> Fingerprint {
    let mut hash = Sha256::new();
    for part in [path.as_bytes(), query.as_bytes(), body] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    Fingerprint(hash.finalize().into())
}

/// What the key was answered with, if it was used before for the same call.
async fn replay(app: &App, key: Option<&Key>) -> Result<Option<Reply>, Problem> {
    let Some(Key { key, fingerprint }) = key else { return Ok(None) };
    match app.services.store.answer(key, app.services.clock.now()).await? {
        None => Ok(None),
        Some((stored, answer)) if stored == *fingerprint => confidential::give(&app.services, key, answer).map(Some),
        Some(_) => Err(key_reused()),
    }
}

fn key_reused() -> Problem {
    Problem::unprocessable("the idempotency key was used with another request: use a new key")
}
