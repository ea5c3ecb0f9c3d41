//! The form in which a person makes a claim, with files that arrive in it.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use evidence::{
    ClaimFiles, EvidenceClaim, EvidenceError, EvidenceRequirement, EvidenceRequirementStatus, NewClaim, create_claim,
};
use futures_util::future::BoxFuture;
use http_api::{
    handlers::WriteOutcome,
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
    streams::while_permitted,
};
use kernel::{Changeset, Conflict, Id, Kind, Reader, Reason, Stored, WriteContext};

use super::{
    claim::size,
    received_form::{ReceivedForm, is_about_storage, receive},
};
use crate::{
    evidence_files::ClaimUpload,
    pages::{
        commit::store,
        form_references::{ResolvedForm, resolve},
        form_texts::{FormTexts, query_value},
        register_form::{Shown, done, read, respond_with, taken},
        viewer,
    },
    registers::{FILES, TypedFaults, register_of},
    services::ConsoleServices,
    words::camel_case,
};

/// The name of the field for the requirement.
const REQUIREMENT: &str = "evidenceRequirementId";

/// The name of the field for the beginning of the validity.
const VALID_FROM: &str = "validFrom";

/// The maximum number of attempts of a write that conflicts with others.
const MAX_ATTEMPTS: usize = 8;

/// The reason why nothing was stored, at the fields of the form.
struct Refused {
    status: StatusCode,
    faults: TypedFaults,
}

impl Refused {
    fn at(status: StatusCode, field: &str, message: impl Into<String>) -> Self {
        let mut faults = TypedFaults::default();
        faults.0.insert(field.to_owned(), message.into());
        Self { status, faults }
    }
}

/// Handles the request for the empty form.
pub(super) fn open<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let now = viewer(request)?.zone.input_minute(app.services.clock.now());
        let requirement = query_value(request, "requirement").unwrap_or_default();
        let texts = BTreeMap::from([(REQUIREMENT.to_owned(), requirement), (VALID_FROM.to_owned(), now)]);
        let form = resolve(app, request, &register_of::<EvidenceClaim>(), None, &texts).await?;
        respond(request, StatusCode::OK, &texts, &form, &form.faults)
    })
}

/// Handles the form. What it has sent is received to its end, so that it can come back with what was typed.
pub(super) fn submit<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let services = ConsoleServices::of(request)?;
        let (limits, mut files) = (services.files.limits(), services.files.begin_claim());
        let received = async {
            let received = while_permitted(app, request, receive(app, request, limits, &mut *files)).await?;
            let form = resolve(app, request, &register_of::<EvidenceClaim>(), None, &received.texts.0).await?;
            Ok((received, form))
        };
        let (ReceivedForm { texts, has_files, fault }, form) = match received.await {
            Ok(received) => received,
            Err(problem) => {
                files.settle(app, WriteOutcome::Refused).await;
                return Err(problem);
            }
        };
        let made = make(app, request, &texts, &form, fault, &mut *files).await;
        let outcome = match &made {
            Ok(Ok(_)) => WriteOutcome::Stored,
            Ok(Err(_)) => WriteOutcome::Refused,
            Err(problem) => WriteOutcome::of_problem(problem),
        };
        files.settle(app, outcome).await;
        match made? {
            Ok(id) => Ok(done::<EvidenceClaim>(&id.to_string(), "created")),
            Err(Refused { status, mut faults }) => {
                if has_files {
                    let again = "have to be chosen again: a browser keeps none when a form comes back";
                    faults.0.entry(FILES.to_owned()).or_insert_with(|| again.to_owned());
                }
                respond(request, status, &texts.0, &form, &faults)
            }
        }
    })
}

fn respond(
    request: &ApiRequest,
    status: StatusCode,
    texts: &BTreeMap<String, String>,
    form: &ResolvedForm,
    faults: &TypedFaults,
) -> Result<ApiResponse, Problem> {
    let limits = ConsoleServices::of(request)?.files.limits();
    let hint = format!(
        "Up to {} files, each up to {}. They can't be changed later: further files are another claim.",
        evidence::MAX_ATTACHMENTS,
        size(i64::try_from(limits.file).unwrap_or(i64::MAX)),
    );
    let shown = Shown { texts: Some(texts), files: Some(&hint), ..Shown::default() };
    respond_with::<EvidenceClaim>(request, status, shown, &form.references, faults)
}

