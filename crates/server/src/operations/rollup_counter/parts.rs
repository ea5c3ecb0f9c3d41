//! The counts of the parts. Each reads records in pages, which are bounded ranges of an index.

use std::{
    collections::{BTreeSet, HashMap},
    ops::ControlFlow,
};

use auth::AccountId;
use evidence::EvidenceClaim;
use findings::{Finding, Status};
use kernel::{Filter, Id, OrganizationId, PageLimit, PageRequest, Reader, Resource, Stored, Timestamp};
use store::{
    Counts, DeliveryCounts, DynStore, EvidenceCounts, FindingCounts, OpenFindings, OpenHistory, Rollup, RollupPart,
    SubmissionCounts,
};
use submissions::{SubmissionPackage, SubmissionPackageStatus};
use webhooks::{
    DeliveryFilter, DeliveryState, SubscriptionFilter, SubscriptionStatus, WebhookDelivery, WebhookSubscription,
};

use super::{Counted, Interrupted, Leased, MAX_AGE, PAGES_PER_RENEWAL, RollupCounter, missing_days};

/// The maximum number of endpoints whose health is read in one statement.
const MAX_ENDPOINTS: usize = 200;

/// The low watermark of a count, the time at which it changes by itself, and its numbers.
type PartCount = (Timestamp, (Timestamp, Counts));

impl RollupCounter {
    /// Counts a part. `previous` is the time of the last count of findings.
    pub(super) async fn count(
        &self,
        organization: OrganizationId,
        part: RollupPart,
        previous: Option<Timestamp>,
        leased: Leased,
    ) -> Result<Counted, Interrupted> {
        let now = self.clock.now();
        let mut days = Vec::new();
        let (as_of, (due_at, counts)) = match part {
            RollupPart::Findings => {
                let history = missing_days(previous, now);
                self.count_findings(organization, (FindingCounts::new(now), history, &mut days), leased).await?
            }
            RollupPart::Evidence => {
                let mut counts = EvidenceCounts::new(now);
                let add = |claim: &Stored<EvidenceClaim>| {
                    counts.add(claim);
                    ControlFlow::Continue(())
                };
                (self.read(organization, &Filter::default(), leased, add).await?, counts.to_counts())
            }
            RollupPart::Submissions => {
                let mut counts = SubmissionCounts::new(now);
                let add = |package: &Stored<SubmissionPackage>| {
                    counts.add(package);
                    ControlFlow::Continue(())
                };
                let filter = Filter::default().with("status", SubmissionPackageStatus::AWAITING_SUBMISSION);
                (self.read(organization, &filter, leased, add).await?, counts.to_counts())
            }
            RollupPart::Deliveries => self.count_deliveries(organization, DeliveryCounts::new(now), leased).await?,
        };
        let due_at = due_at.min(now + MAX_AGE);
        Ok(Counted { rollup: Rollup { part, as_of, counted_at: now, due_at, counts }, days })
    }

    async fn count_findings(
        &self,
        organization: OrganizationId,
        (mut counts, mut history, days): (FindingCounts, Option<OpenHistory>, &mut Vec<OpenFindings>),
        leased: Leased,
    ) -> Result<PartCount, Interrupted> {
        // Only the history needs the findings that are closed.
        let filter = match &history {
            Some(_) => Filter::default(),
            None => Filter::default().with("status", Status::AWAITING_REMEDIATION),
        };
        let add = |finding: &Stored<Finding>| {
            counts.add(finding);
            if let Some(history) = &mut history {
                history.add(finding);
            }
            ControlFlow::Continue(())
        };
        let as_of = self.read(organization, &filter, leased, add).await?;
        let today = counts.today();
        days.extend(history.iter().flat_map(OpenHistory::days).filter(|findings| findings.day < today.day));
        days.push(today);
        Ok((as_of, counts.to_counts()))
    }

    async fn count_deliveries(
        &self,
        organization: OrganizationId,
        mut counts: DeliveryCounts,
        leased: Leased,
    ) -> Result<PartCount, Interrupted> {
        let mut accounts: HashMap<Id<WebhookSubscription>, AccountId> = HashMap::new();
        let filter = SubscriptionFilter { account: None, statuses: BTreeSet::from([SubscriptionStatus::Active]) };
        let add = |subscription: &Stored<WebhookSubscription>| {
            accounts.insert(subscription.meta.id, subscription.record.account);
            ControlFlow::Continue(())
        };
        let as_of = self.read(organization, &filter, leased, add).await?;
        let subscriptions: Vec<_> = accounts.keys().copied().collect();
        let mut failing = HashMap::new();
        for subscriptions in subscriptions.chunks(MAX_ENDPOINTS) {
            let health = self.store.delivery_health(organization, subscriptions).await?;
            failing.extend(health.into_iter().filter_map(|(id, health)| Some((id, health.failing_since?))));
        }
        for (subscription, account) in &accounts {
            counts.add_endpoint(*subscription, *account, failing.get(subscription).copied());
        }
        let states = BTreeSet::from([DeliveryState::Pending, DeliveryState::Failed]);
        let filter = DeliveryFilter { states, ..DeliveryFilter::default() };
        let mut read = 0;
        let add = |delivery: &Stored<WebhookDelivery>| {
            read += 1;
            if read > DeliveryCounts::MAX_COUNTED {
                counts.is_partial = true;
                return ControlFlow::Break(());
            }
            // Those of a subscription that is not active are suspended.
            if let Some(account) = accounts.get(&delivery.record.subscription) {
                counts.add_waiting(*account);
            }
            ControlFlow::Continue(())
        };
        self.read(organization, &filter, leased, add).await?;
        Ok((as_of, counts.to_counts()))
    }

    /// Reads the records that match, page by page, until `visit` breaks. Returns the low watermark of the first page. A
    /// record that changes between two pages is counted in either state, and then again, since it changes after the
    /// watermark.
    async fn read<R: Resource>(
        &self,
        organization: OrganizationId,
        filter: &R::Filter,
        leased: Leased,
        mut visit: impl FnMut(&Stored<R>) -> ControlFlow<()> + Send,
    ) -> Result<Timestamp, Interrupted>
    where
        DynStore: Reader<R>,
    {
        let mut page = PageRequest { limit: PageLimit::clamped(u64::from(PageLimit::MAX)), ..PageRequest::default() };
        let mut as_of = None;
        let mut pages = 0;
        loop {
            let listed = Reader::<R>::list(&*self.store, organization, filter, &page).await?;
            let watermark = *as_of.get_or_insert(listed.as_of);
            let has_broken = listed.items.iter().any(|record| visit(record).is_break());
            page.after = listed.next;
            if page.after.is_none() || has_broken {
                return Ok(watermark);
            }
            pages += 1;
            if leased == Leased::Yes && pages % PAGES_PER_RENEWAL == 0 {
                self.keep_lease().await?;
            }
        }
    }
}
