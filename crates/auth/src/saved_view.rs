//! Saved views: names for the filters and the order of a list, which a user keeps for themselves or shares with the
//! organization.

use async_trait::async_trait;
use kernel::{
    Changeset, CommitError, HasIdPrefix, Id, OrganizationId, RecordKey, Rule, StoreError, Text, Timestamp,
    is_allowed_in_line,
};

use crate::user::UserId;

/// A saved view of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedView {
    /// The identifier, by which the view has an address.
    pub id: SavedViewId,
    /// The organization of the owner.
    pub organization: OrganizationId,
    /// The user who saved it.
    pub owner: UserId,
    /// The slot among those of the owner, from 0 to [`Self::MAX_PER_USER`]. Two views of one owner never have the same, so
    /// that a user has no more of them, however many are saved at once.
    pub slot: i64,
    /// The slot among the shared views of the organization, from 0 to [`Self::MAX_SHARED`]; `None` if only the owner sees
    /// the view.
    pub shared_slot: Option<i64>,
    /// The list, by the name of its collection: `findings`.
    pub list: RecordKey,
    /// The name.
    pub name: SavedViewName,
    /// The filters and the order, as the query of an address without its question mark.
    pub query: SavedViewQuery,
    /// The number of the last change, from 1.
    pub version: i64,
    /// The time of its creation.
    pub created_at: Timestamp,
    /// The time of its last change.
    pub updated_at: Timestamp,
}

/// The identifier of a saved view.
pub type SavedViewId = Id<SavedView>;

impl HasIdPrefix for SavedView {
    const PREFIX: &'static str = "view";
}

impl SavedView {
    /// The maximum number of views that a user has.
    pub const MAX_PER_USER: i64 = 100;

    /// The maximum number of shared views of an organization.
    pub const MAX_SHARED: i64 = 100;

    /// Whether everybody in the organization sees it.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        self.shared_slot.is_some()
    }

    /// Whether the user sees it.
    #[must_use]
    pub fn is_visible_to(&self, user: UserId) -> bool {
        self.is_shared() || self.owner == user
    }
}

/// The validation rule of [`SavedViewName`].
#[derive(Debug)]
pub enum SavedViewNameRule {}

impl Rule for SavedViewNameRule {
    const DESCRIPTION: &'static str = "must have 1 to 60 characters in one line";
    const PATTERN: &'static str = r"^[^\u0000-\u001f\u007f]*$";
    const MIN: usize = 1;
    const MAX: usize = 60;
    const TRIMMED: bool = true;

    fn allows(text: &str) -> bool {
        text.chars().all(is_allowed_in_line)
    }
}

/// The name of a saved view.
pub type SavedViewName = Text<SavedViewNameRule>;

/// The validation rule of [`SavedViewQuery`].
#[derive(Debug)]
pub enum SavedViewQueryRule {}

impl Rule for SavedViewQueryRule {
    const DESCRIPTION: &'static str = "must be the query of an address, of at most 2,000 characters";
    const PATTERN: &'static str = r"^[!-~]*$";
    const MIN: usize = 0;
    const MAX: usize = 2_000;

    fn allows(text: &str) -> bool {
        text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
    }
}

/// The query of a saved view: visible ASCII, as addresses have it.
pub type SavedViewQuery = Text<SavedViewQueryRule>;

/// Stores saved views.
#[async_trait]
pub trait SavedViews: Send + Sync {
    /// Returns the view with this identifier, whoever owns it.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn saved_view(&self, organization: OrganizationId, id: SavedViewId) -> Result<Option<SavedView>, StoreError>;

    /// Returns the views that the user sees, of all lists: their own by slot, then those that others share, by slot.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn saved_views(&self, organization: OrganizationId, user: UserId) -> Result<Vec<SavedView>, StoreError>;

    /// Commits the changeset with the change of a view of its organization, atomically. Returns whether it did: it stores
    /// nothing if the condition of the change does not hold. The caller must read and decide again then.
    ///
    /// # Errors
    /// [`CommitError`] if nothing was stored.
    async fn commit_saved_view(&self, changeset: Changeset, change: &SavedViewChange) -> Result<bool, CommitError>;
}

/// A change of a saved view. The condition of each is that no other change came first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SavedViewChange {
    /// Stores a new view. The condition: its slots are free.
    Add(SavedView),
    /// Replaces the view with the same identifier. The condition: the stored version is the one before, and its slots are
    /// free or its own.
    Replace(SavedView),
    /// Deletes the view. The condition: the stored version is this one.
    Remove {
        /// The view.
        view: SavedViewId,
        /// Its version.
        version: i64,
    },
}
