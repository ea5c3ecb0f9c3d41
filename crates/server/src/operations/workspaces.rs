//! Workspaces: lookup and creation.

use kernel::{Action, Change, Id, Organization, OrganizationRef, Slug, Stored, Subject};

use super::operator::Operator;
use crate::{compose::Installation, failure::Failure};

/// Returns the workspace with this slug.
///
/// # Errors
/// If there is none, or the store fails.
pub(crate) async fn find_workspace(installation: &Installation, slug: &str) -> Result<Stored<Organization>, Failure> {
    let workspace = match Slug::parse(slug) {
        Ok(slug) => installation.store.organization(&slug).await?,
        Err(_) => None,
    };
    workspace.ok_or_else(|| {
        Failure::new(format!("there is no workspace {slug:?}; list the workspaces with `novantra workspace list`"))
    })
}

/// Creates a workspace. Its creation is the first entry of its audit log.
///
/// # Errors
/// If there is a workspace with this slug already, or the store fails.
pub(crate) async fn create_workspace(
    operator: &Operator,
    workspace: &Organization,
) -> Result<Stored<Organization>, Failure> {
    let Installation { store, clock, entropy, .. } = &operator.installation;
    operator
        .write(async || {
            if store.organization(&workspace.slug).await?.is_some() {
                return Err(Failure::new(format!("there is already a workspace {:?}", workspace.slug.as_str())));
            }
            // The changeset belongs to the workspace, so its id is generated before the changeset begins.
            let id = Id::new(entropy.ulid(clock.now()));
            let organization = OrganizationRef { id, slug: workspace.slug.as_str().into() };
            let mut changeset =
                operator.changeset(&organization, Action::new("organization.created"), Some(Subject::from_id(id)));
            let created = Stored::new(id, id, changeset.at(), workspace.clone());
            changeset.set_changes(Change::between(None, &created.record));
            changeset.create(&created);
            Ok((changeset, created))
        })
        .await
}
