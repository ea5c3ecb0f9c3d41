//! `DELETE /webhooks/subscriptions/{subscriptionId}`.

use async_trait::async_trait;
use auth::Caller;
use axum::http::StatusCode;
use findings::WriteContext;
use futures_util::future::BoxFuture;
use kernel::{Changeset, Reason, WriteTimestamp};
use webhooks::WebhookSubscription;

use super::{desk, own};
use crate::{
    app::App,
    call::Call,
    operation::{Document, Media},
    problem::Problem,
    query::Query,
    reply::Reply,
    write::{Command, carry_out_bare},
};

/// The command that deletes a subscription.
pub(crate) struct Remove {
    reason: Reason,
}

impl Remove {
    fn read(query: &mut Query<'_>) -> Option<Self> {
        Some(Self { reason: query.reason()? })
    }
}

#[async_trait]
impl Command for Remove {
    type Done = ();

    fn reason(&self) -> &Reason {
        &self.reason
    }

    async fn decide(
        &self,
        app: &App,
        request: &Call,
        _: &Caller,
        context: &WriteContext<'_>,
        timestamp: WriteTimestamp,
    ) -> Result<(Changeset, ()), Problem> {
        let current = own(app, request).await?;
        request.check_if_match(current.meta.revision)?;
        Ok((webhooks::remove(&desk(context), timestamp, &current), ()))
    }

    fn answer(&self, (): &()) -> Reply {
        Reply::empty(StatusCode::NO_CONTENT)
    }
}

pub(crate) fn delete<'a>(app: &'a App, request: &'a Call) -> BoxFuture<'a, Result<Reply, Problem>> {
    Box::pin(async move {
        request.path_id::<WebhookSubscription>()?;
        carry_out_bare(app, request, Remove::read).await
    })
}

pub(crate) fn document() -> Document {
    Document {
        query: Query::describe(Remove::read),
        request: None,
        status: 204,
        response: Media::none(),
        line: None,
        errors: &[400, 404, 409, 412, 422],
        codes: &[],
        response_headers: &["Idempotent-Replayed"],
    }
}
