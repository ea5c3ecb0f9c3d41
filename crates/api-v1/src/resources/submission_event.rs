//! The endpoint to record an event of a submission package.

mod payload;

use async_trait::async_trait;
use auth::Caller;
use futures_util::future::BoxFuture;
use http_api::{
    App,
    endpoints::{Document, Media},
    handlers::{Command, execute, find},
    request::{ApiRequest, BodyReader, TimestampReader, enum_reader, text},
    response::{ApiResponse, Problem},
};
use kernel::{Changeset, Reason, Stored, WriteContext, WriteTimestamp};
use serde_json::json;
use submissions::{NewSubmissionEvent, SubmissionEvent, SubmissionEventKind, SubmissionPackage, record_event};

pub(crate) use payload::{event_recorded_data, status_changed_data};

use super::recorded_event::{event_document, event_response};
use crate::{errors::submission_problem, webhook_payload::PayloadRenderer};

/// The command of `POST /governance/submissions/packages/{packageId}/events`.
pub(crate) struct RecordSubmissionEvent {
    event: NewSubmissionEvent,
    reason: Reason,
}

impl RecordSubmissionEvent {
    fn read(object: &mut BodyReader<'_>) -> Option<Self> {
        let kind = object.required("eventKind", enum_reader(SubmissionEventKind::ALL, SubmissionEventKind::name));
        let occurred_at = object.required("occurredAt", TimestampReader);
        let recipient_reference = object.optional("recipientReference", text());
        let note = object.optional("note", text());
        let reason = object.reason();
        let event = NewSubmissionEvent { kind: kind?, occurred_at: occurred_at?, recipient_reference, note };
        Some(Self { event, reason: reason? })
    }
}

#[async_trait]
impl Command for RecordSubmissionEvent {
    type Output = (Stored<SubmissionEvent>, Stored<SubmissionPackage>);

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
        let current = find::<SubmissionPackage>(app, request).await?;
        request.check_if_match(current.meta.revision)?;
        let (changeset, event, package) =
            record_event(context, &PayloadRenderer, timestamp, &current, self.event.clone())
                .map_err(submission_problem)?;
        Ok((changeset, (event, package)))
    }

    fn response(&self, (event, package): &Self::Output) -> ApiResponse {
        let location = format!("/api/v1/governance/submissions/packages/{}/events", package.meta.id);
        event_response(event, package, &location)
    }
}

pub(crate) fn post<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        request.path_id::<SubmissionPackage>()?;
        execute(app, request, RecordSubmissionEvent::read).await
    })
}

pub(crate) fn post_document() -> Document {
    event_document::<SubmissionEvent, SubmissionPackage>(Media {
        schema: BodyReader::describe(RecordSubmissionEvent::read),
        example: json!({
            "eventKind": "receipt",
            "occurredAt": "2026-05-25T14:08:33.000Z",
            "recipientReference": "NCUA-2026-004711",
            "note": "Received by the portal without errors.",
            "reason": "Receipt pushed by the regulator's portal",
        }),
    })
}
