//! Rollups: counts of records and calls.

use async_trait::async_trait;
use auth::AccountId;
use kernel::{OrganizationId, StoreError, Timestamp};
use store::{AccountCalls, CallSpan, Day, MAX_DAYS, MAX_LISTED_CALLS, OpenFindings, Rollup, RollupPart, Rollups};

use crate::MemoryStore;

#[async_trait]
impl Rollups for MemoryStore {
    async fn rollups(&self, organization: OrganizationId) -> Result<Vec<Rollup>, StoreError> {
        let state = self.snapshot()?;
        Ok(RollupPart::ALL.iter().filter_map(|part| state.rollups.get(&(organization, *part)).cloned()).collect())
    }

    async fn replace_rollup(
        &self,
        organization: OrganizationId,
        rollup: &Rollup,
        days: &[OpenFindings],
        oldest: Day,
    ) -> Result<(), StoreError> {
        self.change(|state| {
            state.rollups.insert_mut((organization, rollup.part), rollup.clone());
            for findings in days {
                state.open_findings.insert_mut((organization, findings.day), *findings);
            }
            let old = state.open_findings.range((organization, Day(i64::MIN))..(organization, oldest));
            let old: Vec<_> = old.map(|(key, _)| *key).collect();
            for key in old {
                state.open_findings.remove_mut(&key);
            }
            Ok(())
        })
    }

    async fn open_findings(&self, organization: OrganizationId, first: Day) -> Result<Vec<OpenFindings>, StoreError> {
        let state = self.snapshot()?;
        let days = state.open_findings.range((organization, first)..=(organization, Day(i64::MAX)));
        Ok(days.map(|(_, findings)| *findings).take(MAX_DAYS).collect())
    }

    async fn add_calls(&self, calls: &[AccountCalls]) -> Result<(), StoreError> {
        self.change(|state| {
            for added in calls {
                let key = (added.organization, added.account, added.span, added.starts_at);
                let mut sum = state.calls.get(&key).copied().unwrap_or_default();
                sum.add(added.calls);
                state.calls.insert_mut(key, sum);
            }
            Ok(())
        })
    }

    async fn calls(
        &self,
        organization: OrganizationId,
        accounts: &[AccountId],
        span: CallSpan,
        from: Timestamp,
    ) -> Result<Vec<AccountCalls>, StoreError> {
        let state = self.snapshot()?;
        let mut accounts = accounts.to_vec();
        accounts.sort_unstable();
        accounts.dedup();
        let of_account = |account: AccountId| {
            let range = (organization, account, span, from)..=(organization, account, span, Timestamp::MAX);
            let rows = state.calls.range(range).take(MAX_LISTED_CALLS);
            rows.map(|((_, _, _, starts_at), calls)| AccountCalls {
                organization,
                account,
                span,
                starts_at: *starts_at,
                calls: *calls,
            })
            .collect::<Vec<_>>()
        };
        Ok(accounts.into_iter().flat_map(of_account).collect())
    }

    async fn prune_calls(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.change(|state| {
            let mut pruned = 0;
            for span in CallSpan::ALL {
                let before = now - span.retention();
                let old = state.calls.keys().filter(|(_, _, of, starts_at)| of == span && *starts_at < before);
                let mut old: Vec<_> = old.copied().collect();
                old.sort_unstable_by_key(|(.., starts_at)| *starts_at);
                for key in old.iter().take(limit) {
                    state.calls.remove_mut(key);
                    pruned += 1;
                }
            }
            Ok(pruned)
        })
    }
}
