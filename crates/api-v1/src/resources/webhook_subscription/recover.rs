//! `POST /webhooks/subscriptions/{subscriptionId}/recover`: redelivers the events of a time range, oldest first.

use std::time::Duration;

use async_trait::async_trait;
use auth::Caller;
use axum::http::StatusCode;

use futures_util::future::BoxFuture;
use http_api::{
    App,
    endpoints::{Document, Media},
    handlers::{Command, execute},
    request::{ApiRequest, BodyReader, TimestampReader},
    response::{ApiResponse, Issue, Problem},
};
use integrations::find_undelivered;
use kernel::{Changeset, Reason, Timestamp, WriteContext, WriteTimestamp};
use serde_json::json;
use webhooks::{RecoveryCounts, ReplayRange, WebhookSubscription};

use super::{create::check_read_scopes, find_owned};
use crate::errors::webhook_problem;

/// The command that redelivers the events of a time range.
pub(crate) struct RecoverDeliveries {
    since: Timestamp,
    until: Option<Timestamp>,
    reason: Reason,
}

impl RecoverDeliveries {
    fn read(object: &mut BodyReader<'_>) -> Option<Self> {
        let since = object.required("since", TimestampReader);
        let until = object.optional("until", TimestampReader);
        let reason = object.reason();
        if let (Some(since), Some(until)) = (since, until)
            && since >= until
        {
            object.error(Issue::new(["until"], "must be after since"));
        }
        Some(Self { since: since?, until, reason: reason? })
    }
}

#[async_trait]
impl Command for RecoverDeliveries {
    type Output = (RecoveryCounts, Option<Timestamp>);

    fn reason(&self) -> &Reason {
        &self.reason
    }

    async fn decide(
        &self,
        app: &App,
        request: &ApiRequest,
        caller: &Caller,
        context: &WriteContext<'_>,
        timestamp: WriteTimestamp,
    ) -> Result<(Changeset, Self::Output), Problem> {
        let subscription = find_owned(app, request).await?;
        check_read_scopes(caller, &subscription.record.event_types)?;
        // The range is half-open, and must include the current millisecond.
        let until = self.until.unwrap_or_else(|| timestamp.at() + Duration::from_millis(1));
        let range = ReplayRange { since: self.since, until };
        let found = find_undelivered(&*app.services.store, &subscription, range).await?;
        let (changeset, recovery) = webhooks::recover(context, timestamp, &subscription, &found.failed, &found.missed)
            .map_err(webhook_problem)?;
        Ok((changeset, (recovery, found.next_since)))
    }

    fn response(&self, (recovery, rest): &Self::Output) -> ApiResponse {
        let body = json!({
            "redelivered": recovery.redelivered,
            "missed": recovery.missed,
            "nextSince": rest.map(|time| time.to_string()),
        });
        ApiResponse::record(StatusCode::OK, "recovery", &body)
    }
}

pub(crate) fn recover<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        request.path_id::<WebhookSubscription>()?;
        execute(app, request, RecoverDeliveries::read).await
    })
}

pub(crate) fn document() -> Document {
    let count = |description: &str| json!({ "type": "integer", "description": description });
    Document {
        query: Vec::new(),
        request: Some(Media {
            schema: BodyReader::describe(RecoverDeliveries::read),
            example: json!({ "since": "2026-05-25T00:00:00.000Z", "reason": "The mirror was down" }),
        }),
        status: 200,
        response: Media {
            schema: json!({
                "type": "object",
                "required": ["recovery"],
                "properties": { "recovery": {
                    "type": "object",
                    "required": ["redelivered", "missed", "nextSince"],
                    "properties": {
                        "redelivered": count("The number of failed, exhausted or cancelled deliveries that are sent again."),
                        "missed": count("The number of events that had no delivery, for example because the subscription was disabled, and are now sent."),
                        "nextSince": {
                            "type": ["string", "null"],
                            "format": "date-time",
                            "description": "The `since` of the next request, if this one stopped before the end of the range. Null if the whole range is done.",
                        },
                    },
                } },
            }),
            example: json!({ "recovery": { "redelivered": 12, "missed": 3, "nextSince": null } }),
        },
        line: None,
        errors: &[400, 404, 409, 413, 415, 422],
        codes: &[],
        response_headers: &["Idempotent-Replayed"],
    }
}
