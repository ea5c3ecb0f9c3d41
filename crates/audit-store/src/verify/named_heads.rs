//! The heads of all chains that the log of the installation names.

use std::collections::BTreeMap;

use audit::{AuditFilter, Hash, Head};
use kernel::{Entry, FieldValue, OrganizationId, PageLimit, PageRequest, StoreError, Timestamp};

use crate::{log::StoredLog, sealer::HEADS};

/// The heads of a chain that were named, and the roots of its tree by its size then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedHeads {
    /// The sequences with the hashes of their entries.
    pub heads: Vec<Head>,
    /// The sizes of trees, and their roots.
    pub roots: Vec<(u64, Hash)>,
}

impl StoredLog {
    /// Returns the heads that sealed entries of the installation's log name. They are evidence once that log was verified.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails, or an entry can't be read.
    pub async fn named_heads(&self) -> Result<BTreeMap<OrganizationId, NamedHeads>, StoreError> {
        let filter = AuditFilter { actions: [HEADS.as_str().to_owned()].into(), ..AuditFilter::default() };
        let mut page = PageRequest { limit: PageLimit::clamped(200), ..PageRequest::default() };
        let mut named = BTreeMap::<OrganizationId, NamedHeads>::new();
        loop {
            let found = self.entries(OrganizationId::INSTALLATION, &filter, &page, Timestamp::MIN).await?;
            for stored in found.items.iter().filter(|stored| stored.seal.is_some()) {
                for (organization, head, root) in read(&stored.entry)? {
                    let of = named.entry(organization).or_default();
                    of.heads.push(head);
                    of.roots.extend(root.map(|root| (head.sequence.unsigned_abs(), root)));
                }
            }
            let Some(next) = found.next else { return Ok(named) };
            page.after = Some(next);
        }
    }
}

/// Reads the heads that an entry names.
fn read(entry: &Entry) -> Result<Vec<(OrganizationId, Head, Option<Hash>)>, StoreError> {
    let texts = entry.changes.iter().map(|change| match &change.after {
        FieldValue::Text(text) => parse(text),
        _ => None,
    });
    texts
        .collect::<Option<_>>()
        .ok_or_else(|| StoreError::Corrupt(format!("the heads that the entry {} names can't be read", entry.id).into()))
}

fn parse(text: &str) -> Option<(OrganizationId, Head, Option<Hash>)> {
    let mut words = text.split(' ');
    let organization = words.next()?.parse().ok()?;
    let head = Head { sequence: words.next()?.parse().ok()?, hash: words.next()?.parse().ok()? };
    let root = words.next().map(str::parse).transpose().ok()?;
    words.next().is_none().then_some((organization, head, root))
}
