//! Creating and editing a finding, through the rules of findings and with their events.

use findings::{Finding, FindingError, FindingPatch, NewFinding, create as create_finding, update};
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::Patch;

use crate::{
    pages::register_form::{create_with, edit_with, open_edit as open_edit_of, open_new as open_new_of},
    registers::{TypedFaults, register_of},
    services::ConsoleServices,
    words::camel_case,
};

type Handled<'a> = BoxFuture<'a, Result<ApiResponse, Problem>>;

/// Handles the request for the empty form.
pub(super) fn open_new<'a>(app: &'a App, request: &'a ApiRequest) -> Handled<'a> {
    open_new_of::<Finding>(app, request)
}

/// Handles the request for the form of a finding.
pub(super) fn open_edit<'a>(app: &'a App, request: &'a ApiRequest) -> Handled<'a> {
    open_edit_of::<Finding>(app, request)
}

/// Handles the form that creates a finding.
pub(super) fn create<'a>(app: &'a App, request: &'a ApiRequest) -> Handled<'a> {
    Box::pin(async move {
        let services = ConsoleServices::of(request)?;
        create_with::<Finding>(app, request, |context, timestamp, finding| {
            let (changeset, created) = create_finding(context, &*services.events, timestamp, new_finding(finding));
            (changeset, created.meta.id)
        })
        .await
    })
}

fn new_finding(finding: Finding) -> NewFinding {
    let Finding {
        key,
        title,
        description,
        severity,
        source,
        subject,
        owner_responsibility_id,
        owner_member_user_id,
        due_at,
        ..
    } = finding;
    NewFinding {
        key,
        title,
        description: Some(description),
        severity,
        source,
        subject,
        owner_responsibility_id,
        owner_member_user_id,
        due_at,
        status: None,
    }
}

/// Handles the form that edits a finding.
pub(super) fn edit<'a>(app: &'a App, request: &'a ApiRequest) -> Handled<'a> {
    Box::pin(async move {
        let services = ConsoleServices::of(request)?;
        edit_with::<Finding>(app, request, |context, timestamp, current, finding| {
            let updated = update(context, &*services.events, timestamp, current, &patch(finding));
            updated.map(|(changeset, _)| changeset).map_err(faults)
        })
        .await
    })
}

/// The patch that gives a finding these values. Only transitions change its status.
fn patch(finding: Finding) -> FindingPatch {
    let (module, resource_type, resource) = match finding.subject {
        Some(group) => (Some(group.module_key), Some(group.resource_type), Some(group.resource_id)),
        None => (None, None, None),
    };
    FindingPatch {
        title: Some(finding.title),
        description: Some(finding.description),
        severity: Some(finding.severity),
        status: None,
        owner_responsibility_id: set(finding.owner_responsibility_id),
        owner_member_user_id: set(finding.owner_member_user_id),
        due_at: set(finding.due_at),
        subject_module_key: set(module),
        subject_resource_type: set(resource_type),
        subject_resource_id: set(resource),
    }
}

fn set<T>(value: Option<T>) -> Patch<T> {
    value.map_or(Patch::Clear, Patch::Set)
}

/// The faults of the fields, by the names of the form.
pub(super) fn faults(error: FindingError) -> TypedFaults {
    let mut faults = TypedFaults::default();
    match error {
        FindingError::Invalid(errors) => {
            faults.0.extend(errors.into_iter().map(|error| (camel_case(error.field), error.message.into_owned())));
        }
        other => {
            let first = register_of::<Finding>().columns[0].label;
            faults.0.insert(camel_case(first), other.to_string());
        }
    }
    faults
}
