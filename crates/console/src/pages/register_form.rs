//! Creating and editing a record of a register.

use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    handlers::find,
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::{
    Action, Change, Changeset, CommitError, Conflict as CommitConflict, Id, Reader, Reason, Record, Stored, Subject,
    WriteContext,
};
use store::DynStore;

use super::{form_texts::FormTexts, viewer};
use crate::{
    navigation::section_of,
    registers::{RecordForm, Row, TypedFaults, form, key_field, read_typed, register_of},
    response::{page_response, redirect},
    zone::Zone,
};

type Handled<'a> = BoxFuture<'a, Result<ApiResponse, Problem>>;

/// Handles the request for the empty form.
pub(crate) fn open_new<'a, R: Record>(_: &'a App, request: &'a ApiRequest) -> Handled<'a> {
    Box::pin(async move { respond::<R>(request, StatusCode::OK, None, None, &TypedFaults::default(), false) })
}

/// Handles the request for the form of a record.
pub(crate) fn open_edit<'a, R: Record>(app: &'a App, request: &'a ApiRequest) -> Handled<'a>
where
    DynStore: Reader<R>,
{
    Box::pin(async move {
        let row = Row::of(&find::<R>(app, request).await?);
        respond::<R>(request, StatusCode::OK, Some(&row), None, &TypedFaults::default(), false)
    })
}

/// Handles the form that creates a record.
pub(crate) fn create<'a, R: Record>(app: &'a App, request: &'a ApiRequest) -> Handled<'a> {
    Box::pin(async move {
        let texts = FormTexts::read(request)?;
        let (record, reason) = match read::<R>(request, &texts, None)? {
            Ok(read) => read,
            Err(faults) => return respond::<R>(request, StatusCode::BAD_REQUEST, None, Some(&texts), &faults, false),
        };
        let created = commit(app, request, &reason, |context, entropy| {
            let timestamp = app.services.store.begin_write();
            let at = timestamp.at();
            let stored = Stored::new(context.organization.id, Id::new(entropy.ulid(at)), at, record.clone());
            let subject = Subject::from_id(stored.meta.id);
            let mut changeset = context.begin(timestamp, Action::on_record(R::KIND, "created"), Some(subject));
            changeset.create(&stored);
            changeset.set_changes(Change::between(None, &stored.record));
            (changeset, stored.meta.id.to_string())
        });
        match created.await? {
            Ok(id) => Ok(done::<R>(&id, "created")),
            Err(conflict) => {
                let faults = taken::<R>(&conflict)?;
                respond::<R>(request, StatusCode::CONFLICT, None, Some(&texts), &faults, false)
            }
        }
    })
}

/// Handles the form that edits a record.
pub(crate) fn edit<'a, R: Record>(app: &'a App, request: &'a ApiRequest) -> Handled<'a>
where
    DynStore: Reader<R>,
{
    Box::pin(async move {
        let current = find::<R>(app, request).await?;
        let texts = FormTexts::read(request)?;
        let opened = texts.revision()?;
        let row = Row::of(&current);
        let (record, reason) = match read::<R>(request, &texts, Some(&current.record))? {
            Ok(read) => read,
            Err(faults) => {
                return respond::<R>(request, StatusCode::BAD_REQUEST, Some(&row), Some(&texts), &faults, false);
            }
        };
        if opened != current.meta.revision {
            return respond_to_conflict::<R>(request, &row, &texts);
        }
        if record == current.record {
            return Ok(redirect(&format!("{}/{}", register_of::<R>().path(), row.id)));
        }
        let updated = commit(app, request, &reason, |context, _| {
            let timestamp = app.services.store.begin_write().after([&current]);
            let changed = current.changed(timestamp.at(), record.clone());
            let subject = Subject::from_id(changed.meta.id);
            let mut changeset = context.begin(timestamp, Action::on_record(R::KIND, "updated"), Some(subject));
            changeset.update(&current, &changed);
            changeset.set_changes(Change::between(Some(&current.record), &changed.record));
            (changeset, row.id.clone())
        });
        match updated.await? {
            Ok(id) => Ok(done::<R>(&id, "saved")),
            Err(CommitConflict::Revision(..)) => {
                let stored = Row::of(&find::<R>(app, request).await?);
                respond_to_conflict::<R>(request, &stored, &texts)
            }
            Err(conflict) => {
                let faults = taken::<R>(&conflict)?;
                respond::<R>(request, StatusCode::CONFLICT, Some(&row), Some(&texts), &faults, false)
            }
        }
    })
}

