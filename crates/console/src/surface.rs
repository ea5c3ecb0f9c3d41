//! The endpoints of the web app.

use std::sync::{Arc, OnceLock};

use auth::Permission;
use axum::http::Method;
use http_api::{
    Surface,
    endpoints::Operation,
    request::{Access, MediaType},
};

use crate::{
    assets::{SCRIPT_PATH, STYLESHEET_PATH},
    page_operation::page_operation,
    pages,
    response::error_response,
    services::ConsoleServices,
};

/// Returns the web app as a surface of the server.
#[must_use]
pub fn surface(services: ConsoleServices) -> Surface {
    static OPERATIONS: OnceLock<Vec<Operation>> = OnceLock::new();
    Surface::for_people(OPERATIONS.get_or_init(operations), Arc::new(services), "/app", error_response)
}

fn operations() -> Vec<Operation> {
    let asset = |path, handler| Operation {
        handler,
        media_types: &[MediaType::Any],
        ..page_operation(Method::GET, path, Access::Public, "asset.read")
    };
    let mut operations = vec![asset(STYLESHEET_PATH, pages::stylesheet), asset(SCRIPT_PATH, pages::script)];
    operations.push(Operation {
        handler: pages::overview,
        ..page_operation(Method::GET, "/app", Access::Permission(Permission::ReadRecords), "overview.read")
    });
    operations.push(Operation {
        handler: pages::choose_rows,
        ..page_operation(Method::POST, "/app/rows", Access::SignedIn, "rows.chosen")
    });
    operations.extend(pages::people::operations());
    operations.extend(pages::saved_views::operations());
    operations.extend(pages::findings::operations());
    operations.extend(pages::evidence::operations());
    operations.extend(pages::submissions::operations());
    operations.extend(pages::assessments::operations());
    operations.extend(pages::frameworks::operations());
    operations.extend(pages::register_pages::operations());
    operations
}
