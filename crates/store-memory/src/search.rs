//! The index of the words of records.

use async_trait::async_trait;
use kernel::{Kind, OrganizationId, StoreError, Timestamp};
use store::{Backlog, Candidates, IndexedRecord, MAX_CANDIDATES, SearchIndex, SearchTerms, searched_kinds};
use ulid::Ulid;

use crate::MemoryStore;

#[async_trait]
impl SearchIndex for MemoryStore {
    async fn search_backlog(&self, organization: OrganizationId) -> Result<Vec<Backlog>, StoreError> {
        let state = self.snapshot()?;
        let of_kind = |kind| {
            let since = state.indexed.get(&(organization, kind)).copied();
            let changes = state.rows(kind, organization).map(|row| row.meta.updated_at);
            let oldest = changes.filter(|at| since.is_none_or(|since| *at >= since)).min()?;
            Some(Backlog { kind, since, oldest })
        };
        Ok(searched_kinds().filter_map(of_kind).collect())
    }

    async fn index_words(
        &self,
        organization: OrganizationId,
        kind: Kind,
        records: &[IndexedRecord],
        as_of: Timestamp,
    ) -> Result<(), StoreError> {
        self.change(|state| {
            for record in records {
                state.words.insert_mut((kind, organization, record.id), record.words.clone());
            }
            state.indexed.insert_mut((organization, kind), as_of);
            Ok(())
        })
    }

    async fn search(
        &self,
        organization: OrganizationId,
        kinds: &[Kind],
        terms: &SearchTerms,
    ) -> Result<Vec<Candidates>, StoreError> {
        let state = self.snapshot()?;
        let of_kind = |kind: &Kind| {
            let all = (*kind, organization, Ulid::nil())..=(*kind, organization, Ulid::max());
            let matching = state.words.range(all).rev().filter(|(_, words)| terms.matches(words));
            let mut ids: Vec<Ulid> = matching.map(|((.., id), _)| *id).take(MAX_CANDIDATES + 1).collect();
            let is_complete = ids.len() <= MAX_CANDIDATES;
            ids.truncate(MAX_CANDIDATES);
            (!ids.is_empty()).then_some(Candidates { kind: *kind, ids, is_complete })
        };
        Ok(kinds.iter().filter_map(of_kind).collect())
    }

    async fn clear_search_index(&self, organization: OrganizationId, limit: usize) -> Result<bool, StoreError> {
        self.change(|state| {
            for kind in searched_kinds() {
                state.indexed.remove_mut(&(organization, kind));
            }
            let rows = state.words.keys().filter(|(_, owner, _)| *owner == organization);
            let rows: Vec<_> = rows.copied().take(limit + 1).collect();
            for row in rows.iter().take(limit) {
                state.words.remove_mut(row);
            }
            Ok(rows.len() > limit)
        })
    }
}
