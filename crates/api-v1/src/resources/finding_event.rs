//! The endpoint to record an event of a finding.

use async_trait::async_trait;
use auth::Caller;
use axum::http::StatusCode;
use findings::{EventKind, Finding, FindingEvent, NewFindingEvent, load_duplicate_chain, record_event};
use futures_util::future::BoxFuture;
use http_api::{
    App,
    endpoints::{Document, Media},
    handlers::{Command, execute, find},
    request::{ApiRequest, BodyReader, TimestampReader, enum_reader, id, text},
    response::{ApiResponse, Issue, Problem},
};
use kernel::{Changeset, Id, Reason, Stored, WriteContext, WriteTimestamp};
use serde_json::json;

use crate::{
    errors::finding_problem,
    resources::finding::PayloadRenderer,
    view::{View, reference, with_location},
};

/// The command of `POST /governance/findings/{findingId}/events`.
pub(crate) struct RecordFindingEvent {
    event: NewFindingEvent,
    reason: Reason,
}

impl RecordFindingEvent {
    fn read(object: &mut BodyReader<'_>) -> Option<Self> {
        let kind = object.required("eventType", enum_reader(EventKind::ALL, EventKind::name));
        let note = object.optional("note", text());
        let external_reference = object.optional("externalReference", text());
        let duplicate_of = object.optional("duplicateOfFindingId", id());
        let occurred_at = object.optional("occurredAt", TimestampReader);
        let is_valid = object.error_count() == 0;
        let reason = object.reason();
        let event = NewFindingEvent { kind: kind?, note, external_reference, duplicate_of, occurred_at };
        if is_valid && let Err(findings::FindingError::Invalid(errors)) = event.check() {
            errors.into_iter().for_each(|error| object.error(Issue::from(error)));
        }
        Some(Self { event, reason: reason? })
    }
}

#[async_trait]
impl Command for RecordFindingEvent {
    type Output = (Stored<FindingEvent>, Stored<Finding>);

    fn reason(&self) -> &Reason {
        &self.reason
    }

    async fn decide(
        &self,
        app: &App,
        request: &ApiRequest,
        _: &Caller,
        context: &WriteContext<'_>,
        timestamp: WriteTimestamp,
    ) -> Result<(Changeset, Self::Output), Problem> {
        let store = &*app.services.store;
        let current = find::<Finding>(app, request).await?;
        request.check_if_match(current.meta.revision)?;
        let originals = match self.event.duplicate_of {
            Some(original) => load_duplicate_chain(store, context, original).await?,
            None => Vec::new(),
        };
        let (changeset, event, finding) =
            record_event(context, &PayloadRenderer, timestamp, &current, self.event.clone(), &originals)
                .map_err(finding_problem)?;
        Ok((changeset, (event, finding)))
    }

    fn response(&self, (event, finding): &Self::Output) -> ApiResponse {
        let body = json!({
            FindingEvent::SINGULAR: FindingEvent::to_dto(event),
            Finding::SINGULAR: Finding::to_dto(finding),
        });
        let response = ApiResponse::json(StatusCode::CREATED, body.to_string().into());
        with_location(&location(finding.meta.id), response)
    }
}

fn location(finding: Id<Finding>) -> String {
    format!("/api/v1/governance/findings/{finding}/events")
}

pub(crate) fn post<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        request.path_id::<Finding>()?;
        execute(app, request, RecordFindingEvent::read).await
    })
}

pub(crate) fn post_document() -> Document {
    Document {
        query: Vec::new(),
        request: Some(Media {
            schema: BodyReader::describe(RecordFindingEvent::read),
            example: json!({
                "eventType": "verified_as_duplicate",
                "externalReference": "INC0012345",
                "reason": "Tracked in ServiceNow as INC0012345",
            }),
        }),
        status: 201,
        response: Media {
            schema: json!({
                "type": "object",
                "required": [FindingEvent::SINGULAR, Finding::SINGULAR],
                "properties": {
                    FindingEvent::SINGULAR: reference::<FindingEvent>(),
                    Finding::SINGULAR: reference::<Finding>(),
                },
            }),
            example: json!({
                FindingEvent::SINGULAR: FindingEvent::to_dto(&FindingEvent::example()),
                Finding::SINGULAR: Finding::to_dto(&Finding::example()),
            }),
        },
        line: None,
        errors: &[400, 404, 409, 412, 413, 415, 422],
        codes: &[],
        response_headers: &["Location", "Idempotent-Replayed"],
    }
}
