//! `PATCH /webhooks/subscriptions/{subscriptionId}`.

use async_trait::async_trait;
use auth::Caller;
use axum::http::StatusCode;
use findings::Desk;
use futures_util::future::BoxFuture;
use kernel::{Changeset, Reason, Stamp};
use serde_json::json;
use webhooks::{AddressPolicy, SubscriptionChange, SubscriptionStatus, WebhookSubscription, revise};

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

pub(crate) struct Change {
    change: SubscriptionChange,
    reason: Reason,
}

impl Change {
    fn read(object: &mut Object<'_>, addresses: &AddressPolicy) -> Option<Self> {
        let change = SubscriptionChange {
            url: object.changed("url", Endpoint(addresses)),
            description: object.changed("description", text()),
            event_types: object.changed("eventTypes", Words(event_type_words())),
            active: object.changed("status", status_words()).map(|status| status == SubscriptionStatus::Active),
        };
        let sound = object.faults() == 0;
        let reason = object.reason();
        if change.is_empty() && sound {
            object.fault(Issue::new([], "at least one field to change is needed beside the reason"));
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
        call: &Call,
        caller: &Caller,
        desk_of: &Desk<'_>,
        stamp: Stamp,
    ) -> Result<(Changeset, WithSigns), Problem> {
        let present = own(app, call).await?;
        call.check_if_match(present.meta.revision)?;
        let SubscriptionChange { url, event_types, .. } = &self.change;
        // Who is told something else, or somewhere else, is told only what this call may read.
        if url.is_some() || event_types.is_some() {
            may_read(caller, event_types.as_ref().unwrap_or(&present.record.event_types))?;
        }
        let (changeset, stored) = revise(&desk(desk_of), stamp, &caller.account, &present, &self.change)?;
        Ok((changeset, with_signs(app, stored).await?))
    }

    fn answer(&self, done: &WithSigns) -> Reply {
        answer(StatusCode::OK, done)
    }
}

pub(crate) fn patch<'a>(app: &'a App, call: &'a Call) -> BoxFuture<'a, Result<Reply, Problem>> {
    Box::pin(async move {
        call.path_id::<WebhookSubscription>()?;
        carry_out(app, call, |object| Change::read(object, &app.services.webhook_addresses)).await
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
