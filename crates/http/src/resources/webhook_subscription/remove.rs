//! `DELETE /webhooks/subscriptions/{subscriptionId}`.

use async_trait::async_trait;
use auth::Caller;
use axum::http::StatusCode;

use futures_util::future::BoxFuture;
use kernel::{Changeset, Reason, WriteContext, WriteTimestamp};
use webhooks::WebhookSubscription;

use super::find_owned;
use crate::{
    app::App,
    operation::{Document, Media},
    problem::Problem,
    query::Query,
    request::ApiRequest,
    response::ApiResponse,
    write::{Command, execute_without_body},
};

/// The command that deletes a subscription.
pub(crate) struct DeleteSubscription {
    reason: Reason,
}

impl DeleteSubscription {
    fn read(query: &mut Query<'_>) -> Option<Self> {
        Some(Self { reason: query.reason()? })
    }
}

#[async_trait]
impl Command for DeleteSubscription {
    type Output = ();

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
    ) -> Result<(Changeset, ()), Problem> {
        let current = find_owned(app, request).await?;
        request.check_if_match(current.meta.revision)?;
        Ok((webhooks::remove(context, timestamp, &current), ()))
    }

    fn response(&self, (): &()) -> ApiResponse {
        ApiResponse::empty(StatusCode::NO_CONTENT)
    }
}

pub(crate) fn delete<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        request.path_id::<WebhookSubscription>()?;
        execute_without_body(app, request, DeleteSubscription::read).await
    })
}

pub(crate) fn document() -> Document {
    Document {
        query: Query::describe(DeleteSubscription::read),
        request: None,
        status: 204,
        response: Media::none(),
        line: None,
        errors: &[400, 404, 409, 412, 422],
        codes: &[],
        response_headers: &["Idempotent-Replayed"],
    }
}
