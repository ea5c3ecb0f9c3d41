//! Rollups: counts of records and calls.

use std::{collections::BTreeMap, sync::LazyLock};

use ::store::{
    AccountCalls, CallSpan, CallTotals, Counts, Day, MAX_DAYS, MAX_LISTED_CALLS, OpenFindings, Rollup, RollupPart,
    Rollups,
};
use async_trait::async_trait;
use auth::AccountId;
use kernel::{OrganizationId, StoreError, Timestamp};

use super::SqlStore;
use crate::{
    engine::{BatchStatement, Column, RowReader, Session, Sql, Value},
    schema::tables::{ACCOUNT_CALLS, ROLLUP_COUNTS, ROLLUP_DAYS, ROLLUPS},
};

/// The parts with their counts, in one snapshot.
static SELECT: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "SELECT r.part, r.as_of, r.counted_at, r.due_at, c.name, c.number FROM rollups AS r \
         LEFT JOIN rollup_counts AS c ON c.organization_id = r.organization_id AND c.part = r.part \
         WHERE r.organization_id = ? ORDER BY r.part, c.name",
    )
});
/// Locks the row of a part, so that concurrent counts replace each other as a whole.
static STORE_PART: LazyLock<BatchStatement> =
    LazyLock::new(|| BatchStatement::upsert(ROLLUPS.name, &ROLLUPS.columns, &replaced(&ROLLUPS.columns[2..])));
static DELETE_COUNTS: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_text("DELETE FROM rollup_counts WHERE organization_id = ? AND part = ?"));
static INSERT_COUNTS: LazyLock<BatchStatement> =
    LazyLock::new(|| BatchStatement::insert_ignore(ROLLUP_COUNTS.name, &ROLLUP_COUNTS.columns));
static STORE_DAYS: LazyLock<BatchStatement> = LazyLock::new(|| {
    BatchStatement::upsert(ROLLUP_DAYS.name, &ROLLUP_DAYS.columns, &replaced(&ROLLUP_DAYS.columns[2..]))
});
static DELETE_DAYS: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_text("DELETE FROM rollup_days WHERE organization_id = ? AND day < ?"));
static SELECT_DAYS: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "SELECT day, info, low, medium, high, critical FROM rollup_days WHERE organization_id = ? AND day >= ? \
         ORDER BY day LIMIT ?",
    )
});
static ADD_CALLS: LazyLock<BatchStatement> = LazyLock::new(|| {
    let added = |name| format!("{name} = account_calls.{name} + excluded.{name}");
    let merged = ACCOUNT_CALLS.columns[4..].iter().map(|column| added(column.name)).collect::<Vec<_>>().join(", ");
    BatchStatement::upsert_by(ACCOUNT_CALLS.name, &ACCOUNT_CALLS.columns, 4, &merged)
});
static SELECT_CALLS: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "SELECT account_id, starts_at, answered, refused, limited, failed FROM account_calls \
         WHERE organization_id = ? AND account_id = ? AND span = ? AND starts_at >= ? ORDER BY starts_at LIMIT ?",
    )
});
static PRUNE_CALLS: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "DELETE FROM account_calls WHERE span = ? AND starts_at < ? \
         AND (organization_id, account_id, span, starts_at) IN \
         (SELECT organization_id, account_id, span, starts_at FROM account_calls WHERE span = ? AND starts_at < ? \
         ORDER BY span, starts_at LIMIT ?)",
    )
});

/// The assignments that replace these columns of a row.
fn replaced(columns: &[Column]) -> String {
    columns.iter().map(|column| format!("{0} = excluded.{0}", column.name)).collect::<Vec<_>>().join(", ")
}

#[async_trait]
impl Rollups for SqlStore {
    async fn rollups(&self, organization: OrganizationId) -> Result<Vec<Rollup>, StoreError> {
        let rows = self.engine.read([organization.into()], |values: &[Value<'static>; 1], session| {
            Box::pin(session.fetch(&SELECT, values, read_count))
        });
        let mut parts: BTreeMap<RollupPart, Rollup> = BTreeMap::new();
        // A newer server may have stored a part that this one does not know.
        for (rollup, count) in rows.await?.into_iter().flatten() {
            let rollup = parts.entry(rollup.part).or_insert(rollup);
            if let Some((name, number)) = count {
                rollup.counts.put(name, number);
            }
        }
        Ok(parts.into_values().collect())
    }

    async fn replace_rollup(
        &self,
        organization: OrganizationId,
        rollup: &Rollup,
        days: &[OpenFindings],
        oldest: Day,
    ) -> Result<(), StoreError> {
        let input = (organization, rollup.clone(), days.to_vec(), oldest);
        self.engine
            .write(input, |(organization, rollup, days, oldest), session| {
                Box::pin(replace(session, *organization, rollup, days, *oldest))
            })
            .await
    }

