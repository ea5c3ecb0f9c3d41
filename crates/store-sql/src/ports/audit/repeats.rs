//! Counts of repeated calls, until one entry is stored for them.

use std::{collections::BTreeMap, sync::LazyLock};

use kernel::{RepeatedCalls, StoreError, Timestamp};

use crate::{
    engine::{BatchStatement, RowReader, Session, Sql, Value},
    schema::audit_tables::AUDIT_REPEATS,
};

static ADD: LazyLock<BatchStatement> = LazyLock::new(|| {
    BatchStatement::upsert(AUDIT_REPEATS.name, &AUDIT_REPEATS.columns, "calls = audit_repeats.calls + excluded.calls")
});
/// Across all organizations, since any process stores the entries for the counts of all.
static DUE: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "SELECT organization_id, id, due_at, calls FROM audit_repeats WHERE due_at <= ? OR due_at > ? \
         ORDER BY organization_id, id LIMIT ?",
    )
});
static REMOVE: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_text("DELETE FROM audit_repeats WHERE organization_id = ? AND id = ? AND calls = ?"));

/// Adds the calls to the counts. Rows are locked in the order of their keys, and each only once.
pub(super) async fn add(session: &Session, repeated: &[RepeatedCalls]) -> Result<(), StoreError> {
    if repeated.is_empty() {
        return Ok(());
    }
    let mut sums: BTreeMap<_, RepeatedCalls> = BTreeMap::new();
    for calls in repeated {
        sums.entry((calls.organization, calls.first))
            .and_modify(|sum| sum.calls = sum.calls.saturating_add(calls.calls))
            .or_insert(*calls);
    }
    let rows: Vec<Vec<Value<'_>>> = sums
        .values()
        .map(|sum| vec![sum.organization.into(), sum.first.into(), sum.due_at.into(), count(sum.calls)])
        .collect();
    session.execute_each(&ADD, &rows).await.map(drop)
}

/// Reads counts that are due, or due later than `latest`.
pub(super) async fn due(
    session: &Session,
    now: Timestamp,
    latest: Timestamp,
    limit: usize,
) -> Result<Vec<RepeatedCalls>, StoreError> {
    session.fetch(&DUE, &[now.into(), latest.into(), Value::limit(limit)], read).await
}

/// Removes a count. Returns `false` if it is no longer stored as it was read.
pub(super) async fn remove(session: &Session, counted: &RepeatedCalls) -> Result<bool, StoreError> {
    let values = [counted.organization.into(), counted.first.into(), count(counted.calls)];
    Ok(session.execute(&REMOVE, &values).await? == 1)
}

fn read(cells: &mut RowReader<'_>) -> Result<RepeatedCalls, StoreError> {
    Ok(RepeatedCalls { organization: cells.id()?, first: cells.id()?, due_at: cells.time()?, calls: cells.count()? })
}

fn count(calls: u64) -> Value<'static> {
    Value::Int(i64::try_from(calls).unwrap_or(i64::MAX))
}
