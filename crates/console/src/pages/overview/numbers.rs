//! The data that the overview shows.

use std::collections::BTreeMap;

use auth::{Account, AccountId, AccountStatus, ServiceAccount};
use findings::{Finding, Status};
use http_api::{pipeline::App, response::Problem};
use kernel::{Filter, Order, OrganizationId, PageLimit, PageRequest, Reader, Stored, TimeRange, Timestamp};
use registers::{SubmissionPackage, SubmissionRequirement};
use store::{
    CallTotals, Day, DeliveryCounts, DynStore, EvidenceCounts, FindingCounts, OpenFindings, Rollup, RollupPart,
    SubmissionCounts, calls_by_hour, delivery_counts, evidence_counts, finding_counts, is_current, submission_counts,
};

use crate::pages::{findings::owner_of, owners::Owners};

/// The number of findings that are listed.
const SHOWN_FINDINGS: u64 = 5;

/// The number of accounts whose calls are read.
const READ_ACCOUNTS: u64 = 25;

/// The number of accounts that are shown, those with the most calls.
const SHOWN_ACCOUNTS: usize = 8;

/// Everything that the page shows. Counts are `None` before the first count.
pub(super) struct OverviewData {
    pub(super) now: Timestamp,
    pub(super) weeks: u8,
    pub(super) findings: Option<FindingCounts>,
    pub(super) evidence: Option<EvidenceCounts>,
    pub(super) submissions: Option<SubmissionCounts>,
    /// The oldest time at which the numbers of the page were those of the records; `None` if one was not counted yet.
    pub(super) as_of: Option<Timestamp>,
    /// The open findings at the ends of the days of the period, oldest first.
    pub(super) days: Vec<OpenFindings>,
    /// The findings that have been overdue for longest.
    pub(super) overdue: Vec<Stored<Finding>>,
    /// The names of their owners.
    pub(super) owners: Owners,
    /// The packages that are due next.
    pub(super) packages: Vec<DuePackage>,
    /// `None` if the viewer may not see them.
    pub(super) integrations: Option<Integrations>,
}

/// A package that is due.
pub(super) struct DuePackage {
    pub(super) package: Stored<SubmissionPackage>,
    pub(super) due_at: Timestamp,
    pub(super) recipient: Option<String>,
}

/// The service accounts and their calls.
pub(super) struct Integrations {
    pub(super) deliveries: Option<DeliveryCounts>,
    /// The name of the account whose endpoint has failed for longest, with the time since which it does.
    pub(super) failing: Option<(String, Timestamp)>,
    /// The accounts with the most calls first.
    pub(super) accounts: Vec<AccountHealth>,
    /// Whether there are accounts that are not shown.
    pub(super) has_more: bool,
}

/// A service account with its calls of the last 24 hours.
pub(super) struct AccountHealth {
    pub(super) account: Account,
    pub(super) calls: Vec<CallTotals>,
    pub(super) last_used: Option<Timestamp>,
}

impl OverviewData {
    /// Reads the data of an organization for this number of weeks.
    pub(super) async fn read(
        app: &App,
        organization: OrganizationId,
        weeks: u8,
        shows_integrations: bool,
    ) -> Result<Self, Problem> {
        let (store, now) = (&*app.services.store, app.services.clock.now());
        let rollups = store.rollups(organization).await?;
        // Four weeks at least, which the number of open findings is compared with.
        let first = Day::of(now).plus(-7 * i64::from(weeks));
        let submissions = submission_counts(&rollups);
        let packages = match &submissions {
            Some(counts) => due_packages(store, organization, counts).await?,
            None => Vec::new(),
        };
        let integrations = if shows_integrations {
            Some(Integrations::read(store, organization, delivery_counts(&rollups), now).await?)
        } else {
            None
        };
        let overdue = overdue_findings(store, organization, now).await?;
        let owners = overdue.iter().filter_map(|finding| owner_of(&finding.record));
        let owners = Owners::load(app, organization, owners).await?;
        Ok(Self {
            now,
            weeks,
            findings: finding_counts(&rollups),
            evidence: evidence_counts(&rollups),
            submissions,
            as_of: as_of(store, organization, &rollups, shows_integrations, now).await?,
            days: store.open_findings(organization, first).await?,
            overdue,
            owners,
            packages,
            integrations,
        })
    }

    /// Whether nothing was counted yet: neither open findings, now or before, nor evidence, nor submissions.
    pub(super) fn is_empty(&self) -> bool {
        self.findings.as_ref().is_none_or(|counts| counts.total() == 0)
            && self.days.iter().all(|day| day.total() == 0)
            && self.evidence.as_ref().is_none_or(EvidenceCounts::is_empty)
            && self.packages.is_empty()
    }

