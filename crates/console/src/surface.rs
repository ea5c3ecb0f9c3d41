//! The endpoints of the web app.

use std::sync::{Arc, OnceLock};

use auth::Permission;
use http_api::{
    Surface,
    endpoints::Operation,
    request::{Access, Charge, MediaType},
};

use crate::{
    assets::ASSET_PATH,
    navigation::set_routes,
    page_operation::{form_at, page_at},
    pages,
    response::error_response,
    services::ConsoleServices,
};

/// Returns the web app as a surface of the server.
#[must_use]
pub fn surface(services: ConsoleServices) -> Surface {
    set_routes(declared());
    Surface::for_people(declared(), Arc::new(services), "/app", error_response)
}

/// Returns the route table of the web app: every address, with who may use it.
#[must_use]
pub fn route_table() -> &'static [Operation] {
    declared()
}

/// Returns the web app of the demo, which a link signs in to.
#[must_use]
pub fn demo_surface(services: ConsoleServices) -> Surface {
    static OPERATIONS: OnceLock<Vec<Operation>> = OnceLock::new();
    set_routes(declared());
    let with_demo = || operations().into_iter().chain(pages::people::demo_operations()).collect();
    Surface::for_people(OPERATIONS.get_or_init(with_demo), Arc::new(services), "/app", error_response)
}

fn declared() -> &'static [Operation] {
    static OPERATIONS: OnceLock<Vec<Operation>> = OnceLock::new();
    OPERATIONS.get_or_init(operations)
}

fn operations() -> Vec<Operation> {
    let mut operations = vec![
        Operation {
            media_types: &[MediaType::Any],
            charge: Charge::Free,
            ..page_at(ASSET_PATH, Access::Public, "asset.read", pages::asset)
        },
        page_at("/app", Access::Permission(Permission::ReadRecords), "overview.read", pages::overview),
        Operation { charge: Charge::Read, ..form_at("/app/rows", Access::SignedIn, "rows.chosen", pages::choose_rows) },
    ];
    operations.extend(pages::people::operations());
    operations.extend(pages::saved_views::operations());
    operations.extend(pages::findings::operations());
    operations.extend(pages::evidence::operations());
    operations.extend(pages::submissions::operations());
    operations.extend(pages::assessments::operations());
    operations.extend(pages::frameworks::operations());
    operations.extend(pages::directory::operations());
    operations.extend(pages::account::operations());
    operations.extend(pages::settings_operations());
    operations.extend(pages::developers::operations());
    operations.extend(pages::webhooks::operations());
    operations.extend(pages::audit::operations());
    operations.extend(pages::imports::operations());
    operations.extend(pages::register_pages::operations());
    operations
}
