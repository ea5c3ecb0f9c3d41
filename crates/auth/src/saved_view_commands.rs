//! The decisions about saved views.

use std::borrow::Cow;

use kernel::{Action, Change, Changeset, FieldValue, Id, RecordKey, Subject, WriteContext, WriteTimestamp};

use crate::{
    saved_view::{SavedView, SavedViewChange, SavedViewName, SavedViewQuery},
    user::UserId,
};

/// The reason that a command about a saved view is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SavedViewError {
    /// The owner has as many views as a user may have.
    #[error("you have {} saved views, and nobody may have more: delete one first", SavedView::MAX_PER_USER)]
    TooMany,
    /// The organization has as many shared views as it may have.
    #[error("the workspace has {} shared views, and may have no more: delete one first", SavedView::MAX_SHARED)]
    TooManyShared,
    /// The owner has another view of this list with this name.
    #[error("a view of this list has this name already: choose another one")]
    NameTaken,
}

/// A view to save.
#[derive(Clone, Debug)]
pub struct NewSavedView {
    /// The list, by the name of its collection.
    pub list: RecordKey,
    /// The name.
    pub name: SavedViewName,
    /// The filters and the order.
    pub query: SavedViewQuery,
    /// Whether everybody in the organization sees it.
    pub is_shared: bool,
}

/// Saves a view. `visible` are the views that the owner sees.
///
/// # Errors
/// [`SavedViewError`].
pub fn save_view(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    owner: UserId,
    new: NewSavedView,
    visible: &[SavedView],
) -> Result<(Changeset, SavedViewChange, SavedView), SavedViewError> {
    let NewSavedView { list, name, query, is_shared } = new;
    let at = timestamp.at();
    let id = Id::new(context.entropy.ulid(at));
    ensure_free_name(visible, owner, None, (&list, &name))?;
    let own = visible.iter().filter(|view| view.owner == owner).map(|view| view.slot);
    let slot = free_slot(own, SavedView::MAX_PER_USER, id.ulid().0).ok_or(SavedViewError::TooMany)?;
    let shared_slot = if is_shared { Some(free_shared_slot(visible, id.ulid().0)?) } else { None };
    let organization = context.organization.id;
    let view = SavedView {
        id,
        organization,
        owner,
        slot,
        shared_slot,
        list,
        name,
        query,
        version: 1,
        created_at: at,
        updated_at: at,
    };
    let changeset = begin(context, timestamp, "saved_view.created", None, Some(&view));
    Ok((changeset, SavedViewChange::Add(view.clone()), view))
}

/// Gives a view another name, and shares it or keeps it to its owner. `visible` are the views that the actor sees.
///
/// # Errors
/// [`SavedViewError`].
pub fn change_view(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    before: &SavedView,
    (name, is_shared): (SavedViewName, bool),
    visible: &[SavedView],
) -> Result<(Changeset, SavedViewChange, SavedView), SavedViewError> {
    ensure_free_name(visible, before.owner, Some(before), (&before.list, &name))?;
    let shared_slot = match (is_shared, before.shared_slot) {
        (false, _) => None,
        (true, Some(slot)) => Some(slot),
        (true, None) => Some(free_shared_slot(visible, before.id.ulid().0)?),
    };
    let updated_at = timestamp.at();
    let view = SavedView { name, shared_slot, version: before.version + 1, updated_at, ..before.clone() };
    let changeset = begin(context, timestamp, "saved_view.updated", Some(before), Some(&view));
    Ok((changeset, SavedViewChange::Replace(view.clone()), view))
}

/// Deletes a view.
#[must_use]
pub fn delete_view(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    view: &SavedView,
) -> (Changeset, SavedViewChange) {
    let changeset = begin(context, timestamp, "saved_view.deleted", Some(view), None);
    (changeset, SavedViewChange::Remove { view: view.id, version: view.version })
}

fn ensure_free_name(
    visible: &[SavedView],
    owner: UserId,
    renamed: Option<&SavedView>,
    (list, name): (&RecordKey, &SavedViewName),
) -> Result<(), SavedViewError> {
    let is_other = |view: &&SavedView| renamed.is_none_or(|renamed| renamed.id != view.id);
    let mut others = visible.iter().filter(is_other);
    if others.any(|view| view.owner == owner && view.list == *list && view.name == *name) {
        return Err(SavedViewError::NameTaken);
    }
    Ok(())
}

fn free_shared_slot(visible: &[SavedView], seed: u128) -> Result<i64, SavedViewError> {
    let taken = visible.iter().filter_map(|view| view.shared_slot);
    free_slot(taken, SavedView::MAX_SHARED, seed).ok_or(SavedViewError::TooManyShared)
}

/// Returns one of the free slots. Views that are saved at the same moment choose different ones by their `seed`.
fn free_slot(taken: impl Iterator<Item = i64>, count: i64, seed: u128) -> Option<i64> {
    let taken: Vec<i64> = taken.collect();
    let free: Vec<i64> = (0..count).filter(|slot| !taken.contains(slot)).collect();
    let index = usize::try_from(seed % u128::try_from(free.len()).ok().filter(|number| *number > 0)?).ok()?;
    free.get(index).copied()
}

fn begin(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    action: &'static str,
    before: Option<&SavedView>,
    after: Option<&SavedView>,
) -> Changeset {
    let subject = after.or(before).map(|view| Subject { kind: Cow::Borrowed("saved_view"), id: view.id.to_string() });
    let mut changeset = context.begin(timestamp, Action::new(action), subject);
    let values = |view: Option<&SavedView>| view.map_or([const { FieldValue::Null }; FIELDS.len()], values);
    let changes = FIELDS.into_iter().zip(values(before)).zip(values(after));
    let changes = changes.map(|((field, before), after)| Change { field: Cow::Borrowed(field), before, after });
    changeset.set_changes(changes.filter(|change| change.before != change.after).collect());
    changeset
}

/// The fields that the audit log has of a view.
const FIELDS: [&str; 5] = ["owner_user_id", "list", "name", "query", "is_shared"];

/// The values of these fields.
fn values(view: &SavedView) -> [FieldValue; FIELDS.len()] {
    [
        FieldValue::Text(view.owner.to_string()),
        FieldValue::Text(view.list.to_string()),
        FieldValue::Text(view.name.to_string()),
        FieldValue::Text(view.query.to_string()),
        FieldValue::Bool(view.is_shared()),
    ]
}
