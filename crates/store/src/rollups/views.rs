//! Reads of rollups for pages. Each reads a bounded number of small rows.

use std::{collections::BTreeMap, time::Duration};

use auth::AccountId;
use kernel::{OrganizationId, StoreError, Timestamp};

use super::{
    CallSpan, CallTotals, DeliveryCounts, EvidenceCounts, FindingCounts, Rollup, RollupPart, Rollups, SubmissionCounts,
};

/// Returns the counts of open findings in what [`Rollups::rollups`] has returned; `None` before the first count.
#[must_use]
pub fn finding_counts(rollups: &[Rollup]) -> Option<FindingCounts> {
    part(rollups, RollupPart::Findings).map(FindingCounts::from_rollup)
}

/// Returns the counts of evidence claims in what [`Rollups::rollups`] has returned; `None` before the first count.
#[must_use]
pub fn evidence_counts(rollups: &[Rollup]) -> Option<EvidenceCounts> {
    part(rollups, RollupPart::Evidence).map(EvidenceCounts::from_rollup)
}

/// Returns the counts of submission packages in what [`Rollups::rollups`] has returned; `None` before the first count.
#[must_use]
pub fn submission_counts(rollups: &[Rollup]) -> Option<SubmissionCounts> {
    part(rollups, RollupPart::Submissions).map(SubmissionCounts::from_rollup)
}

/// Returns the counts of waiting deliveries in what [`Rollups::rollups`] has returned; `None` before the first count.
#[must_use]
pub fn delivery_counts(rollups: &[Rollup]) -> Option<DeliveryCounts> {
    part(rollups, RollupPart::Deliveries).map(DeliveryCounts::from_rollup)
}

fn part(rollups: &[Rollup], part: RollupPart) -> Option<&Rollup> {
    rollups.iter().find(|rollup| rollup.part == part)
}

/// Returns the calls of an account in each of the last 60 minutes, the current one last.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub async fn calls_by_minute<S: Rollups + ?Sized>(
    store: &S,
    organization: OrganizationId,
    account: AccountId,
    now: Timestamp,
) -> Result<Vec<CallTotals>, StoreError> {
    let mut calls = spans(store, organization, &[account], CallSpan::Minute, 60, now).await?;
    Ok(calls.remove(&account).unwrap_or_default())
}

/// Returns the calls of each of these accounts in each of the last 24 hours, the current one last. Their sum is the number
/// of calls of the last day. Accounts without calls have zeros.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub async fn calls_by_hour<S: Rollups + ?Sized>(
    store: &S,
    organization: OrganizationId,
    accounts: &[AccountId],
    now: Timestamp,
) -> Result<BTreeMap<AccountId, Vec<CallTotals>>, StoreError> {
    spans(store, organization, accounts, CallSpan::Hour, 24, now).await
}

/// Returns the calls of an account in each of the last 168 hours, the current one last.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub async fn calls_in_last_week<S: Rollups + ?Sized>(
    store: &S,
    organization: OrganizationId,
    account: AccountId,
    now: Timestamp,
) -> Result<Vec<CallTotals>, StoreError> {
    let mut calls = spans(store, organization, &[account], CallSpan::Hour, 7 * 24, now).await?;
    Ok(calls.remove(&account).unwrap_or_default())
}

/// Returns the calls in each of the last `count` spans.
async fn spans<S: Rollups + ?Sized>(
    store: &S,
    organization: OrganizationId,
    accounts: &[AccountId],
    span: CallSpan,
    count: u32,
    now: Timestamp,
) -> Result<BTreeMap<AccountId, Vec<CallTotals>>, StoreError> {
    let first = span.start_of(now) - span.length() * (count - 1);
    let empty = || vec![CallTotals::default(); usize::try_from(count).unwrap_or_default()];
    let mut found: BTreeMap<AccountId, Vec<CallTotals>> = accounts.iter().map(|id| (*id, empty())).collect();
    for calls in store.calls(organization, accounts, span, first).await? {
        let index = index_of(calls.starts_at.since(first), span.length());
        if let Some(totals) = found.get_mut(&calls.account).and_then(|spans| spans.get_mut(index)) {
            totals.add(calls.calls);
        }
    }
    Ok(found)
}

fn index_of(since: Duration, length: Duration) -> usize {
    usize::try_from(since.as_millis() / length.as_millis()).unwrap_or(usize::MAX)
}