/// Makes the claim that the form describes.
async fn make(
    app: &App,
    request: &ApiRequest,
    texts: &FormTexts,
    form: &ResolvedForm,
    fault: Option<String>,
    files: &mut dyn ClaimUpload,
) -> Result<Result<Id<EvidenceClaim>, Refused>, Problem> {
    let states_beginning = texts.0.get(VALID_FROM).is_some_and(|text| !text.trim().is_empty());
    let mut form = form.clone();
    if !states_beginning {
        let now = viewer(request)?.zone.input_minute(app.services.clock.now());
        form.texts.insert(VALID_FROM.to_owned(), now);
    }
    let (claim, reason) = match (read::<EvidenceClaim>(request, texts, &form, None)?, fault) {
        (Ok(read), None) => read,
        (read, fault) => {
            let mut faults = read.err().unwrap_or_default();
            faults.0.extend(fault.map(|fault| (FILES.to_owned(), fault)));
            return Ok(Err(Refused { status: StatusCode::BAD_REQUEST, faults }));
        }
    };
    files.store(app).await?;
    let command = Command { claim, states_beginning, reason };
    for _ in 0..MAX_ATTEMPTS {
        let chosen = files.choose(app).await?;
        let (changeset, id) = match command.decide(app, request, files, &chosen).await? {
            Ok(decided) => decided,
            Err(refused) => return Ok(Err(refused)),
        };
        match store(app, changeset).await? {
            None => return Ok(Ok(id)),
            // Another request has added the same bytes, or has changed the requirement, meanwhile.
            Some(Conflict::UniqueKey(Kind::EvidenceClaim, key)) => {
                let faults = taken::<EvidenceClaim>(&Conflict::UniqueKey(Kind::EvidenceClaim, key))?;
                return Ok(Err(Refused { status: StatusCode::CONFLICT, faults }));
            }
            Some(_) => {}
        }
    }
    Err(Problem::conflict("concurrent changes kept changing the same records: open the form again and retry"))
}

/// The claim of a form.
struct Command {
    claim: EvidenceClaim,
    states_beginning: bool,
    reason: Reason,
}

impl Command {
    /// Decides on the claim from what is stored now.
    async fn decide(
        &self,
        app: &App,
        request: &ApiRequest,
        upload: &dyn ClaimUpload,
        files: &ClaimFiles,
    ) -> Result<Result<(Changeset, Id<EvidenceClaim>), Refused>, Problem> {
        let principal = request.principal()?;
        let (organization, id) = (principal.organization_ref(), self.claim.evidence_requirement_id);
        let found: Option<Stored<EvidenceRequirement>> =
            Reader::<EvidenceRequirement>::get(&*app.services.store, organization.id, id).await?;
        let Some(requirement) = found else {
            return Ok(Err(Refused::at(
                StatusCode::BAD_REQUEST,
                REQUIREMENT,
                "names no requirement of this workspace",
            )));
        };
        let services = ConsoleServices::of(request)?;
        let attribution = request.attribution(principal);
        let (reason, entropy) = (Some(&self.reason), &*app.services.entropy);
        let context = WriteContext { organization, attribution: &attribution, reason, entropy };
        let timestamp = app.services.store.begin_write();
        let decided = create_claim(&context, &*services.events, timestamp, None, &requirement, self.new_claim(), files);
        let (mut changeset, claim) = match decided {
            Ok(decided) => decided,
            Err(error) => return refused(error).map(Err),
        };
        match upload.complete(app, request, &context, &mut changeset, files).await {
            Ok(()) => Ok(Ok((changeset, claim.meta.id))),
            Err(problem) if is_about_storage(&problem) => {
                let message = format!("were not stored: {}", problem.message());
                Ok(Err(Refused::at(problem.status, FILES, message)))
            }
            Err(problem) => Err(problem),
        }
    }

    fn new_claim(&self) -> NewClaim {
        let EvidenceClaim { key, title, description, valid_from, valid_until, source_kind, source_reference, .. } =
            self.claim.clone();
        let valid_from = self.states_beginning.then_some(valid_from);
        NewClaim { key, title, description, valid_from, valid_until, source_kind, source_reference }
    }
}

fn refused(error: EvidenceError) -> Result<Refused, Problem> {
    match error {
        EvidenceError::Invalid(errors) => {
            let faults = errors.into_iter().map(|error| (camel_case(error.field), error.message.into_owned()));
            Ok(Refused { status: StatusCode::BAD_REQUEST, faults: TypedFaults(faults.collect()) })
        }
        EvidenceError::RequirementNotActive(status) => {
            let message = format!(
                "is {}: a claim can only be made for one that is {}",
                status.name(),
                EvidenceRequirementStatus::Active.name()
            );
            Ok(Refused::at(StatusCode::BAD_REQUEST, REQUIREMENT, message))
        }
        _ => Err(Problem::internal()),
    }
}
