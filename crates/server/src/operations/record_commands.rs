//! Commands of a domain crate on one record, which the operator names by its key in a workspace.

use kernel::{Changeset, Organization, OrganizationRef, Reader, Record, Stored, WriteContext, WriteTimestamp};
use store::DynStore;

use super::{operator::Operator, workspaces::find_workspace};
use crate::{compose::Installation, failure::Failure};

/// A kind of record with commands on the command line.
pub(crate) trait CommandRecord: Record {
    /// The group of the commands, such as `submission package`.
    const COMMANDS: &'static str;
    /// The names of the columns that a list shows.
    const LISTED: &'static [&'static str];
}

/// A record before and after a command; the same if the command had no effect.
pub(crate) struct ChangedRecord<R: Record> {
    pub(crate) before: Stored<R>,
    pub(crate) after: Stored<R>,
}

impl<R: Record> ChangedRecord<R> {
    /// Whether the command had an effect.
    pub(crate) fn is_changed(&self) -> bool {
        self.before.meta.revision != self.after.meta.revision
    }
}

/// Returns the record with this key.
///
/// # Errors
/// If the workspace has none, or the store fails.
pub(crate) async fn find_record<R: CommandRecord>(
    installation: &Installation,
    workspace: &Stored<Organization>,
    key: &str,
) -> Result<Stored<R>, Failure>
where
    DynStore: Reader<R>,
{
    let found = Reader::<R>::get_by_keys(&*installation.store, workspace.meta.id, &[key]).await?;
    found.into_iter().next().ok_or_else(|| {
        let (kind, slug) = (R::KIND.name().replace('_', " "), workspace.record.slug.as_str());
        Failure::new(format!(
            "the workspace {slug} has no {kind} with the key {key:?}; list those that it has with `novantra {} list \
             --workspace {slug}`",
            R::COMMANDS
        ))
    })
}

/// Reads the record with this key, calls `decide` with it and commits the changeset that it returns, again if another
/// process has changed the record meanwhile.
///
/// # Errors
/// If there is no such workspace or record, `decide` refuses the command, or the store fails.
pub(crate) async fn change_record<R: CommandRecord, E: Into<Failure>>(
    operator: &Operator,
    workspace: &str,
    key: &str,
    decide: impl Fn(&WriteContext<'_>, WriteTimestamp, &Stored<R>) -> Result<(Changeset, Stored<R>), E>,
) -> Result<ChangedRecord<R>, Failure>
where
    DynStore: Reader<R>,
{
    let workspace = find_workspace(&operator.installation, workspace).await?;
    let (organization, attribution) = (OrganizationRef::from(&workspace), operator.attribution());
    let context = operator.write_context(&organization, &attribution);
    operator
        .write(async || {
            let before = find_record::<R>(&operator.installation, &workspace, key).await?;
            let timestamp = operator.installation.store.begin_write();
            let (changeset, after) = decide(&context, timestamp, &before).map_err(Into::into)?;
            Ok((changeset, ChangedRecord { before, after }))
        })
        .await
}
