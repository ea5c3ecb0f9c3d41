//! Comparisons of all that can be read from both stores.

use std::time::Duration;

use auth::ServiceAccount;
use findings::{Finding, FindingEvent, FindingEventFilter};
use kernel::{
    Clock, Filter, Order, Organization, OrganizationId, Page, PageLimit, PageRequest, Reader, Resource, StoreError,
    Stored, StreamRequest,
};
use proptest::test_runner::TestCaseResult;
use registers::{Control, Measurement};
use store::DynStore;
use submissions::{SubmissionEvent, SubmissionPackage};
use ulid::Ulid;
use webhooks::{DeliveryFilter, EventBodies, SubscriptionFilter, WebhookDelivery, WebhookSubscription};

use super::{
    command::{KEYS, SLUGS},
    harness::DifferentialTest,
    history::pick,
    query::{List, Query},
};
use crate::fixture::drain;

/// Reads all pages of a list. Stores may end their pages at different positions: a page may be short.
async fn list_all<T>(
    mut page: PageRequest,
    list: impl AsyncFn(&PageRequest) -> Result<Page<T>, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut all = Vec::new();
    loop {
        let listed = list(&page).await?;
        assert!(listed.items.len() <= page.limit.get(), "a page exceeds the requested limit");
        all.extend(listed.items);
        if listed.next.is_none() {
            return Ok(all);
        }
        assert_ne!(listed.next, page.after, "the next page begins at the same position");
        page.after = listed.next;
    }
}

impl DifferentialTest {
    /// Compares one list of both stores, read page by page and, if the query asks for it, as a stream.
    pub(super) async fn run_query(&self, query: &Query) -> TestCaseResult {
        let organization = self.organizations[query.organization];
        let page = query.page;
        match &query.list {
            List::Organizations => self.compare_list::<Organization>(organization, &Default::default(), query).await,
            List::Accounts => self.compare_list::<ServiceAccount>(organization, &Default::default(), query).await,
            List::Controls(filter) => self.compare_list::<Control>(organization, filter, query).await,
            List::Findings(filter) => self.compare_list::<Finding>(organization, filter, query).await,
            List::Events { finding } => {
                let finding = finding.and_then(|which| pick(&self.history.findings, organization, which));
                let filter = FindingEventFilter::default().with("finding_id", finding.map(|finding| finding.meta.id));
                self.compare_list::<FindingEvent>(organization, &filter, query).await
            }
            List::Subscriptions { account, statuses } => {
                let account = account.and_then(|which| pick(&self.history.accounts, organization, which));
                let filter =
                    SubscriptionFilter { account: account.map(|account| account.meta.id), statuses: statuses.clone() };
                self.compare_list::<WebhookSubscription>(organization, &filter, query).await
            }
            List::Deliveries { subscription, states } => {
                let subscription =
                    subscription.and_then(|which| pick(&self.history.subscriptions, organization, which));
                let subscription = subscription.map(|subscription| subscription.meta.id);
                let filter = DeliveryFilter { subscription, states: states.clone(), ..DeliveryFilter::default() };
                self.compare_list::<WebhookDelivery>(organization, &filter, query).await
            }
            List::Packages(filter) => self.compare_list::<SubmissionPackage>(organization, filter, query).await,
            List::PackageEvents { package } => {
                let package = package.and_then(|which| pick(&self.history.packages, organization, which));
                let package = package.map(|package| package.meta.id);
                let filter = Filter::default().with("submission_package_id", package);
                self.compare_list::<SubmissionEvent>(organization, &filter, query).await
            }
            List::Measurements(filter) => self.compare_list::<Measurement>(organization, filter, query).await,
            List::Entries(filter) => {
                let what = format!("entries by {filter:?} of {page:?}");
                let request = StreamRequest { order: page.order, time_range: page.time_range };
                if query.streamed {
                    self.compare(&what, async |store| {
                        drain(store.stream_entries(organization, filter, &request).await?.batches).await
                    })
                    .await?;
                }
                self.compare(&what, async |store| {
                    list_all(page, async |page| store.entries(organization, filter, page).await).await
                })
                .await?;
                Ok(())
            }
        }
    }

    async fn compare_list<R: Resource>(
        &self,
        organization: OrganizationId,
        filter: &R::Filter,
        query: &Query,
    ) -> TestCaseResult
    where
        DynStore: Reader<R>,
    {
        let page = query.page;
        let what = format!("{} by {filter:?} of {page:?}", R::KIND);
        let request = StreamRequest { order: page.order, time_range: page.time_range };
        if query.streamed {
            self.compare(&what, async |store| {
                drain(Reader::<R>::stream(store, organization, filter, &request).await?.batches).await
            })
            .await?;
        }
        self.compare(&what, async |store| {
            list_all(page, async |page| Reader::<R>::list(store, organization, filter, page).await).await
        })
        .await?;
        Ok(())
    }

