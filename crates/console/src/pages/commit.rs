//! Writes on behalf of the person who has signed in.

use axum::http::StatusCode;
use http_api::{pipeline::App, request::ApiRequest, response::Problem};
use kernel::{Changeset, CommitError, Conflict, Reason, WriteContext, WriteTimestamp};

/// The outcome of a write.
pub(crate) enum Written<T, E> {
    /// It is stored.
    Done(T),
    /// The rules of the domain refused it.
    Refused(E),
    /// Another write came first.
    Conflict(Conflict),
}

/// Commits the changeset that `decide` makes, with the person as its actor.
///
/// # Errors
/// The error response if the person was signed out meanwhile, or the store fails.
pub(crate) async fn commit<T: Send, E: Send>(
    app: &App,
    request: &ApiRequest,
    reason: Option<&Reason>,
    decide: impl FnOnce(&WriteContext<'_>, WriteTimestamp) -> Result<(Changeset, T), E> + Send,
) -> Result<Written<T, E>, Problem> {
    let principal = request.principal()?;
    let attribution = request.attribution(principal);
    let decided = {
        let organization = principal.organization_ref();
        let context = WriteContext { organization, attribution: &attribution, reason, entropy: &*app.services.entropy };
        decide(&context, app.services.store.begin_write())
    };
    let (changeset, output) = match decided {
        Ok(decided) => decided,
        Err(refusal) => return Ok(Written::Refused(refusal)),
    };
    Ok(match store(app, changeset).await? {
        None => Written::Done(output),
        Some(conflict) => Written::Conflict(conflict),
    })
}

/// Commits a changeset of the person. Returns the conflict if another write came first.
///
/// # Errors
/// As for [`commit`].
pub(crate) async fn store(app: &App, mut changeset: Changeset) -> Result<Option<Conflict>, Problem> {
    changeset.set_status(StatusCode::SEE_OTHER.as_u16());
    let concerns_listener = app.services.commit_listener.concerns(&changeset);
    match app.services.store.commit(changeset).await {
        Ok(()) => {
            if concerns_listener {
                app.services.commit_listener.notify();
            }
            Ok(None)
        }
        Err(CommitError::Conflict(conflict)) => Ok(Some(conflict)),
        Err(CommitError::ActorChanged) => Err(Problem::signed_out()),
        Err(CommitError::Store(error)) => Err(error.into()),
        Err(CommitError::Duplicate(_) | CommitError::KeyReused) => Err(Problem::internal()),
    }
}
