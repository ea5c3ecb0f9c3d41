//! The pages of frameworks: a framework with its versions, and a version with its requirements as a tree.

mod coverage;
mod covering;
mod framework;
mod tree;
mod version;

use auth::Permission;
use http_api::{endpoints::Operation, request::Access};

use crate::page_operation::page_at;

/// Returns the endpoints.
pub(crate) fn operations() -> Vec<Operation> {
    let read = Access::Permission(Permission::ReadRecords);
    vec![
        page_at("/app/frameworks/{id}", read, "framework.read", framework::open),
        page_at("/app/framework-versions/{id}", read, "framework_version.read", version::open),
    ]
}