    pub(super) async fn compare_everything(&self) -> TestCaseResult {
        self.compare_lists().await?;
        self.compare_records().await?;
        self.compare_logs().await?;
        self.compare_queue().await?;
        self.compare("organizations", async |store| store.organizations().await).await?;
        // Their timestamps are not compared, because each store takes them from its own clock.
        self.compare("signing_keys", async |store| {
            Ok(store.signing_keys().await?.keys().iter().map(|key| key.key.clone()).collect::<Vec<_>>())
        })
        .await?;
        self.compare("pending_events", async |store| store.pending_events().await).await?;
        for record in &self.claims {
            for now in [self.clock.now(), record.expires_at - Duration::from_millis(1), record.expires_at] {
                self.compare("stored_response", async |store| store.stored_response(&record.key, now).await).await?;
            }
        }
        Ok(())
    }

    async fn compare_lists(&self) -> TestCaseResult {
        for organization in 0..2 {
            for order in [Order::Newest, Order::Changed] {
                for list in [
                    List::Organizations,
                    List::Accounts,
                    List::Controls(Default::default()),
                    List::Findings(Default::default()),
                    List::Events { finding: None },
                    List::Subscriptions { account: None, statuses: Default::default() },
                    List::Deliveries { subscription: None, states: Default::default() },
                    List::Entries(Default::default()),
                    List::Packages(Default::default()),
                    List::PackageEvents { package: None },
                    List::Measurements(Default::default()),
                ] {
                    let page = PageRequest { limit: PageLimit::clamped(5), order, ..PageRequest::default() };
                    self.run_query(&Query { organization, page, list, streamed: false }).await?;
                }
            }
        }
        Ok(())
    }

    async fn compare_records(&self) -> TestCaseResult {
        self.compare_reads(&self.history.organizations, SLUGS).await?;
        self.compare_reads(&self.history.accounts, KEYS).await?;
        self.compare_reads(&self.history.controls, KEYS).await?;
        self.compare_reads(&self.history.findings, KEYS).await?;
        self.compare_reads(&self.history.events, KEYS).await?;
        self.compare_reads(&self.history.subscriptions, KEYS).await?;
        self.compare_reads(&self.history.packages, KEYS).await?;
        self.compare_reads(&self.history.package_events, KEYS).await?;
        self.compare_reads(&self.history.measurements, KEYS).await?;
        for account in &self.history.accounts {
            let (organization, id) = (account.meta.organization, account.meta.id);
            self.compare("by_client_id", async |store| store.by_client_id(id).await).await?;
            self.compare("revision", async |store| store.revision(organization, id).await).await?;
            self.compare("last_used", async |store| store.last_used(organization, id).await).await?;
        }
        Ok(())
    }

    async fn compare_reads<R: Resource>(&self, versions: &[Stored<R>], keys: &[&str]) -> TestCaseResult
    where
        DynStore: Reader<R>,
    {
        for organization in self.organizations {
            for stored in versions {
                self.compare("get", async |store| Reader::<R>::get(store, organization, stored.meta.id).await).await?;
            }
            self.compare("get_by_keys", async |store| {
                let mut found = Reader::<R>::get_by_keys(store, organization, keys).await?;
                found.sort_by_key(|stored| stored.meta.id);
                Ok(found)
            })
            .await?;
            self.compare("get_by_key_ranges", async |store| {
                let ranges: Vec<_> = keys.iter().map(|key| *key.."~").collect();
                let mut found = Reader::<R>::get_by_key_ranges(store, organization, &ranges).await?;
                found.sort_by_key(|stored| stored.meta.id);
                Ok(found)
            })
            .await?;
        }
        Ok(())
    }

    async fn compare_queue(&self) -> TestCaseResult {
        for at in [self.clock.now(), self.clock.now() + Duration::from_secs(3_600)] {
            self.compare("due_partitions", async |store| store.due_partitions(at, 100).await).await?;
            self.compare("delivery_lag", async |store| store.delivery_lag(at).await).await?;
        }
        let subscriptions: Vec<_> = self.history.subscriptions.iter().map(|stored| stored.meta.id).collect();
        for organization in self.organizations {
            self.compare("delivery_health", async |store| store.delivery_health(organization, &subscriptions).await)
                .await?;
            self.compare("events", async |store| {
                store.events(organization, Ulid::nil(), Ulid::max(), 1_000, EventBodies::Included).await
            })
            .await?;
        }
        Ok(())
    }

    async fn compare_logs(&self) -> TestCaseResult {
        self.compare("tail", async |store| store.unsealed_stats(None).await).await?;
        for organization in self.organizations {
            self.compare("tail", async |store| store.unsealed_stats(Some(organization)).await).await?;
            self.compare("head", async |store| store.head(organization).await).await?;
            self.compare("sealed", async |store| store.sealed(organization, 0, 1_000).await).await?;
            self.compare("checkpoints", async |store| store.checkpoints(organization, 0, 1_000).await).await?;
        }
        Ok(())
    }
}
