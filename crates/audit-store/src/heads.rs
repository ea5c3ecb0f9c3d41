//! Reading the heads of many chains, so that one that can't be read keeps no other from being read.

use audit::{AuditTables, tables::StoredHead};
use kernel::{OrganizationId, StoreError};

/// Number of organizations that are listed at a time.
const PAGE: usize = 1000;

/// Number of heads that are read at a time.
const HEADS_PER_READ: usize = 500;

/// Heads, and the organizations whose head can't be read.
#[derive(Debug, Default)]
pub struct ReadHeads {
    /// The heads of those that have one.
    pub heads: Vec<StoredHead>,
    /// Why each of the others can't be read: always [`StoreError::Corrupt`].
    pub unreadable: Vec<(OrganizationId, StoreError)>,
}

/// Reads the heads of those of these organizations that have one, in the order of the organizations.
///
/// # Errors
/// [`StoreError`] if the store fails.
pub async fn read_heads(tables: &dyn AuditTables, organizations: &[OrganizationId]) -> Result<ReadHeads, StoreError> {
    let mut read = ReadHeads::default();
    let mut parts: Vec<&[OrganizationId]> = organizations.chunks(HEADS_PER_READ).rev().collect();
    while let Some(part) = parts.pop() {
        match (tables.heads(part).await, part) {
            (Ok(mut heads), _) => {
                heads.sort_by_key(|head| head.organization);
                read.heads.append(&mut heads);
            }
            (Err(error @ StoreError::Corrupt(_)), [organization]) => read.unreadable.push((*organization, error)),
            (Err(StoreError::Corrupt(_)), _) => {
                let (first, second) = part.split_at(part.len() / 2);
                parts.extend([second, first]);
            }
            (Err(error), _) => return Err(error),
        }
    }
    Ok(read)
}

/// Reads the heads of all chains, in the order of their organizations.
///
/// # Errors
/// [`StoreError`] if the store fails.
pub async fn read_all_heads(tables: &dyn AuditTables) -> Result<ReadHeads, StoreError> {
    read_heads(tables, &chains(tables).await?).await
}

/// Lists the organizations that have a head.
pub(crate) async fn chains(tables: &dyn AuditTables) -> Result<Vec<OrganizationId>, StoreError> {
    let mut found = Vec::new();
    loop {
        let page = tables.chains(found.last().copied(), PAGE).await?;
        let is_last = page.len() < PAGE;
        found.extend(page);
        if is_last {
            return Ok(found);
        }
    }
}