    /// The open findings at the end of this day, or of the last day before it that was counted.
    pub(super) fn open_on(&self, day: Day) -> Option<&OpenFindings> {
        self.days.iter().rev().find(|findings| findings.day <= day)
    }
}

/// The oldest time at which the shown parts were counted or, if a part is still current, are confirmed: now.
async fn as_of(
    store: &DynStore,
    organization: OrganizationId,
    rollups: &[Rollup],
    shows_integrations: bool,
    now: Timestamp,
) -> Result<Option<Timestamp>, Problem> {
    let mut oldest = now;
    for part in RollupPart::ALL {
        if *part == RollupPart::Deliveries && !shows_integrations {
            continue;
        }
        let Some(rollup) = rollups.iter().find(|rollup| rollup.part == *part) else { return Ok(None) };
        if !is_current(store, organization, rollup, now).await? {
            oldest = oldest.min(rollup.counted_at);
        }
    }
    Ok(Some(oldest))
}

/// A range of the index of due dates for each status of open findings.
async fn overdue_findings(
    store: &DynStore,
    organization: OrganizationId,
    now: Timestamp,
) -> Result<Vec<Stored<Finding>>, Problem> {
    let page = PageRequest {
        limit: PageLimit::clamped(SHOWN_FINDINGS),
        order: Order::Due,
        time_range: TimeRange { due_before: Some(now), ..TimeRange::default() },
        ..PageRequest::default()
    };
    let filter = Filter::default().with("status", Status::AWAITING_REMEDIATION);
    Ok(Reader::<Finding>::list(store, organization, &filter, &page).await?.items)
}

/// The packages that the rollup names, except those that were submitted since.
async fn due_packages(
    store: &DynStore,
    organization: OrganizationId,
    counts: &SubmissionCounts,
) -> Result<Vec<DuePackage>, Problem> {
    let mut packages = Vec::new();
    for (_, id) in counts.next() {
        let Some(package) = Reader::<SubmissionPackage>::get(store, organization, id).await? else { continue };
        let Some(due_at) = package.record.due_at else { continue };
        if !package.record.status.awaits_submission() {
            continue;
        }
        let requirement = package.record.submission_requirement_id;
        let requirement = Reader::<SubmissionRequirement>::get(store, organization, requirement).await?;
        let recipient = requirement.and_then(|requirement| requirement.record.recipient_name);
        packages.push(DuePackage { package, due_at, recipient: recipient.map(|name| name.to_string()) });
    }
    packages.sort_by_key(|due| due.due_at);
    Ok(packages)
}

impl Integrations {
    async fn read(
        store: &DynStore,
        organization: OrganizationId,
        deliveries: Option<DeliveryCounts>,
        now: Timestamp,
    ) -> Result<Self, Problem> {
        let page = PageRequest { limit: PageLimit::clamped(READ_ACCOUNTS), ..PageRequest::default() };
        let listed = Reader::<ServiceAccount>::list(store, organization, &Default::default(), &page).await?;
        let is_active = |account: &Account| account.record.status == AccountStatus::Active;
        let active: Vec<Account> = listed.items.into_iter().filter(is_active).collect();
        let ids: Vec<AccountId> = active.iter().map(|account| account.meta.id).collect();
        let mut calls: BTreeMap<AccountId, Vec<CallTotals>> = calls_by_hour(store, organization, &ids, now).await?;
        let mut accounts = Vec::new();
        for account in active {
            let calls = calls.remove(&account.meta.id).unwrap_or_default();
            let last_used = store.last_used(organization, account.meta.id).await?;
            accounts.push(AccountHealth { account, calls, last_used });
        }
        accounts.sort_by_key(|health| std::cmp::Reverse(health.total().total()));
        let has_more = listed.next.is_some() || accounts.len() > SHOWN_ACCOUNTS;
        accounts.truncate(SHOWN_ACCOUNTS);
        let oldest = deliveries.as_ref().and_then(|counts| counts.failing().min_by_key(|(.., since)| *since));
        let failing = match oldest {
            Some((_, account, since)) => Reader::<ServiceAccount>::get(store, organization, account)
                .await?
                .map(|account| (account.record.name.to_string(), since)),
            None => None,
        };
        Ok(Self { deliveries, failing, accounts, has_more })
    }
}

impl AccountHealth {
    /// The calls of all hours.
    pub(super) fn total(&self) -> CallTotals {
        let mut total = CallTotals::default();
        self.calls.iter().for_each(|calls| total.add(*calls));
        total
    }
}
