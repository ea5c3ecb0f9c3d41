//! Creating and editing a record of a register.

use std::{collections::BTreeMap, convert::Infallible};

use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    handlers::find,
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::{
    Action, Change, Changeset, Conflict, Id, Reader, Reason, Record, Stored, Subject, WriteContext, WriteTimestamp,
};
use store::DynStore;

use super::{
    commit::{Written, commit},
    form_references::{ResolvedForm, load_references, resolve},
    form_texts::{FormTexts, query_value},
    viewer,
};
use crate::{
    navigation::section_of,
    registers::{
        MergedTexts, RecordForm, References, Row, TypedFaults, form, key_field, merge_stored, new_fields, read_typed,
        register_of,
    },
    response::{page_response, redirect},
    zone::Zone,
};

type Handled<'a> = BoxFuture<'a, Result<ApiResponse, Problem>>;

/// Handles the request for the form of a new record, with what a link to it has filled in.
pub(crate) fn open_new<'a, R: Record>(app: &'a App, request: &'a ApiRequest) -> Handled<'a> {
    Box::pin(async move {
        let register = register_of::<R>();
        let mut filled = BTreeMap::new();
        for name in new_fields(&register) {
            filled.extend(query_value(request, &name).map(|value| (name, value)));
        }
        if filled.is_empty() {
            let references = load_references(app, request, &register, None).await?;
            return respond::<R>(request, StatusCode::OK, None, None, &references, &TypedFaults::default());
        }
        let form = resolve(app, request, &register, None, &filled).await?;
        respond::<R>(request, StatusCode::OK, None, Some(&FormTexts(filled)), &form.references, &form.faults)
    })
}

/// Handles the request for the form of a record.
pub(crate) fn open_edit<'a, R: Record>(app: &'a App, request: &'a ApiRequest) -> Handled<'a>
where
    DynStore: Reader<R>,
{
    Box::pin(async move {
        let row = Row::of(&find::<R>(app, request).await?);
        let references = load_references(app, request, &register_of::<R>(), Some(&row)).await?;
        respond::<R>(request, StatusCode::OK, Some(&row), None, &references, &TypedFaults::default())
    })
}

/// Handles the form that creates a record.
pub(crate) fn create<'a, R: Record>(app: &'a App, request: &'a ApiRequest) -> Handled<'a> {
    Box::pin(async move {
        create_with::<R>(app, request, |context, timestamp, record| {
            let at = timestamp.at();
            let stored = Stored::new(context.organization.id, Id::new(context.entropy.ulid(at)), at, record);
            let subject = Subject::from_id(stored.meta.id);
            let mut changeset = context.begin(timestamp, Action::on_record(R::KIND, "created"), Some(subject));
            changeset.create(&stored);
            changeset.set_changes(Change::between(None, &stored.record));
            (changeset, stored.meta.id)
        })
        .await
    })
}

