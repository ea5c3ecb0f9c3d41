//! Saved views of users.

use async_trait::async_trait;
use auth::{SavedView, SavedViewChange, SavedViewId, SavedViews, UserId};
use kernel::{Changeset, CommitError, OrganizationId, StoreError};

use crate::{Call, MemoryStore, people::Failure, state::State};

#[async_trait]
impl SavedViews for MemoryStore {
    async fn saved_view(&self, organization: OrganizationId, id: SavedViewId) -> Result<Option<SavedView>, StoreError> {
        Ok(self.snapshot()?.views.get(&(organization, id)).cloned())
    }

    async fn saved_views(&self, organization: OrganizationId, user: UserId) -> Result<Vec<SavedView>, StoreError> {
        let state = self.snapshot()?;
        let visible = state.views_of(organization).filter(|view| view.is_visible_to(user));
        let (mut own, mut shared): (Vec<SavedView>, Vec<SavedView>) =
            visible.cloned().partition(|view| view.owner == user);
        own.sort_unstable_by_key(|view| view.slot);
        shared.sort_unstable_by_key(|view| view.shared_slot);
        own.append(&mut shared);
        Ok(own)
    }

    async fn commit_saved_view(&self, changeset: Changeset, change: &SavedViewChange) -> Result<bool, CommitError> {
        self.intercept(Call::Commit).await?;
        let outcome = self.store_rows(changeset.entries(), |state, rows| {
            if !state.change_view(changeset.organization(), change) {
                return Err(Failure::Unmet);
            }
            state.apply(&changeset, rows).map_err(Failure::Commit)
        });
        match outcome {
            Ok(()) => {
                if let Some(interceptor) = &self.interceptor {
                    interceptor.committed(&changeset);
                }
                Ok(true)
            }
            Err(Failure::Unmet) => Ok(false),
            Err(Failure::Commit(error)) => Err(error),
        }
    }
}

impl State {
    fn views_of(&self, organization: OrganizationId) -> impl Iterator<Item = &SavedView> {
        self.views.iter().filter(move |((of, _), _)| *of == organization).map(|(_, view)| view)
    }

    /// Changes a view, if the condition of the change holds. Returns whether it does.
    fn change_view(&mut self, organization: OrganizationId, change: &SavedViewChange) -> bool {
        let (id, version, view) = match change {
            SavedViewChange::Add(view) => (view.id, None, Some(view)),
            SavedViewChange::Replace(view) => (view.id, Some(view.version - 1), Some(view)),
            SavedViewChange::Remove { view, version } => (*view, Some(*version), None),
        };
        let key = (organization, id);
        if self.views.get(&key).map(|stored| stored.version) != version {
            return false;
        }
        self.views.remove_mut(&key);
        let Some(view) = view else { return true };
        let is_taken = self.views_of(organization).any(|other| {
            (other.owner == view.owner && other.slot == view.slot)
                || (other.is_shared() && other.shared_slot == view.shared_slot)
        });
        self.views.insert_mut(key, view.clone());
        !is_taken
    }
}
