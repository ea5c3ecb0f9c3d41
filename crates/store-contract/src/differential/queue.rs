//! Fan-out and deliveries on both stores.

use std::time::Duration;

use kernel::Clock as _;
use proptest::{
    sample::Index,
    test_runner::{TestCaseError, TestCaseResult},
};
use store::{DynStore, Lease};
use webhooks::{AttemptFailure, DeliveryHealth, FanOutPhase, Partition};

use super::harness::DifferentialTest;
use crate::queue::attempt_result;

const OWNER: &str = "one";
const LEASE_DURATION: Duration = Duration::from_secs(20);

impl DifferentialTest {
    /// Advances the clock past every low watermark that a store may have returned by itself, so that both stores issue
    /// the same timestamps.
    fn advance_past_watermark(&self) {
        self.clock.advance(Duration::from_millis(2));
    }

    pub(super) async fn fan_out(&self, limit: usize) -> TestCaseResult {
        self.advance_past_watermark();
        let now = self.clock.now();
        self.compare("acquire_lease", async |store| {
            store.acquire_lease(Lease::Distributor, OWNER, now, LEASE_DURATION).await
        })
        .await?;
        let due =
            self.compare("pending_organizations", async |store| store.pending_organizations(None, limit).await).await?;
        for organization in due {
            for phase in [FanOutPhase::Healthy, FanOutPhase::Remaining] {
                let fan_out = async |store: &DynStore| store.fan_out(organization, OWNER, now, limit, phase).await;
                if !self.compare("fan_out", fan_out).await?.remaining {
                    break;
                }
            }
        }
        Ok(())
    }

    pub(super) async fn send(&self, which: Index, limit: usize, succeeds: bool, suspend: bool) -> TestCaseResult {
        let Some(partition) = self.due_partition(which).await? else { return Ok(()) };
        let now = self.clock.now();
        let expires_at = now + LEASE_DURATION;
        let acquire = async |store: &DynStore| store.acquire_partitions(&[partition], OWNER, now, expires_at).await;
        let acquired = self.compare("acquire_partitions", acquire).await?;
        self.compare("partition_revisions", async |store| store.partition_revisions(partition).await).await?;
        let due =
            self.compare("due_deliveries", async |store| store.due_deliveries(partition, now, limit).await).await?;
        let failure = (!succeeds).then_some(AttemptFailure::Refused);
        let results: Vec<_> = due.iter().map(|due| attempt_result(&due.delivery, now, failure)).collect();
        let attempts = results.iter().filter_map(|result| result.after.record.attempts.last());
        let health =
            attempts.fold(acquired.first().map(|acquired| acquired.health).unwrap_or_default(), DeliveryHealth::after);
        // The second time, the results are stale.
        for health in [Some(health), None] {
            self.compare("record_results", async |store| store.record_results(partition, &results, health).await)
                .await?;
        }
        for _ in 0..2 {
            self.compare("release_partition", async |store| {
                store.release_partition(partition, OWNER, now, suspend).await
            })
            .await?;
        }
        self.compare("release_all_partitions", async |store| store.release_all_partitions(OWNER).await).await?;
        Ok(())
    }

    pub(super) async fn cancel(&self, which: Index, limit: usize) -> TestCaseResult {
        let Some(partition) = self.due_partition(which).await? else { return Ok(()) };
        let now = self.clock.now();
        self.compare("cancel_deliveries", async |store| store.cancel_deliveries(partition, now, limit).await).await?;
        Ok(())
    }

    async fn due_partition(&self, which: Index) -> Result<Option<Partition>, TestCaseError> {
        self.advance_past_watermark();
        let now = self.clock.now();
        let partitions = self.compare("due_partitions", async |store| store.due_partitions(now, 100).await).await?;
        Ok(if partitions.is_empty() { None } else { Some(*which.get(&partitions)) })
    }
}
