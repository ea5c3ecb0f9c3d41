//! The endpoints to list and record the events of a finding.

use async_trait::async_trait;
use auth::Caller;
use axum::http::StatusCode;
use findings::{
    EventKind, Finding, FindingEvent, FindingEventFilter, NewFindingEvent, load_duplicate_chain, record_event,
};
use futures_util::future::BoxFuture;
use kernel::{
    Changeset, Description, Id, Reader, Reason, Reference, Stored, Subject, Timestamp, WriteContext, WriteTimestamp,
};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    app::App,
    body::{BodyReader, TimestampReader, enum_reader, id, text},
    operation::{Document, Media},
    paging,
    problem::{Issue, Problem},
    query::Query,
    request::ApiRequest,
    response::ApiResponse,
    schema::enum_schema,
    view::{
        AsText, View, example_id, example_timestamp, find, list_document_of, list_filtered, reference, with_location,
    },
    webhook_payload::PayloadRenderer,
    write::{Command, execute},
};

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FindingEventDto<'a> {
    #[schema(value_type = String)]
    id: AsText<Id<FindingEvent>>,
    #[schema(value_type = String)]
    finding_id: AsText<Id<Finding>>,
    #[schema(schema_with = kind_schema)]
    event_type: &'static str,
    #[schema(required)]
    note: Option<&'a str>,
    #[schema(required)]
    external_reference: Option<&'a str>,
    #[schema(value_type = Option<String>, required)]
    duplicate_of_finding_id: Option<AsText<Id<Finding>>>,
    #[schema(value_type = String, format = DateTime)]
    occurred_at: AsText<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    created_at: AsText<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    updated_at: AsText<Timestamp>,
}

fn kind_schema() -> utoipa::openapi::schema::Object {
    enum_schema(EventKind::ALL, EventKind::name)
}

impl View for FindingEvent {
    const SINGULAR: &'static str = "findingEvent";
    const PLURAL: &'static str = "findingEvents";
    const COMPONENT: &'static str = "FindingEvent";
    type Dto<'a> = FindingEventDto<'a>;

    fn to_dto(stored: &Stored<Self>) -> FindingEventDto<'_> {
        let event = &stored.record;
        FindingEventDto {
            id: AsText(stored.meta.id),
            finding_id: AsText(event.finding),
            event_type: event.kind.name(),
            note: event.note.as_ref().map(Description::as_str),
            external_reference: event.external_reference.as_ref().map(Reference::as_str),
            duplicate_of_finding_id: event.duplicate_of.map(AsText),
            occurred_at: AsText(event.occurred_at),
            created_at: AsText(stored.meta.created_at),
            updated_at: AsText(stored.meta.updated_at),
        }
    }

    fn filter(_: &mut Query<'_>) -> FindingEventFilter {
        FindingEventFilter::default()
    }

    fn example() -> Stored<Self> {
        let record = Self {
            finding: example_id(3),
            kind: EventKind::VerifiedAsDuplicate,
            note: None,
            external_reference: Some(Reference::parse("INC0012345").expect("the example is valid")),
            duplicate_of: None,
            occurred_at: example_timestamp(),
        };
        Stored::new(example_id(1), example_id(4), example_timestamp(), record)
    }
}

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
            record_event(context, &PayloadRenderer, timestamp, &current, self.event.clone(), &originals)?;
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

/// Handles `GET /governance/findings/{findingId}/events`.
pub(crate) fn list<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let id: Id<Finding> = request.path_id()?;
        let organization = request.principal()?.organization();
        let found = Reader::<Finding>::get(&*app.services.store, organization, id).await?;
        if found.is_none() {
            return Err(Problem::not_found());
        }
        let filter = FindingEventFilter { finding: Some(id) };
        let mut query = Query::parse(request.query());
        let response = list_filtered::<FindingEvent>(app, request, &mut query, &filter).await?;
        Ok(response.with_subject(Subject::from_id(id)))
    })
}

pub(crate) fn list_document() -> Document {
    let query = Query::describe(|query| {
        paging::read(query);
    });
    let mut document = list_document_of(
        FindingEvent::PLURAL,
        reference::<FindingEvent>(),
        json!(FindingEvent::to_dto(&FindingEvent::example())),
        query,
    );
    document.errors = &[400, 404];
    document
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
