//! The subscriptions of one service account, on a tab of its page.

use auth::ServiceAccount;
use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    handlers::find,
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::{PageLimit, PageRequest, Reader, Subject};
use maud::html;
use webhooks::{SubscriptionFilter, WebhookSubscription};

use super::list::subscription_table;
use crate::{
    pages::developers::{Desk, account_frame},
    response::page_response,
};

/// Handles the request.
pub(super) fn handle<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let desk = Desk::of(app, request)?;
        let account = find::<ServiceAccount>(app, request).await?;
        let filter = SubscriptionFilter::for_account(account.meta.id);
        let all = PageRequest { limit: PageLimit::clamped(u64::from(PageLimit::MAX)), ..PageRequest::default() };
        let store = &*app.services.store;
        let found = Reader::<WebhookSubscription>::list(store, account.meta.organization, &filter, &all).await?;
        let table = subscription_table(&desk, &found.items, std::slice::from_ref(&account)).await?;
        let page =
            account_frame(&desk, &account, "/webhooks", &html! { section.card aria-label="Webhooks" { (table) } });
        Ok(page_response(StatusCode::OK, page).with_subject(Subject::from_id(account.meta.id)))
    })
}
