//! The entries of the audit log about claims and attachments.

use std::collections::{BTreeSet, HashSet};

use audit::AuditFilter;
use evidence::{EvidenceAttachment, EvidenceClaim};
use kernel::{Action, FieldValue, Id, OrganizationId, Record, StoreError, Timestamp, Ulid};
use store::DynStore;

use super::{continues, first_page, logged_fields::LoggedFields};

/// A kind of record whose changes the audit log has.
pub(super) trait LoggedRecord: Record {
    /// The participles of the actions that change it. The first one creates it.
    const CHANGES: &'static [&'static str];
    /// The field that names a record to people.
    const NAME: &'static str;
}

impl LoggedRecord for EvidenceAttachment {
    const CHANGES: &'static [&'static str] = &["created", "linked", "removed"];
    const NAME: &'static str = "file_name";
}

impl LoggedRecord for EvidenceClaim {
    const CHANGES: &'static [&'static str] = &["created", "updated", "approved", "rejected", "withdrawn", "expired"];
    const NAME: &'static str = "claim_key";
}

/// The claims and attachments whose creation is in the audit log. Each takes 17 to 34 bytes of memory.
#[derive(Default)]
pub(super) struct LoggedRecords {
    pub(super) attachments: HashSet<Ulid>,
    pub(super) claims: HashSet<Ulid>,
}

impl LoggedRecords {
    /// Reads the log page by page, from its newest entry to its oldest.
    pub(super) async fn read(store: &DynStore, organization: OrganizationId) -> Result<Self, StoreError> {
        let actions = [action::<EvidenceAttachment>("created"), action::<EvidenceClaim>("created")];
        let filter = AuditFilter { actions: actions.into(), ..AuditFilter::default() };
        let (mut logged, mut request) = (Self::default(), first_page());
        loop {
            let page = store.entries(organization, &filter, &request).await?;
            for subject in page.items.iter().filter_map(|stored| stored.entry.subject.as_ref()) {
                if let Ok(id) = subject.id.parse::<Id<EvidenceAttachment>>() {
                    logged.attachments.insert(id.ulid());
                } else if let Ok(id) = subject.id.parse::<Id<EvidenceClaim>>() {
                    logged.claims.insert(id.ulid());
                }
            }
            if !continues(&page, &mut request) {
                return Ok(logged);
            }
        }
    }
}

/// The entries of the audit log about one record.
#[derive(Default)]
pub(super) struct LoggedHistory {
    /// Number of entries.
    pub(super) entries: u64,
    /// The time of its creation, if one of them is that.
    pub(super) created_at: Option<Timestamp>,
    /// The time of the latest entry.
    pub(super) changed_at: Option<Timestamp>,
    pub(super) fields: LoggedFields,
}

impl LoggedHistory {
    pub(super) async fn read<R: LoggedRecord>(
        store: &DynStore,
        organization: OrganizationId,
        id: Id<R>,
    ) -> Result<Self, StoreError> {
        let filter = AuditFilter {
            actions: R::CHANGES.iter().map(|participle| action::<R>(participle)).collect(),
            subjects: [id.to_string()].into(),
            ..AuditFilter::default()
        };
        let created = action::<R>("created");
        let (mut history, mut request) = (Self::default(), first_page());
        loop {
            let page = store.entries(organization, &filter, &request).await?;
            for stored in &page.items {
                history.entries += 1;
                if stored.entry.action.as_str() == created {
                    history.created_at = Some(stored.entry.occurred_at);
                }
                history.changed_at = history.changed_at.max(Some(stored.entry.occurred_at));
                history.fields.add(&stored.entry.changes);
            }
            if !continues(&page, &mut request) {
                return Ok(history);
            }
        }
    }

    /// The attachments of a claim, by its list of them.
    pub(super) fn attached(&self) -> BTreeSet<Ulid> {
        let Some(FieldValue::Texts(files)) = self.fields.value("attachments") else { return BTreeSet::new() };
        let ids = files.iter().filter_map(|file| file.split('\t').next()?.parse::<Id<EvidenceAttachment>>().ok());
        ids.map(|id| id.ulid()).collect()
    }
}

fn action<R: Record>(participle: &str) -> String {
    Action::on_record(R::KIND, participle).as_str().to_owned()
}
