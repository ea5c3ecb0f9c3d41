//! The list and get endpoints of the registers. A new register adds its line to `serve!`.

use axum::http::Method;
use http_api::{
    endpoints::Operation,
    request::{Access, Charge},
};
use kernel::Reader;
use scopes::Scope;
use serde_json::Value;
use store::DynStore;

use crate::{
    media_types::{JSON, JSON_OR_NDJSON},
    record_view::RecordView,
    view::{View, component, get, get_document, list, list_document},
};

/// Serves registers: `Type: path, tag, scope;`. A representation whose names differ from those of the domain follows in
/// braces, as overrides of [`RecordView`].
macro_rules! serve {
    ($($register:ident: $path:literal, $tag:literal, $scope:ident $({ $($override:tt)* })?;)*) => {
        $(impl RecordView for registers::$register { $($($override)*)? })*

        /// The endpoints of all registers.
        pub(crate) fn operations() -> Vec<Operation> {
            [$(endpoints::<registers::$register>($path, $tag, Scope::$scope),)*].into_iter().flatten().collect()
        }
    };
}

serve! {
    Control: "/api/v1/governance/controls", "Controls", ControlsRead;
}

/// The names and the JSON Schemas of all registers' records.
pub(crate) fn schemas() -> Vec<(&'static str, Value)> {
    macro_rules! components {
        ($($kind:ident => $register:ty,)*) => { vec![$(component::<$register>()),*] };
    }
    registers::for_each_register!(components)
}

/// The list and the get of one register. Both live as long as the process, and so do their names.
fn endpoints<R: View>(path: &'static str, tag: &'static str, scope: Scope) -> [Operation; 2]
where
    DynStore: Reader<R>,
{
    let singular = R::KIND.name().replace('_', " ");
    let article = if singular.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    let collection = path.rsplit('/').next().unwrap_or_default().replace('-', " ");
    let plural = R::PLURAL;
    [
        Operation {
            method: Method::GET,
            path,
            id: format!("list{}{}", plural[..1].to_ascii_uppercase(), &plural[1..]).leak(),
            tag,
            summary: format!("List {collection}").leak(),
            description: "Returns the records by creation time, newest first, or with `order=updated` by change time, oldest first.",
            access: Access::Scope(scope),
            charge: Charge::Read,
            media_types: JSON_OR_NDJSON,
            action: format!("{}.listed", R::KIND.name()).leak(),
            handler: list::<R>,
            document: list_document::<R>,
        },
        Operation {
            method: Method::GET,
            path: format!("{path}/{{{}Id}}", R::SINGULAR).leak(),
            id: format!("get{}", R::COMPONENT).leak(),
            tag,
            summary: format!("Get {article} {singular}").leak(),
            description: "The response has an `ETag` that identifies the revision.",
            access: Access::Scope(scope),
            charge: Charge::Read,
            media_types: JSON,
            action: format!("{}.read", R::KIND.name()).leak(),
            handler: get::<R>,
            document: get_document::<R>,
        },
    ]
}
