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
use http_api::{endpoints::Operation, request::Access};

use super::developers::WEBHOOKS;
use crate::page_operation::{form_at, page_at};

pub(super) use state::name_of;

/// Returns the endpoints.
pub(crate) fn operations() -> Vec<Operation> {
    let see = Access::Permission(Permission::ReadIntegrations);
    let manage = Access::Permission(Permission::ManageIntegrations);
    macro_rules! below {
        ($rest:literal) => {
            concat!("/app/developers/webhooks", $rest)
        };
    }
    const OPENED: &str = "webhook_subscription.form_opened";
    const OF_ACCOUNT: &str = "/app/developers/api/credentials/{id}/webhooks";
    vec![
        page_at(OF_ACCOUNT, see, "service_account.webhooks_listed", of_account::handle),
        page_at(WEBHOOKS, see, "webhook_subscription.listed", list::handle),
        form_at(WEBHOOKS, manage, "webhook_subscription.created", form::create),
        page_at(below!("/new"), manage, OPENED, form::open_new),
        page_at(below!("/{id}"), see, "webhook_subscription.read", detail::handle),
        page_at(below!("/{id}/secret"), manage, "webhook_subscription.secret_shown", secret::handle),
        page_at(below!("/{id}/edit"), manage, OPENED, form::open_edit),
        form_at(below!("/{id}/edit"), manage, "webhook_subscription.updated", form::edit),
        page_at(below!("/{id}/rotate"), manage, OPENED, rotate::open),
        form_at(below!("/{id}/rotate"), manage, "webhook_subscription.secret_rotated", rotate::submit),
        page_at(below!("/{id}/status"), manage, OPENED, actions::open_status),
        form_at(below!("/{id}/status"), manage, "webhook_subscription.updated", actions::set_status),
        page_at(below!("/{id}/test"), manage, OPENED, actions::open_test),
        form_at(below!("/{id}/test"), manage, "webhook_subscription.tested", actions::send_test),
        page_at(below!("/{id}/delete"), manage, OPENED, actions::open_delete),
        form_at(below!("/{id}/delete"), manage, "webhook_subscription.deleted", actions::delete),
        page_at(below!("/{id}/recover"), manage, OPENED, recover::open),
        form_at(below!("/{id}/recover"), manage, "webhook_subscription.recovered", recover::submit),
        page_at(below!("/{id}/deliveries/{deliveryId}"), see, "webhook_delivery.read", delivery::handle),
        form_at(
            below!("/{id}/deliveries/{deliveryId}/redeliver"),
            manage,
            "webhook_delivery.redelivered",
            delivery::redeliver,
        ),
    ]
}
