//! The bytes that holders have stored outside of the database, counted in the transactions that change them.

use std::{collections::BTreeMap, sync::LazyLock};

use kernel::{Changeset, CommitError, Conflict, OrganizationId, StoreError, UsageChange};
use ulid::Ulid;

use crate::engine::{Session, Sql, Value};

/// Changes the bytes of a holder, unless they would exceed its limit. They never become negative.
static CHANGE: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_numbered_text(
        "INSERT INTO storage_usage (organization_id, holder_id, bytes) VALUES (?1, ?2, ?3) \
         ON CONFLICT (organization_id, holder_id) DO UPDATE SET \
         bytes = CASE WHEN storage_usage.bytes + ?4 < 0 THEN 0 ELSE storage_usage.bytes + ?4 END \
         WHERE storage_usage.bytes + ?4 <= ?5",
    )
});
static SELECT: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text("SELECT holder_id, bytes FROM storage_usage WHERE organization_id = ? AND holder_id = ?")
});

/// Counts what the changeset stores and removes.
pub(super) async fn change(session: &Session, changeset: &Changeset) -> Result<(), CommitError> {
    for change in changeset.usage() {
        if !change_one(session, changeset.organization(), change).await? {
            return Err(CommitError::Conflict(Conflict::Usage(change.holder)));
        }
    }
    Ok(())
}

/// Returns whether the holder may have the bytes.
async fn change_one(session: &Session, organization: OrganizationId, change: &UsageChange) -> Result<bool, StoreError> {
    if !change.allows(change.bytes) {
        return Ok(false);
    }
    let max = change.max.filter(|_| change.bytes > 0).and_then(|max| i64::try_from(max).ok()).unwrap_or(i64::MAX);
    let values = [
        organization.into(),
        change.holder.into(),
        Value::Int(change.bytes.max(0)),
        Value::Int(change.bytes),
        Value::Int(max),
    ];
    Ok(session.execute(&CHANGE, &values).await? == 1)
}

pub(super) async fn stored_bytes(
    session: &Session,
    organization: OrganizationId,
    holders: &[Ulid],
) -> Result<Vec<u64>, StoreError> {
    let rows: Vec<Vec<Value<'_>>> = holders.iter().map(|holder| vec![organization.into(), (*holder).into()]).collect();
    let found = session.fetch_pipelined(&SELECT, &rows, |cells| Ok((cells.ulid()?, cells.count()?))).await?;
    let found: BTreeMap<Ulid, u64> = found.into_iter().collect();
    Ok(holders.iter().map(|holder| found.get(holder).copied().unwrap_or_default()).collect())
}
