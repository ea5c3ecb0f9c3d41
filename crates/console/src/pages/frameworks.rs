//! The pages of frameworks: a framework with its versions, and a version with its requirements as a tree.

mod framework;
mod tree;
mod version;

use auth::Permission;
use axum::http::Method;
use http_api::{endpoints::Operation, request::Access};

use crate::page_operation::page_operation;

/// Returns the endpoints.
pub(crate) fn operations() -> Vec<Operation> {
    let read = Access::Permission(Permission::ReadRecords);
    vec![
        Operation {
            handler: framework::open,
            ..page_operation(Method::GET, "/app/frameworks/{id}", read, "framework.read")
        },
        Operation {
            handler: version::open,
            ..page_operation(Method::GET, "/app/framework-versions/{id}", read, "framework_version.read")
        },
    ]
}
