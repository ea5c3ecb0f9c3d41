//! The addresses of the pages of all registers.

use auth::Permission;
use axum::http::Method;
use http_api::{
    endpoints::Operation,
    request::{Access, Charge, MediaType},
};
use import::RecordKind;
use kernel::{Kind, Reader, Record};
use store::DynStore;

use super::{forms::has_form, register_detail, register_export, register_form, register_list};
use crate::{
    page_operation::page_operation,
    registers::{Register, register_of},
};

/// The kinds whose records have a page of their own, with what can be done with them.
const WITH_OWN_PAGE: &[Kind] =
    &[Kind::EvidenceClaim, Kind::SubmissionPackage, Kind::Assessment, Kind::Framework, Kind::FrameworkVersion];

/// Returns the register of this kind.
pub(crate) fn register_of_kind(kind: Kind) -> Option<Register> {
    macro_rules! find {
        ($($kind:ident => $register:ty,)*) => {
            match kind { $(Kind::$kind => Some(register_of::<$register>()),)* _ => None }
        };
    }
    ::registers::for_each_register! { find, Finding => ::findings::Finding, FindingEvent => ::findings::FindingEvent, }
}

/// Returns the endpoints of all registers.
pub(crate) fn operations() -> Vec<Operation> {
    macro_rules! pages {
        ($($kind:ident => $register:ty,)*) => { [$(of_register::<$register>(),)*].into_iter().flatten().collect() };
    }
    ::registers::for_each_register! { pages, FindingEvent => ::findings::FindingEvent, }
}

/// The endpoint of the list of a register as a file, if files can hold its records.
pub(crate) fn export_of<R: Record>() -> Option<Operation> {
    RecordKind::of(R::KIND)?;
    let path: &'static str = format!("{}/export", register_of::<R>().path()).leak();
    let action: &'static str = format!("{}.exported", R::KIND.name()).leak();
    let export = Access::Permission(Permission::ExportRecords);
    Some(Operation {
        handler: register_export::handle::<R>,
        media_types: &[MediaType::Any],
        ..page_operation(Method::GET, path, export, action)
    })
}

/// The endpoints of one register. They live as long as the process, and so do their names.
fn of_register<R: Record>() -> Vec<Operation>
where
    DynStore: Reader<R>,
{
    let path: &'static str = register_of::<R>().path().leak();
    let below = |rest: &str| -> &'static str { format!("{path}{rest}").leak() };
    let action = |verb: &str| -> &'static str { format!("{}.{verb}", R::KIND.name()).leak() };
    let read = Access::Permission(Permission::ReadRecords);
    let change = Access::Permission(Permission::ChangeRecords);
    let list = page_operation(Method::GET, path, read, action("listed"));
    let mut operations = vec![Operation { handler: register_list::handle::<R>, ..list }];
    operations.extend(export_of::<R>());
    if !WITH_OWN_PAGE.contains(&R::KIND) {
        let page = page_operation(Method::GET, below("/{id}"), read, action("read"));
        operations.push(Operation { handler: register_detail::handle::<R>, ..page });
    }
    if has_form(R::KIND) {
        operations.extend([
            Operation {
                handler: register_form::open_new::<R>,
                ..page_operation(Method::GET, below("/new"), change, action("form_opened"))
            },
            Operation {
                handler: register_form::create::<R>,
                charge: Charge::Write,
                ..page_operation(Method::POST, path, change, action("created"))
            },
            Operation {
                handler: register_form::open_edit::<R>,
                ..page_operation(Method::GET, below("/{id}/edit"), change, action("form_opened"))
            },
            Operation {
                handler: register_form::edit::<R>,
                charge: Charge::Write,
                ..page_operation(Method::POST, below("/{id}/edit"), change, action("updated"))
            },
        ]);
    }
    operations
}
