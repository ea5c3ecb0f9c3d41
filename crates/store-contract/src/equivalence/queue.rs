//! Sending what waits, on both stores of a pair.

use std::time::Duration;

use kernel::Clock as _;
use proptest::{
    sample::Index,
    test_runner::{TestCaseError, TestCaseResult},
};
use store::{DynStore, Lease};
use webhooks::{Audience, Failure, Lane, LaneSigns};

use super::pair::Pair;
use crate::queue::attempted;

const HOLDER: &str = "one";
const SPAN: Duration = Duration::from_secs(20);

impl Pair {
    /// Moves the clock past every horizon that a store may have told by itself, so that both stamp alike.
    fn settle_down(&self) {
        self.clock.advance(Duration::from_millis(2));
    }

    pub(super) async fn distribute(&self, limit: usize) -> TestCaseResult {
        self.settle_down();
        let now = self.clock.now();
        self.same("hold", async |store| store.hold(Lease::Distributor, HOLDER, now, SPAN).await).await?;
        let due = self.same("undistributed", async |store| store.undistributed(None, limit).await).await?;
        for organization in due {
            for audience in [Audience::Sound, Audience::All] {
                let distribute =
                    async |store: &DynStore| store.distribute(organization, HOLDER, now, limit, audience).await;
                if !self.same("distribute", distribute).await?.left {
                    break;
                }
            }
        }
        Ok(())
    }

    pub(super) async fn send(&self, which: Index, limit: usize, good: bool, parked: bool) -> TestCaseResult {
        let Some(lane) = self.due_lane(which).await? else { return Ok(()) };
        let now = self.clock.now();
        let claim = self.same("claim", async |store| store.claim(&[lane], HOLDER, now, now + SPAN).await).await?;
        self.same("standing", async |store| store.standing(lane).await).await?;
        let due = self.same("due", async |store| store.due(lane, now, limit).await).await?;
        let failure = (!good).then_some(Failure::Refused);
        let settlements: Vec<_> = due.iter().map(|due| attempted(&due.delivery, now, failure)).collect();
        let attempts = settlements.iter().filter_map(|settlement| settlement.after.record.attempts.last());
        let signs = attempts.fold(claim.first().map(|claim| claim.signs).unwrap_or_default(), LaneSigns::after);
        // The second time comes too late.
        for signs in [Some(signs), None] {
            self.same("settle", async |store| store.settle(lane, &settlements, signs).await).await?;
        }
        for _ in 0..2 {
            self.same("give_up", async |store| store.give_up(lane, HOLDER, now, parked).await).await?;
        }
        self.same("give_up_all", async |store| store.give_up_all(HOLDER).await).await?;
        Ok(())
    }

    pub(super) async fn cancel(&self, which: Index, limit: usize) -> TestCaseResult {
        let Some(lane) = self.due_lane(which).await? else { return Ok(()) };
        let now = self.clock.now();
        self.same("cancel", async |store| store.cancel(lane, now, limit).await).await?;
        Ok(())
    }

    async fn due_lane(&self, which: Index) -> Result<Option<Lane>, TestCaseError> {
        self.settle_down();
        let now = self.clock.now();
        let lanes = self.same("lanes_due", async |store| store.lanes_due(now, 100).await).await?;
        Ok(if lanes.is_empty() { None } else { Some(*which.get(&lanes)) })
    }
}
