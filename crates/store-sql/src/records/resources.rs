//! The table of each kind of record.

mod service_account;
mod webhook_delivery;
mod webhook_subscription;

use auth::User;
use evidence::{EvidenceAttachment, EvidenceContent};
use findings::{Finding, FindingEvent};
use kernel::{Kind, Organization, Resource};
use submissions::SubmissionEvent;

use super::record_table::RecordTable;

pub(crate) use webhook_delivery::attempts_text;

impl RecordTable for Organization {}
impl RecordTable for User {}
impl RecordTable for FindingEvent {}
impl RecordTable for SubmissionEvent {}
impl RecordTable for EvidenceAttachment {}
impl RecordTable for EvidenceContent {}

impl RecordTable for Finding {
    const FIRST_FILTER: &'static str = "status";
    const DUE_INDEXES: &'static [&'static str] = &["status", "owner_responsibility_id", "owner_member_user_id"];
}

/// The filters of a register that have an index for the order of due dates.
const fn due_indexes(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::SubmissionPackage => &["status"],
        _ => &[],
    }
}

macro_rules! registers {
    ($($kind:ident => $register:ty,)*) => {
        $(impl RecordTable for $register {
            const DUE_INDEXES: &'static [&'static str] = due_indexes(<$register as Resource>::KIND);
        })*
    };
}
registers::for_each_register!(registers);
