//! Changesets of an import.

use kernel::{Action, Changeset};
use write_harness::WriteHarness;

/// A changeset of an import, with the audit entry of the call.
pub(crate) fn changeset(harness: &WriteHarness) -> Changeset {
    harness.context().begin(harness.write_timestamp(), Action::new("import.applied"), None)
}
