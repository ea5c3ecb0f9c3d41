//! `PATCH /webhooks/subscriptions/{subscriptionId}`.

use async_trait::async_trait;
use auth::Caller;
use axum::http::StatusCode;
use findings::WriteContext;
use futures_util::future::BoxFuture;
use kernel::{Changeset, Reason, WriteTimestamp};
use serde_json::json;
use webhooks::{AddressPolicy, SubscriptionPatch, SubscriptionStatus, WebhookSubscription, update};

use super::{WithSigns, answer, create::may_read, desk, event_type_words, own, status_words, with_signs};
use crate::{
    app::App,
    body::{Endpoint, Object, Words, text},
    call::Call,
    operation::{Document, Media},
    problem::{Issue, Problem},
    reply::Reply,
    view::record_media,
    write::{Command, carry_out},
};

/// The command that updates a subscription.
pub(crate) struct Change {
    change: SubscriptionPatch,
    reason: Reason,
}

impl Change {
    fn read(object: &mut Object<'_>, addresses: &AddressPolicy) -> Option<Self> {
        let change = SubscriptionPatch {
            url: object.changed("url", Endpoint(addresses)),
            description: object.changed("description", text()),
            event_types: object.changed("eventTypes", Words(event_type_words())),
            active: object.changed("status", status_words()).map(|status| status == SubscriptionStatus::Active),
        };
        let is_valid = object.faults() == 0;
        let reason = object.reason();
        if change.is_empty() && is_valid {
            object.fault(Issue::new([], "at least one field besides the reason is required"));
        }
        Some(Self { change, reason: reason? })
    }
}

#[async_trait]
impl Command for Change {
    type Done = WithSigns;

    fn reason(&self) -> &Reason {
        &self.reason
    }

    async fn decide(
        &self,
        app: &App,
        request: &Call,
        caller: &Caller,
        context: &WriteContext<'_>,
        timestamp: WriteTimestamp,
    ) -> Result<(Changeset, WithSigns), Problem> {
        let current = own(app, request).await?;
        request.check_if_match(current.meta.revision)?;
        let SubscriptionPatch { url, event_types, .. } = &self.change;
        // A request that changes the endpoint or the event types needs the read scopes of all event types itself.
        if url.is_some() || event_types.is_some() {
            may_read(caller, event_types.as_ref().unwrap_or(&current.record.event_types))?;
        }
        let (changeset, stored) = update(&desk(context), timestamp, &caller.account, &current, &self.change)?;
        Ok((changeset, with_signs(app, stored).await?))
    }

    fn answer(&self, output: &WithSigns) -> Reply {
        answer(StatusCode::OK, output)
    }
}

pub(crate) fn patch<'a>(app: &'a App, request: &'a Call) -> BoxFuture<'a, Result<Reply, Problem>> {
    Box::pin(async move {
        request.path_id::<WebhookSubscription>()?;
        carry_out(app, request, |object| Change::read(object, &app.services.webhook_addresses)).await
    })
}

pub(crate) fn document() -> Document {
    Document {
        query: Vec::new(),
        request: Some(Media {
            schema: Object::describe(|object| Change::read(object, &AddressPolicy::default())),
            example: json!({ "status": "disabled", "reason": "The mirror is being moved" }),
        }),
        status: 200,
        response: record_media::<WebhookSubscription>(),
        line: None,
        errors: &[400, 404, 409, 412, 413, 415, 422],
        codes: &[],
        response_headers: &["ETag", "Idempotent-Replayed"],
    }
}
