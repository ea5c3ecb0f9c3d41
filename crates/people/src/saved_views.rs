//! Saved views of lists: a user keeps them for themselves or, if their role may change records, shares them. Shared ones
//! are managed by their owner and by those who manage the workspace.

use auth::{
    NewSavedView, Permission, SavedView, SavedViewChange, SavedViewId, SavedViewName, UserCaller, change_view,
    delete_view, save_view,
};
use kernel::{Changeset, CommitError, OrganizationRef};

use crate::{
    author::Author,
    error::PeopleError,
    people::{MAX_ATTEMPTS, People},
};

/// Whether the user may rename, share and delete the view.
#[must_use]
pub fn may_change_view(caller: &UserCaller, view: &SavedView) -> bool {
    let is_owner = view.owner == caller.user.meta.id;
    is_owner || (view.is_shared() && caller.require(Permission::ManageWorkspace).is_ok())
}

/// Whether the user may share views.
#[must_use]
pub fn may_share_views(caller: &UserCaller) -> bool {
    caller.require(Permission::ChangeRecords).is_ok()
}

impl People {
    /// Returns the views that the user sees, of all lists.
    ///
    /// # Errors
    /// [`PeopleError::Denied`], or the store fails.
    pub async fn saved_views(&self, caller: &UserCaller) -> Result<Vec<SavedView>, PeopleError> {
        caller.require(Permission::ReadRecords)?;
        let user = &caller.user.meta;
        Ok(self.parts.store.saved_views(user.organization, user.id).await?)
    }

    /// Returns a view that the user sees.
    ///
    /// # Errors
    /// [`PeopleError::Denied`], [`PeopleError::NotFound`], or the store fails.
    pub async fn saved_view(&self, caller: &UserCaller, id: SavedViewId) -> Result<SavedView, PeopleError> {
        caller.require(Permission::ReadRecords)?;
        let user = &caller.user.meta;
        let view = self.parts.store.saved_view(user.organization, id).await?;
        view.filter(|view| view.is_visible_to(user.id)).ok_or(PeopleError::NotFound)
    }

    /// Saves a view for the user. Its query must be one of the list.
    ///
    /// # Errors
    /// [`PeopleError::Denied`], [`PeopleError::SavedView`], [`PeopleError::Contended`], or the store fails.
    pub async fn save_view(
        &self,
        author: &Author<'_>,
        organization: &OrganizationRef,
        caller: &UserCaller,
        new: NewSavedView,
    ) -> Result<SavedView, PeopleError> {
        if new.is_shared {
            caller.require(Permission::ChangeRecords)?;
        }
        for _ in 0..MAX_ATTEMPTS {
            let visible = self.saved_views(caller).await?;
            let context = self.context(organization, &author.attribution, author.reason);
            let timestamp = self.parts.store.begin_write();
            let owner = caller.user.meta.id;
            let (changeset, change, view) = save_view(&context, timestamp, owner, new.clone(), &visible)?;
            if self.commit_saved_view(changeset, &change).await? {
                return Ok(view);
            }
            self.ensure_current(author).await?;
        }
        Err(PeopleError::Contended)
    }

    /// Gives a view another name, and shares it or keeps it to its owner.
    ///
    /// # Errors
    /// [`PeopleError::Denied`], [`PeopleError::NotFound`], [`PeopleError::SavedView`], [`PeopleError::Contended`], or the
    /// store fails.
    pub async fn change_view(
        &self,
        author: &Author<'_>,
        organization: &OrganizationRef,
        caller: &UserCaller,
        id: SavedViewId,
        (name, is_shared): (SavedViewName, bool),
    ) -> Result<SavedView, PeopleError> {
        for _ in 0..MAX_ATTEMPTS {
            let before = self.changeable_view(caller, id).await?;
            if is_shared && !before.is_shared() {
                caller.require(Permission::ChangeRecords)?;
            }
            if (&before.name, before.is_shared()) == (&name, is_shared) {
                return Ok(before);
            }
            let visible = self.saved_views(caller).await?;
            let context = self.context(organization, &author.attribution, author.reason);
            let timestamp = self.parts.store.begin_write();
            let (changeset, change, view) =
                change_view(&context, timestamp, &before, (name.clone(), is_shared), &visible)?;
            if self.commit_saved_view(changeset, &change).await? {
                return Ok(view);
            }
            self.ensure_current(author).await?;
        }
        Err(PeopleError::Contended)
    }

    /// Deletes a view.
    ///
    /// # Errors
    /// [`PeopleError::Denied`], [`PeopleError::NotFound`], [`PeopleError::Contended`], or the store fails.
    pub async fn delete_view(
        &self,
        author: &Author<'_>,
        organization: &OrganizationRef,
        caller: &UserCaller,
        id: SavedViewId,
    ) -> Result<SavedView, PeopleError> {
        for _ in 0..MAX_ATTEMPTS {
            let view = self.changeable_view(caller, id).await?;
            let context = self.context(organization, &author.attribution, author.reason);
            let (changeset, change) = delete_view(&context, self.parts.store.begin_write(), &view);
            if self.commit_saved_view(changeset, &change).await? {
                return Ok(view);
            }
            self.ensure_current(author).await?;
        }
        Err(PeopleError::Contended)
    }

    /// The view, if the user may change it.
    async fn changeable_view(&self, caller: &UserCaller, id: SavedViewId) -> Result<SavedView, PeopleError> {
        let view = self.saved_view(caller, id).await?;
        if !may_change_view(caller, &view) {
            caller.require(Permission::ManageWorkspace)?;
        }
        Ok(view)
    }

    /// Commits the change. Returns whether it was stored: if not, the caller must read and decide again.
    async fn commit_saved_view(&self, changeset: Changeset, change: &SavedViewChange) -> Result<bool, PeopleError> {
        match self.parts.store.commit_saved_view(changeset, change).await {
            Err(CommitError::Conflict(_) | CommitError::ActorChanged) => Ok(false),
            outcome => outcome.map_err(PeopleError::from_commit),
        }
    }
}