/// Creates a record from a form, in the way that `decide` knows.
///
/// # Errors
/// The error response.
pub(crate) async fn create_with<R: Record>(
    app: &App,
    request: &ApiRequest,
    decide: impl FnOnce(&WriteContext<'_>, WriteTimestamp, R) -> (Changeset, Id<R>) + Send,
) -> Result<ApiResponse, Problem> {
    let texts = FormTexts::read(request)?;
    let form = resolve(app, request, &register_of::<R>(), None, &texts.0).await?;
    let respond =
        |status, faults: &TypedFaults| respond::<R>(request, status, None, Some(&texts), &form.references, faults);
    let (record, reason) = match read::<R>(request, &texts, &form, None)? {
        Ok(read) => read,
        Err(faults) => return respond(StatusCode::BAD_REQUEST, &faults),
    };
    let created = commit(app, request, Some(&reason), |context, timestamp| {
        let (changeset, id) = decide(context, timestamp, record);
        Ok::<_, Infallible>((changeset, id.to_string()))
    });
    match created.await? {
        Written::Done(id) => Ok(done::<R>(&id, "created")),
        Written::Refused(never) => match never {},
        Written::Conflict(conflict) => {
            let faults = taken::<R>(&conflict)?;
            respond(StatusCode::CONFLICT, &faults)
        }
    }
}

/// Handles the form that edits a record.
pub(crate) fn edit<'a, R: Record>(app: &'a App, request: &'a ApiRequest) -> Handled<'a>
where
    DynStore: Reader<R>,
{
    Box::pin(async move {
        edit_with::<R>(app, request, |context, timestamp, current, record| {
            let changed = current.changed(timestamp.at(), record);
            let subject = Subject::from_id(changed.meta.id);
            let mut changeset = context.begin(timestamp, Action::on_record(R::KIND, "updated"), Some(subject));
            changeset.update(current, &changed);
            changeset.set_changes(Change::between(Some(&current.record), &changed.record));
            Ok(changeset)
        })
        .await
    })
}

/// Edits a record with a form, in the way that `decide` knows.
///
/// # Errors
/// The error response.
pub(crate) async fn edit_with<R: Record>(
    app: &App,
    request: &ApiRequest,
    decide: impl FnOnce(&WriteContext<'_>, WriteTimestamp, &Stored<R>, R) -> Result<Changeset, TypedFaults> + Send,
) -> Result<ApiResponse, Problem>
where
    DynStore: Reader<R>,
{
    let current = find::<R>(app, request).await?;
    let texts = FormTexts::read(request)?;
    let opened = texts.revision()?;
    if opened != current.meta.revision {
        return respond_to_conflict(app, request, &current, &texts).await;
    }
    let row = Row::of(&current);
    let form = resolve(app, request, &register_of::<R>(), Some(&row), &texts.0).await?;
    let respond = |status, faults: &TypedFaults| {
        respond::<R>(request, status, Some(&row), Some(&texts), &form.references, faults)
    };
    let (record, reason) = match read::<R>(request, &texts, &form, Some(&current.record))? {
        Ok(read) => read,
        Err(faults) => return respond(StatusCode::BAD_REQUEST, &faults),
    };
    if record == current.record {
        return Ok(redirect(&format!("{}/{}", register_of::<R>().path(), row.id)));
    }
    let updated = commit(app, request, Some(&reason), |context, timestamp| {
        Ok::<_, TypedFaults>((decide(context, timestamp.after([&current]), &current, record)?, ()))
    });
    match updated.await? {
        Written::Done(()) => Ok(done::<R>(&row.id, "saved")),
        Written::Refused(faults) => respond(StatusCode::BAD_REQUEST, &faults),
        Written::Conflict(Conflict::Revision(..)) => {
            respond_to_conflict(app, request, &find::<R>(app, request).await?, &texts).await
        }
        Written::Conflict(conflict) => {
            let faults = taken::<R>(&conflict)?;
            respond(StatusCode::CONFLICT, &faults)
        }
    }
}

/// Reads the record and the reason from the form, or returns what is wrong with them.
///
/// # Errors
/// An internal error if nobody has signed in.
pub(crate) fn read<R: Record>(
    request: &ApiRequest,
    texts: &FormTexts,
    form: &ResolvedForm,
    current: Option<&R>,
) -> Result<Result<(R, Reason), TypedFaults>, Problem> {
    let viewer = viewer(request)?;
    let zone: &Zone = &viewer.zone;
    let (record, reason) = (read_typed(&form.texts, zone, current), texts.reason());
    Ok(match (record, reason) {
        (Ok(record), Ok(reason)) if form.faults.0.is_empty() => Ok((record, reason)),
        (record, reason) => {
            let mut faults = record.err().unwrap_or_default();
            faults.0.extend(form.faults.0.clone());
            if let Err(message) = reason {
                faults.0.insert("reason".to_owned(), message);
            }
            Err(faults)
        }
    })
}

/// The response after a change: the record's page, which says what was done.
pub(crate) fn done<R: Record>(id: &str, verb: &str) -> ApiResponse {
    redirect(&format!("{}/{id}?done={verb}", register_of::<R>().path())).recorded()
}

/// The fault of the key if another record has it.
///
/// # Errors
/// A 409 response about any other conflict.
pub(crate) fn taken<R: Record>(conflict: &Conflict) -> Result<TypedFaults, Problem> {
    let Conflict::UniqueKey(_, key) = conflict else {
        return Err(Problem::conflict("concurrent changes kept changing the same record: open it again and retry"));
    };
    let mut faults = TypedFaults::default();
    let register = register_of::<R>();
    let noun = register.noun();
    let message = match register.key() {
        Some(_) => format!("“{key}” is taken by another {noun}. Choose another one."),
        None => format!("There is a {noun} with the same values already. Change that one."),
    };
    faults.0.insert(key_field(&register), message);
    Ok(faults)
}

/// The form with what the person changed, and what another person stored meanwhile in all other fields.
async fn respond_to_conflict<R: Record>(
    app: &App,
    request: &ApiRequest,
    stored: &Stored<R>,
    texts: &FormTexts,
) -> Result<ApiResponse, Problem> {
    let (register, row) = (register_of::<R>(), Row::of(stored));
    let shown = load_references(app, request, &register, Some(&row)).await?;
    let merged = merge_stored(&register, &row, &shown, &viewer(request)?.zone, &texts.0);
    let mut form = resolve(app, request, &register, Some(&row), &merged.texts).await?;
    form.references.names.extend(shown.names);
    let faults = read::<R>(request, texts, &form, Some(&stored.record))?.err().unwrap_or_default();
    let view = Shown { current: Some(&row), texts: Some(&merged.texts), conflict: Some(&merged), files: None };
    respond_with::<R>(request, StatusCode::CONFLICT, view, &form.references, &faults)
}

fn respond<R: Record>(
    request: &ApiRequest,
    status: StatusCode,
    current: Option<&Row>,
    texts: Option<&FormTexts>,
    references: &References,
    faults: &TypedFaults,
) -> Result<ApiResponse, Problem> {
    let view = Shown { current, texts: texts.map(|texts| &texts.0), ..Shown::default() };
    respond_with::<R>(request, status, view, references, faults)
}

/// The record and the texts that a form shows.
#[derive(Default)]
pub(crate) struct Shown<'s> {
    /// The record that is edited.
    pub(crate) current: Option<&'s Row>,
    /// The texts that were typed.
    pub(crate) texts: Option<&'s BTreeMap<String, String>>,
    /// The hint of the field for files, if the form has one.
    pub(crate) files: Option<&'s str>,
    /// The texts with what another person stored.
    pub(crate) conflict: Option<&'s MergedTexts>,
}

/// Responds with the form.
///
/// # Errors
/// An internal error if nobody has signed in.
pub(crate) fn respond_with<R: Record>(
    request: &ApiRequest,
    status: StatusCode,
    Shown { current, texts, files, conflict }: Shown<'_>,
    references: &References,
    faults: &TypedFaults,
) -> Result<ApiResponse, Problem> {
    let view = RecordForm {
        register: register_of::<R>(),
        section: section_of(R::KIND),
        current,
        typed: texts,
        faults,
        references,
        files,
        conflict,
    };
    Ok(page_response(status, form(&viewer(request)?, &view)))
}
