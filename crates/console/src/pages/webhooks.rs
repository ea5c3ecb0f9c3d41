//! Webhooks: the subscriptions of all accounts of the workspace, and their deliveries.

mod actions;
mod delivery;
mod detail;
mod form;
mod list;
mod of_account;
mod recover;
mod rotate;
mod secret;
mod state;

use auth::Permission;
use axum::http::Method;
use http_api::{
    endpoints::Operation,
    pipeline::Handler,
    request::{Access, Charge},
};

use super::developers::WEBHOOKS;
use crate::page_operation::page_operation;

pub(super) use state::name_of;

/// Returns the endpoints.
pub(crate) fn operations() -> Vec<Operation> {
    let see = Access::Permission(Permission::ReadIntegrations);
    let manage = Access::Permission(Permission::ManageIntegrations);
    let page = |path, access, action, handler: Handler| Operation {
        handler,
        ..page_operation(Method::GET, path, access, action)
    };
    let change = |path, action, handler: Handler| Operation {
        handler,
        charge: Charge::Write,
        ..page_operation(Method::POST, path, manage, action)
    };
    macro_rules! below {
        ($rest:literal) => {
            concat!("/app/developers/webhooks", $rest)
        };
    }
    const OPENED: &str = "webhook_subscription.form_opened";
    const OF_ACCOUNT: &str = "/app/developers/api/credentials/{id}/webhooks";
    vec![
        page(OF_ACCOUNT, see, "service_account.webhooks_listed", of_account::handle),
        page(WEBHOOKS, see, "webhook_subscription.listed", list::handle),
        change(WEBHOOKS, "webhook_subscription.created", form::create),
        page(below!("/new"), manage, OPENED, form::open_new),
        page(below!("/{id}"), see, "webhook_subscription.read", detail::handle),
        page(below!("/{id}/secret"), manage, "webhook_subscription.secret_shown", secret::handle),
        page(below!("/{id}/edit"), manage, OPENED, form::open_edit),
        change(below!("/{id}/edit"), "webhook_subscription.updated", form::edit),
        page(below!("/{id}/rotate"), manage, OPENED, rotate::open),
        change(below!("/{id}/rotate"), "webhook_subscription.secret_rotated", rotate::submit),
        page(below!("/{id}/status"), manage, OPENED, actions::open_status),
        change(below!("/{id}/status"), "webhook_subscription.updated", actions::set_status),
        page(below!("/{id}/test"), manage, OPENED, actions::open_test),
        change(below!("/{id}/test"), "webhook_subscription.tested", actions::send_test),
        page(below!("/{id}/delete"), manage, OPENED, actions::open_delete),
        change(below!("/{id}/delete"), "webhook_subscription.deleted", actions::delete),
        page(below!("/{id}/recover"), manage, OPENED, recover::open),
        change(below!("/{id}/recover"), "webhook_subscription.recovered", recover::submit),
        page(below!("/{id}/deliveries/{deliveryId}"), see, "webhook_delivery.read", delivery::handle),
        change(below!("/{id}/deliveries/{deliveryId}/redeliver"), "webhook_delivery.redelivered", delivery::redeliver),
    ]
}
