//! The pages: what the handler of each address reads, and the HTML that it makes of it.

pub(crate) mod account;
pub(crate) mod assessments;
mod assets;
mod attempt;
pub(crate) mod audit;
mod commit;
mod confirm_password;
mod current_viewer;
pub(crate) mod developers;
pub(crate) mod directory;
pub(crate) mod evidence;
mod filter_names;
pub(crate) mod findings;
mod form_references;
mod form_texts;
mod forms;
pub(crate) mod frameworks;
pub(crate) mod imports;
mod jump;
mod list_filter;
mod one_time_secret;
mod origin;
mod overview;
mod owners;
pub(crate) mod people;
mod references;
mod register_detail;
mod register_export;
mod register_form;
mod register_list;
pub(crate) mod register_pages;
mod rows;
pub(crate) mod saved_views;
pub(crate) mod submissions;
mod tabs;
pub(crate) mod webhooks;
mod workspace;
mod workspace_people;

use auth::Permission;
use axum::http::Method;
use http_api::{
    endpoints::Operation,
    request::{Access, Charge},
};

use crate::page_operation::page_operation;

pub(crate) use assets::asset;
pub(crate) use current_viewer::viewer;
pub(crate) use overview::handle as overview;
pub(crate) use rows::choose as choose_rows;

/// Returns the endpoints of the workspace, of the jump box, and of the page that asks for the password again.
pub(crate) fn settings_operations() -> Vec<Operation> {
    let manage = Access::Permission(Permission::ManageWorkspace);
    vec![
        Operation {
            handler: workspace::open,
            ..page_operation(Method::GET, "/app/workspace", manage, "organization.form_opened")
        },
        Operation {
            handler: workspace::submit,
            charge: Charge::Write,
            ..page_operation(Method::POST, "/app/workspace", manage, "organization.updated")
        },
        Operation {
            handler: jump::handle,
            ..page_operation(Method::GET, "/app/go", Access::Permission(Permission::ReadRecords), "record.looked_up")
        },
        Operation {
            handler: confirm_password::open,
            ..page_operation(Method::GET, "/app/confirm-password", Access::SignedIn, "user.reauthentication_opened")
        },
        Operation {
            handler: confirm_password::submit,
            charge: Charge::Write,
            ..page_operation(Method::POST, "/app/confirm-password", Access::SignedIn, "user.reauthenticated")
        },
    ]
}
