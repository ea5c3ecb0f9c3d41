//! The pages: what the handler of each address reads, and the HTML that it makes of it.

pub(crate) mod account;
pub(crate) mod assessments;
mod assets;
mod attempt;
pub(crate) mod audit;
mod claim_button;
mod commit;
mod confirm_password;
mod current_viewer;
pub(crate) mod developers;
pub(crate) mod directory;
mod event_form;
pub(crate) mod evidence;
mod filter_names;
pub(crate) mod findings;
mod form_references;
mod form_texts;
mod forms;
pub(crate) mod frameworks;
pub(crate) mod imports;
mod jump;
mod life;
mod list_filter;
mod multipart;
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
use http_api::{endpoints::Operation, request::Access};

use crate::page_operation::{form_at, page_at};

pub(crate) use assets::asset;
pub(crate) use current_viewer::viewer;
pub(crate) use overview::handle as overview;
pub(crate) use rows::choose as choose_rows;

/// Returns the endpoints of the workspace, of the jump box, and of the page that asks for the password again.
pub(crate) fn settings_operations() -> Vec<Operation> {
    let manage = Access::Permission(Permission::ManageWorkspace);
    let read = Access::Permission(Permission::ReadRecords);
    let confirm = "/app/confirm-password";
    vec![
        page_at("/app/workspace", manage, "organization.form_opened", workspace::open),
        form_at("/app/workspace", manage, "organization.updated", workspace::submit),
        page_at("/app/go", read, "record.looked_up", jump::handle),
        page_at(confirm, Access::SignedIn, "user.reauthentication_opened", confirm_password::open),
        form_at(confirm, Access::SignedIn, "user.reauthenticated", confirm_password::submit),
    ]
}