/// Reads the record and the reason from the form, or returns what is wrong with them.
fn read<R: Record>(
    request: &ApiRequest,
    texts: &FormTexts,
    current: Option<&R>,
) -> Result<Result<(R, Reason), TypedFaults>, Problem> {
    let viewer = viewer(request)?;
    let zone: &Zone = &viewer.zone;
    let (record, reason) = (read_typed(&texts.0, zone, current), texts.reason());
    Ok(match (record, reason) {
        (Ok(record), Ok(reason)) => Ok((record, reason)),
        (record, reason) => {
            let mut faults = record.err().unwrap_or_default();
            if let Err(message) = reason {
                faults.0.insert("reason".to_owned(), message);
            }
            Err(faults)
        }
    })
}

/// Commits the changeset that `decide` makes on behalf of the person, and returns what it returns with it.
pub(super) async fn commit<T>(
    app: &App,
    request: &ApiRequest,
    reason: &Reason,
    decide: impl FnOnce(&WriteContext<'_>, &dyn kernel::Entropy) -> (Changeset, T) + Send,
) -> Result<Result<T, CommitConflict>, Problem>
where
    T: Send,
{
    let principal = request.principal()?;
    let attribution = request.attribution(principal);
    let entropy = &*app.services.entropy;
    let context = WriteContext {
        organization: principal.organization_ref(),
        attribution: &attribution,
        reason: Some(reason),
        entropy,
    };
    let (mut changeset, output) = decide(&context, entropy);
    changeset.set_status(StatusCode::SEE_OTHER.as_u16());
    let concerns_listener = app.services.commit_listener.concerns(&changeset);
    match app.services.store.commit(changeset).await {
        Ok(()) => {
            if concerns_listener {
                app.services.commit_listener.notify();
            }
            Ok(Ok(output))
        }
        Err(CommitError::Conflict(conflict)) => Ok(Err(conflict)),
        Err(CommitError::ActorChanged) => Err(Problem::signed_out()),
        Err(CommitError::Store(error)) => Err(error.into()),
        Err(CommitError::Duplicate(_) | CommitError::KeyReused) => Err(Problem::internal()),
    }
}

/// The response after a change: the record's page, which says what was done.
fn done<R: Record>(id: &str, verb: &str) -> ApiResponse {
    redirect(&format!("{}/{id}?done={verb}", register_of::<R>().path())).recorded()
}

/// What is wrong with the key if another record has it.
fn taken<R: Record>(conflict: &CommitConflict) -> Result<TypedFaults, Problem> {
    let CommitConflict::UniqueKey(_, key) = conflict else {
        return Err(Problem::conflict("concurrent changes kept changing the same record: open it again and retry"));
    };
    let mut faults = TypedFaults::default();
    let register = register_of::<R>();
    faults
        .0
        .insert(key_field(&register), format!("“{key}” is taken by another {}. Choose another one.", register.noun()));
    Ok(faults)
}

/// The form with what was typed, beside what another person stored meanwhile.
fn respond_to_conflict<R: Record>(
    request: &ApiRequest,
    stored: &Row,
    texts: &FormTexts,
) -> Result<ApiResponse, Problem> {
    let faults = TypedFaults::default();
    respond::<R>(request, StatusCode::CONFLICT, Some(stored), Some(texts), &faults, true)
}

fn respond<R: Record>(
    request: &ApiRequest,
    status: StatusCode,
    current: Option<&Row>,
    texts: Option<&FormTexts>,
    faults: &TypedFaults,
    is_conflict: bool,
) -> Result<ApiResponse, Problem> {
    let view = RecordForm {
        register: register_of::<R>(),
        section: section_of(R::KIND),
        current,
        typed: texts.map(|texts| &texts.0),
        faults,
        is_conflict,
    };
    Ok(page_response(status, form(&viewer(request)?, &view)))
}
