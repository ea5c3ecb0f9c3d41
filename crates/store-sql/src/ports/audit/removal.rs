//! Removal of the oldest entries of a chain.

use std::sync::LazyLock;

use ::audit::{Hash, Head};
use kernel::{OrganizationId, StoreError};

use crate::engine::{Session, Sql, Value, corrupt};

static REMOVED: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_text("SELECT removed_through, removed_hash FROM audit_heads WHERE organization_id = ?"));
static SEAL: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_text("SELECT hash FROM audit_seals WHERE organization_id = ? AND sequence = ?"));
static BEGIN_AFTER: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "UPDATE audit_heads SET removed_through = ?, removed_hash = ? \
         WHERE organization_id = ? AND removed_through = ? AND removed_hash = ?",
    )
});
static DELETE_ENTRIES: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "DELETE FROM audit_entries WHERE organization_id = ? AND id IN \
         (SELECT entry_id FROM audit_seals WHERE organization_id = ? AND sequence <= ?)",
    )
});
static DELETE_SEALS: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_text("DELETE FROM audit_seals WHERE organization_id = ? AND sequence <= ?"));
static DELETE_CHECKPOINTS: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_text("DELETE FROM audit_checkpoints WHERE organization_id = ? AND sequence <= ?"));

/// The last entry that was removed from the start of the chain.
pub(super) async fn removed(session: &Session, organization: OrganizationId) -> Result<Head, StoreError> {
    let read =
        |cells: &mut crate::engine::RowReader<'_>| Ok(Head { sequence: cells.int()?, hash: cells.parsed(str::parse)? });
    let removed = session.fetch_one(&REMOVED, &[organization.into()], read).await?;
    Ok(removed.unwrap_or(Head::EMPTY))
}

/// Removes the entries up to `last`, if the chain begins after `after`.
pub(super) async fn remove(
    session: &Session,
    organization: OrganizationId,
    after: Head,
    last: Head,
) -> Result<bool, StoreError> {
    let seal = [organization.into(), last.sequence.into()];
    let hash: Option<Hash> = session.fetch_one(&SEAL, &seal, |cells| cells.parsed(str::parse)).await?;
    if hash != Some(last.hash) {
        return Ok(false);
    }
    let values = [
        last.sequence.into(),
        last.hash.to_string().into(),
        organization.into(),
        after.sequence.into(),
        after.hash.to_string().into(),
    ];
    if session.execute(&BEGIN_AFTER, &values).await? != 1 {
        return Ok(false);
    }
    let through: [Value<'_>; 2] = [organization.into(), last.sequence.into()];
    let entries = [organization.into(), organization.into(), last.sequence.into()];
    let deleted = session.execute(&DELETE_ENTRIES, &entries).await?;
    let seals = session.execute(&DELETE_SEALS, &through).await?;
    session.execute(&DELETE_CHECKPOINTS, &through).await?;
    // The transaction is rolled back: an entry was removed by hand, which the verification must show.
    if deleted != seals || i64::try_from(seals) != Ok(last.sequence - after.sequence) {
        return Err(corrupt(format!(
            "the entries {} to {} can't be removed, because some of them no longer exist: run novantra audit verify",
            after.sequence + 1,
            last.sequence
        )));
    }
    Ok(true)
}
