//! Users, as operators manage them: each command names a workspace, and the user in it by email address or identifier.

use auth::{StoredUser, UserId, parse_user_email};
use kernel::OrganizationRef;
use people::{Author, People, PeopleError};

use super::{Operator, find_workspace};
use crate::{compose::Installation, failure::Failure};

/// Returns the user whose email address or identifier this is.
///
/// # Errors
/// If the workspace has no such user, or the store fails.
pub(crate) async fn find_user(people: &People, workspace: &OrganizationRef, user: &str) -> Result<StoredUser, Failure> {
    let found = match (user.parse::<UserId>(), parse_user_email(user)) {
        (Ok(id), _) => people.user(workspace.id, id).await,
        (Err(_), Ok(email)) => people.user_by_email(workspace.id, &email).await,
        (Err(_), Err(_)) => Err(PeopleError::NotFound),
    };
    found.map_err(|error| match error {
        PeopleError::NotFound => Failure::new(format!(
            "the workspace {} has no user {user:?}; list its users with `novantra user list --workspace {0}`",
            workspace.slug
        )),
        error => error.into(),
    })
}

/// Returns the workspace with this slug, as changes refer to it.
///
/// # Errors
/// If there is none, or the store fails.
pub(crate) async fn workspace_ref(installation: &Installation, slug: &str) -> Result<OrganizationRef, Failure> {
    find_workspace(installation, slug).await.map(|workspace| OrganizationRef::from(&workspace))
}

impl Operator {
    /// The operator as the author of changes of people.
    pub(crate) fn author(&self) -> Author<'_> {
        Author::operator(self.attribution(), self.reason())
    }
}
