//! The chain of custody of a claim: who uploaded, downloaded and decided, from the audit log.

use audit::{AuditFilter, AuditLog, StoredEntry};
use evidence::{AttachedFile, CUSTODY_EVENTS, EvidenceClaim, EvidenceContent};
use http_api::{pipeline::App, response::Problem};
use kernel::{PageLimit, PageRequest, Reader, Stored};
use maud::{Markup, html};

use crate::{
    components::{TableColumn, actor, card, table},
    viewer::Viewer,
    words::{sentence, sequence},
};

/// The number of events that the page shows.
const SHOWN: u64 = 30;

/// The chain of custody of a claim.
pub(super) struct Custody {
    files: Vec<AttachedFile>,
    /// The identifiers of the records of the files' bytes, with the hashes of those.
    contents: Vec<(String, String)>,
    entries: Vec<StoredEntry>,
    has_more: bool,
}

impl Custody {
    /// Loads the newest events.
    ///
    /// # Errors
    /// The error response if the store fails.
    pub(super) async fn load(app: &App, claim: &Stored<EvidenceClaim>) -> Result<Self, Problem> {
        let (store, organization) = (&*app.services.store, claim.meta.organization);
        let files: Vec<AttachedFile> = claim.record.attachments.iter().collect();
        let hashes: Vec<&str> = files.iter().map(|file| file.sha256.as_str()).collect();
        let found = Reader::<EvidenceContent>::get_by_keys(store, organization, &hashes).await?;
        let contents: Vec<(String, String)> =
            found.iter().map(|content| (content.meta.id.to_string(), content.record.key.to_string())).collect();
        let subjects = files.iter().map(|file| file.id.to_string()).chain(contents.iter().map(|(id, _)| id.clone()));
        let filter = AuditFilter {
            actions: CUSTODY_EVENTS.iter().map(|(_, action)| (*action).to_owned()).collect(),
            subjects: subjects.chain([claim.meta.id.to_string()]).collect(),
            ..AuditFilter::default()
        };
        let page = PageRequest { limit: PageLimit::clamped(SHOWN), ..PageRequest::default() };
        let page = AuditLog::entries(store, organization, &filter, &page).await?;
        Ok(Self { files, contents, entries: page.items, has_more: page.next.is_some() })
    }

    /// The name of the file that an entry is about.
    fn file(&self, subject: &str) -> Option<&str> {
        let hash = self.contents.iter().find(|(id, _)| id == subject).map(|(_, hash)| hash.as_str());
        let file = self.files.iter().find(|file| file.id.to_string() == subject || Some(file.sha256.as_str()) == hash);
        file.map(|file| file.file_name.as_str())
    }

    /// The card with the chain.
    pub(super) fn card(&self, viewer: &Viewer) -> Markup {
        let heading = |title: &'static str, class: &'static str| TableColumn { title: title.into(), class };
        let columns = [
            heading("Event", "p"),
            heading("Actor", ""),
            heading("File", ""),
            heading("Sequence", "t2"),
            heading("Time", "num"),
        ];
        let rows = html! {
            @for stored in &self.entries {
                @let entry = &stored.entry;
                @let kind = CUSTODY_EVENTS.iter().find(|(_, action)| *action == entry.action.as_str()).map_or("", |(kind, _)| kind);
                @let file = entry.subject.as_ref().and_then(|subject| self.file(subject.id.as_str()));
                tr role="row" {
                    th.p scope="row" role="rowheader" {
                        (sentence(kind))
                        @if let Some(reason) = &entry.reason { span.sub { (reason.as_str()) } }
                    }
                    td role="cell" { (actor(entry.actor.kind, &entry.actor.name)) }
                    td role="cell" data-l="File" { @if let Some(file) = file { (file) } @else { span.muted { "The claim" } } }
                    td.t2 role="cell" data-l="Sequence" {
                        @if let Some(seal) = &stored.seal { span.mono.small title=(seal.hash) { (sequence(seal.sequence)) } } @else { span.muted { "Not sealed yet" } }
                    }
                    td.num role="cell" { (viewer.zone.minute(entry.occurred_at)) }
                }
            }
        };
        let body = html! {
            div.body.flush {
                @if self.entries.is_empty() { div.body { p.muted { "Nothing is recorded." } } }
                @else { (table("Chain of custody", true, &columns, &rows)) }
            }
            @if self.has_more { footer { span.small.muted { "The newest " (self.entries.len()) " events. The audit log has all of them." } } }
        };
        card("custody", "Chain of custody", &html! { span.small.muted { "From the audit log, newest first" } }, &body)
    }
}
