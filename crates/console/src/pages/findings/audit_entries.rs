//! The newest entries of the audit log about a record, of every action.

use std::collections::BTreeSet;

use audit::{AuditFilter, AuditLog, StoredEntry};
use http_api::{pipeline::App, response::Problem};
use kernel::{OrganizationId, PageLimit, PageRequest};
use maud::{Markup, html};

use crate::{
    components::{TableColumn, actor, card, table},
    viewer::Viewer,
    words::{field_label, sequence},
};

/// The number of entries that a page shows.
const SHOWN: u64 = 8;

/// The number of changed fields that are named.
const SHOWN_FIELDS: usize = 3;

/// Loads the newest entries about the record with this identifier.
///
/// # Errors
/// The error response if the store fails.
pub(super) async fn load(app: &App, organization: OrganizationId, id: &str) -> Result<Vec<StoredEntry>, Problem> {
    let filter = AuditFilter { subjects: BTreeSet::from([id.to_owned()]), ..AuditFilter::default() };
    let page = PageRequest { limit: PageLimit::clamped(SHOWN), ..PageRequest::default() };
    Ok(AuditLog::entries(&*app.services.store, organization, &filter, &page).await?.items)
}

/// The card with the entries.
pub(super) fn entries_card(viewer: &Viewer, id: &str, entries: &[StoredEntry]) -> Markup {
    let heading = |title: &'static str, class: &'static str| TableColumn { title: title.into(), class };
    let columns = [
        heading("Sequence", ""),
        heading("Action", "p"),
        heading("Actor", ""),
        heading("Changed", "t2"),
        heading("Time", "num"),
    ];
    let rows = html! {
        @for stored in entries {
            @let entry = &stored.entry;
            tr role="row" {
                td role="cell" data-l="Sequence" {
                    @if let Some(seal) = &stored.seal { span.mono.small { (sequence(seal.sequence)) } } @else { span.muted { "Not sealed yet" } }
                }
                th.p scope="row" role="rowheader" { a.prime.mono href={ "/app/audit/" (entry.id) } { (entry.action.as_str()) } }
                td role="cell" { (actor(entry.actor.kind, &entry.actor.name)) }
                td.t2 role="cell" data-l="Changed" { (changed(stored)) }
                td.num role="cell" { (viewer.zone.minute(entry.occurred_at)) }
            }
        }
    };
    let all = html! { a href={ "/app/audit?subjectId=" (id) } { "All in the audit log" } };
    let body = html! { div.body.flush { (table("Audit entries of this finding", true, &columns, &rows)) } };
    card("audit", "Audit entries", &all, &body)
}

fn changed(stored: &StoredEntry) -> String {
    let entry = &stored.entry;
    if entry.changes.is_empty() {
        return "nothing".to_owned();
    }
    if entry.action.as_str().ends_with(".created") {
        return "new record".to_owned();
    }
    let fields = entry.changes.iter().filter(|change| !change.field.starts_with("event_"));
    let fields: Vec<String> = fields.map(|change| field_label(&change.field).to_lowercase()).collect();
    match fields.len() {
        0 => "nothing".to_owned(),
        1..=SHOWN_FIELDS => fields.join(", "),
        more => format!("{} and {} more", fields[..SHOWN_FIELDS].join(", "), more - SHOWN_FIELDS),
    }
}