    async fn open_findings(&self, organization: OrganizationId, first: Day) -> Result<Vec<OpenFindings>, StoreError> {
        let values: [Value<'static>; 3] = [organization.into(), Value::Int(first.0), Value::limit(MAX_DAYS)];
        self.engine.read(values, |values, session| Box::pin(session.fetch(&SELECT_DAYS, values, read_day))).await
    }

    async fn add_calls(&self, calls: &[AccountCalls]) -> Result<(), StoreError> {
        // In the same order on every server, so that no two transactions deadlock, and each row once.
        let mut sums: BTreeMap<_, CallTotals> = BTreeMap::new();
        for added in calls {
            let key = (added.organization, added.account, added.span, added.starts_at);
            sums.entry(key).or_default().add(added.calls);
        }
        if sums.is_empty() {
            return Ok(());
        }
        self.engine
            .write(sums, |sums, session| {
                Box::pin(async move {
                    let rows = sums.iter().map(|((organization, account, span, starts_at), calls)| {
                        let mut row: Vec<Value<'_>> = vec![
                            (*organization).into(),
                            (*account).into(),
                            Value::text(span.name()),
                            (*starts_at).into(),
                        ];
                        row.extend([calls.answered, calls.refused, calls.limited, calls.failed].map(count));
                        row
                    });
                    let rows: Vec<_> = rows.collect();
                    session.execute_each(&ADD_CALLS, &rows).await.map(drop)
                })
            })
            .await
    }

    async fn calls(
        &self,
        organization: OrganizationId,
        accounts: &[AccountId],
        span: CallSpan,
        from: Timestamp,
    ) -> Result<Vec<AccountCalls>, StoreError> {
        let mut accounts = accounts.to_vec();
        accounts.sort_unstable();
        accounts.dedup();
        let mut calls = self
            .engine
            .read((organization, accounts, span, from), |(organization, accounts, span, from), session| {
                Box::pin(async move {
                    let rows: Vec<Vec<Value<'_>>> = accounts
                        .iter()
                        .map(|account| {
                            vec![
                                (*organization).into(),
                                (*account).into(),
                                Value::text(span.name()),
                                (*from).into(),
                                Value::limit(MAX_LISTED_CALLS),
                            ]
                        })
                        .collect();
                    let read = |cells: &mut RowReader<'_>| read_calls(cells, *organization, *span);
                    session.fetch_pipelined(&SELECT_CALLS, &rows, read).await
                })
            })
            .await?;
        calls.sort_unstable_by_key(|calls: &AccountCalls| (calls.account, calls.starts_at));
        Ok(calls)
    }

    async fn prune_calls(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.engine
            .write((now, limit), |(now, limit), session| {
                Box::pin(async move {
                    let mut pruned = 0;
                    for span in CallSpan::ALL {
                        let (name, before) = (Value::text(span.name()), Value::from(*now - span.retention()));
                        let values = [name.clone(), before.clone(), name, before, Value::limit(*limit)];
                        pruned += session.execute(&PRUNE_CALLS, &values).await?;
                    }
                    Ok(pruned)
                })
            })
            .await
    }
}

async fn replace(
    session: &Session,
    organization: OrganizationId,
    rollup: &Rollup,
    days: &[OpenFindings],
    oldest: Day,
) -> Result<(), StoreError> {
    let key = || [organization.into(), Value::text(rollup.part.name())];
    let times = [rollup.as_of, rollup.counted_at, rollup.due_at].map(Value::from);
    session.execute_each(&STORE_PART, &[key().into_iter().chain(times).collect()]).await?;
    session.execute(&DELETE_COUNTS, &key()).await?;
    let counts: Vec<Vec<Value<'_>>> = rollup
        .counts
        .iter()
        .map(|(name, number)| key().into_iter().chain([Value::text(name), Value::Int(number)]).collect())
        .collect();
    session.insert_each(&INSERT_COUNTS, &counts).await?;
    if !days.is_empty() {
        let row = |findings: &OpenFindings| {
            let key = [organization.into(), Value::Int(findings.day.0)];
            key.into_iter().chain(findings.counts.map(count)).collect::<Vec<Value<'_>>>()
        };
        session.execute_each(&STORE_DAYS, &days.iter().map(row).collect::<Vec<_>>()).await?;
    }
    session.execute(&DELETE_DAYS, &[organization.into(), Value::Int(oldest.0)]).await.map(drop)
}

fn count<'v>(count: u64) -> Value<'v> {
    Value::Int(i64::try_from(count).unwrap_or(i64::MAX))
}

type CountRow = (Rollup, Option<(String, i64)>);

fn read_count(cells: &mut RowReader<'_>) -> Result<Option<CountRow>, StoreError> {
    let name = cells.text()?;
    let part = RollupPart::ALL.iter().copied().find(|part| part.name() == name);
    let (as_of, counted_at, due_at) = (cells.time()?, cells.time()?, cells.time()?);
    let (name, number) = (cells.opt_text()?, cells.opt_int()?);
    Ok(part.map(|part| {
        let rollup = Rollup { part, as_of, counted_at, due_at, counts: Counts::default() };
        (rollup, name.map(str::to_owned).zip(number))
    }))
}

fn read_day(cells: &mut RowReader<'_>) -> Result<OpenFindings, StoreError> {
    let day = Day(cells.int()?);
    let mut findings = OpenFindings { day, counts: [0; 5] };
    for count in &mut findings.counts {
        *count = cells.count()?;
    }
    Ok(findings)
}

fn read_calls(
    cells: &mut RowReader<'_>,
    organization: OrganizationId,
    span: CallSpan,
) -> Result<AccountCalls, StoreError> {
    let (account, starts_at) = (cells.id()?, cells.time()?);
    let calls = CallTotals {
        answered: cells.count()?,
        refused: cells.count()?,
        limited: cells.count()?,
        failed: cells.count()?,
    };
    Ok(AccountCalls { organization, account, span, starts_at, calls })
}
