//! The addresses of the pages of all registers.

use auth::Permission;
use http_api::{
    endpoints::Operation,
    request::{Access, MediaType},
};
use import::RecordKind;
use kernel::{Kind, Reader, Record};
use store::DynStore;

use super::{forms::has_form, register_detail, register_export, register_form, register_list};
use crate::{
    page_operation::{form_at, page_at},
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
    Some(Operation { media_types: &[MediaType::Any], ..page_at(path, export, action, register_export::handle::<R>) })
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
    let mut operations = vec![page_at(path, read, action("listed"), register_list::handle::<R>)];
    operations.extend(export_of::<R>());
    if !WITH_OWN_PAGE.contains(&R::KIND) {
        operations.push(page_at(below("/{id}"), read, action("read"), register_detail::handle::<R>));
    }
    if has_form(R::KIND) {
        operations.extend([
            page_at(below("/new"), change, action("form_opened"), register_form::open_new::<R>),
            form_at(path, change, action("created"), register_form::create::<R>),
            page_at(below("/{id}/edit"), change, action("form_opened"), register_form::open_edit::<R>),
            form_at(below("/{id}/edit"), change, action("updated"), register_form::edit::<R>),
        ]);
    }
    operations
}
