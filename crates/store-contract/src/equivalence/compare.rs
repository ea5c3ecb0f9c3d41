//! Asking both stores of a pair for everything.

use std::time::Duration;

use auth::ServiceAccount;
use findings::{Finding, FindingEvent, FindingEventFilter};
use kernel::{Clock, Order, Organization, OrganizationId, PageLimit, PageRequest, Reader, Resource, Stored};
use proptest::{prop_assert_ne, test_runner::TestCaseResult};
use registers::Control;
use store::DynStore;

use super::{
    command::{KEYS, SLUGS},
    history::pick,
    pair::Pair,
    query::{List, Query},
};

impl Pair {
    /// Walks one list of both, page by page.
    pub(super) async fn ask(&self, query: &Query) -> TestCaseResult {
        let organization = self.organizations[query.organization];
        let page = query.page;
        match &query.list {
            List::Organizations => self.walk::<Organization>(organization, &Default::default(), page).await,
            List::Accounts => self.walk::<ServiceAccount>(organization, &Default::default(), page).await,
            List::Controls(filter) => self.walk::<Control>(organization, filter, page).await,
            List::Findings(filter) => self.walk::<Finding>(organization, filter, page).await,
            List::Events { about } => {
                let about = about.and_then(|which| pick(&self.history.findings, organization, which));
                let filter = FindingEventFilter { finding: about.map(|finding| finding.meta.id) };
                self.walk::<FindingEvent>(organization, &filter, page).await
            }
            List::Entries(filter) => {
                let what = format!("entries by {filter:?} of {page:?}");
                let mut page = page;
                loop {
                    let (_, next) = self
                        .same(&what, async |store| {
                            let listed = store.entries(organization, filter, &page).await?;
                            Ok((listed.items, listed.next))
                        })
                        .await?;
                    if next.is_none() {
                        return Ok(());
                    }
                    prop_assert_ne!(next, page.after, "a walk does not get on: {}", what);
                    page.after = next;
                }
            }
        }
    }

    async fn walk<R: Resource>(
        &self,
        organization: OrganizationId,
        filter: &R::Filter,
        mut page: PageRequest,
    ) -> TestCaseResult
    where
        DynStore: Reader<R>,
    {
        let what = format!("{} by {filter:?} of {page:?}", R::KIND);
        loop {
            let (_, next) = self
                .same(&what, async |store| {
                    let listed = Reader::<R>::list(store, organization, filter, &page).await?;
                    Ok((listed.items, listed.next))
                })
                .await?;
            if next.is_none() {
                return Ok(());
            }
            prop_assert_ne!(next, page.after, "a walk does not get on: {}", what);
            page.after = next;
        }
    }

    pub(super) async fn compare_everything(&self) -> TestCaseResult {
        self.compare_lists().await?;
        self.compare_records().await?;
        self.compare_logs().await?;
        self.same("organizations", async |store| store.organizations().await).await?;
        self.same("signing_keys", async |store| store.signing_keys().await).await?;
        self.same("pending_events", async |store| store.pending_events().await).await?;
        for claim in &self.claims {
            for now in [self.clock.now(), claim.expires_at - Duration::from_millis(1), claim.expires_at] {
                self.same("answer", async |store| store.answer(&claim.key, now).await).await?;
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
                    List::Events { about: None },
                    List::Entries(Default::default()),
                ] {
                    let page = PageRequest { limit: PageLimit::clamped(5), order, ..PageRequest::default() };
                    self.ask(&Query { organization, page, list }).await?;
                }
            }
        }
        Ok(())
    }

    async fn compare_records(&self) -> TestCaseResult {
        self.compare_gets(&self.history.organizations, SLUGS).await?;
        self.compare_gets(&self.history.accounts, KEYS).await?;
        self.compare_gets(&self.history.controls, KEYS).await?;
        self.compare_gets(&self.history.findings, KEYS).await?;
        self.compare_gets(&self.history.events, KEYS).await?;
        for account in &self.history.accounts {
            let (organization, id) = (account.meta.organization, account.meta.id);
            self.same("by_client_id", async |store| store.by_client_id(id).await).await?;
            self.same("revision", async |store| store.revision(organization, id).await).await?;
            self.same("last_use", async |store| store.last_use(organization, id).await).await?;
        }
        Ok(())
    }

    async fn compare_gets<R: Resource>(&self, versions: &[Stored<R>], keys: &[&str]) -> TestCaseResult
    where
        DynStore: Reader<R>,
    {
        for organization in self.organizations {
            for stored in versions {
                self.same("get", async |store| Reader::<R>::get(store, organization, stored.meta.id).await).await?;
            }
            self.same("with_keys", async |store| {
                let mut found = Reader::<R>::with_keys(store, organization, keys).await?;
                found.sort_by_key(|stored| stored.meta.id);
                Ok(found)
            })
            .await?;
        }
        Ok(())
    }

    async fn compare_logs(&self) -> TestCaseResult {
        self.unsealed(1_000).await?;
        self.same("tail", async |store| store.tail(None).await).await?;
        for organization in self.organizations {
            self.same("tail", async |store| store.tail(Some(organization)).await).await?;
            self.same("head", async |store| store.head(organization).await).await?;
            self.same("sealed", async |store| store.sealed(organization, 0, 1_000).await).await?;
            self.same("checkpoints", async |store| store.checkpoints(organization, 0, 1_000).await).await?;
        }
        Ok(())
    }
}
