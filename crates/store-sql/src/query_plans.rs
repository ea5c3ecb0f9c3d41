//! The query plans of lists on SQLite: every list is a range scan of an index.
#![cfg(test)]

mod every_list;
pub(crate) mod on_postgres;

use ::audit::AuditFilter;
use findings::{Finding, FindingFilter, Severity, SourceKind, Status};
use kernel::{Comparison, Id, Order, PageRequest, Position, RecordKey, Reference, StoreError, TimeRange, Timestamp};
use ulid::Ulid;

use self::every_list::{Indexes, every_list};
use crate::{
    engine::{DatabaseUrl, RowReader, Sql, Value},
    ports::{
        audit::entry_list,
        evidence::{EXPIRED_CLAIMS, UNLINKED_ATTACHMENTS},
    },
    records::{ListQuery, ListStatement, Statements, table::Table},
    schema::Database,
};

/// The scan limit of a page.
const SCAN_LIMIT: usize = 2_000;

pub(crate) struct PlanFixture {
    database: Database,
    _folder: tempfile::TempDir,
}

impl PlanFixture {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&DatabaseUrl::Sqlite(folder.path().join("plans.db"))).await.unwrap();
        database.migrate(Timestamp::from_millis(0)).await.unwrap();
        Self { database, _folder: folder }
    }

    pub(crate) async fn plan_steps(&self, sql: &Sql, values: Vec<Value<'static>>) -> Vec<String> {
        let query = (sql.explain_query_plan(), values);
        self.database
            .engine
            .read(query, |(sql, values), session| Box::pin(session.fetch(sql, values, read_step)))
            .await
            .unwrap()
    }

    /// The columns of each index.
    async fn indexes(&self) -> Indexes {
        let text = "SELECT s.name, i.name FROM sqlite_schema AS s JOIN pragma_index_info(s.name) AS i \
                    WHERE s.type = 'index' ORDER BY s.name, i.seqno";
        let read = |cells: &mut RowReader<'_>| Ok((cells.text()?.to_owned(), cells.text()?.to_owned()));
        let columns = self
            .database
            .engine
            .read(Sql::from_numbered_text(text), move |sql, session| Box::pin(session.fetch(sql, &[], read)));
        let mut indexes = Indexes::new();
        for (index, column) in columns.await.unwrap() {
            indexes.entry(index).or_default().push(column);
        }
        indexes
    }

    async fn list<R: Table>(&self, filter: &R::Filter, page: &PageRequest) -> Vec<String> {
        let query =
            ListQuery::for_records(Id::<kernel::Organization>::new(Ulid(1)).into(), R::filter_values(filter), page);
        let ListStatement { sql, values, .. } = Statements::for_kind(R::KIND).list(&query, SCAN_LIMIT);
        self.plan_steps(&sql, values).await
    }
}

fn read_step(cells: &mut RowReader<'_>) -> Result<String, StoreError> {
    for _ in 0..3 {
        cells.int()?;
    }
    cells.text().map(str::to_owned)
}

fn pages() -> [PageRequest; 3] {
    let since = TimeRange { updated_after: Some(Timestamp::from_millis(5)), ..TimeRange::default() };
    [
        PageRequest::default(),
        PageRequest { time_range: since, ..PageRequest::default() },
        PageRequest { time_range: since, order: Order::Changed, ..PageRequest::default() },
    ]
}

/// Asserts that the plan has `count` ranges of this index, in its order, and for each row of the page a lookup by
/// identifier, and sorts nothing. If not all rows of a range belong to the page, the ranges occur twice: for the page
/// and for its end.
#[track_caller]
fn assert_ranges(steps: &[String], index: &str, count: usize) {
    assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{steps:#?}");
    let reads: Vec<_> = steps.iter().filter(|step| step.contains(" USING ") && !step.contains(" t USING ")).collect();
    assert!(reads.len() == count || reads.len() == 2 * count, "{count} times {index}: {steps:#?}");
    for read in reads {
        assert!(read.starts_with("SEARCH") && read.contains(&format!("INDEX {index} ")), "{index}: {steps:#?}");
    }
    let scans: Vec<_> = steps.iter().filter(|step| step.starts_with("SCAN")).collect();
    assert!(scans.iter().all(|scan| ["SCAN l", "SCAN page"].contains(&scan.as_str())), "{steps:#?}");
}

#[tokio::test]
async fn every_list_of_every_kind_scans_only_ranges_of_the_index_for_it() {
    let planned = PlanFixture::new().await;
    let indexes = planned.indexes().await;
    let mut faults = Vec::new();
    for list in every_list() {
        let steps = planned.plan_steps(&list.sql, list.values.clone()).await;
        let read = |step: &String| {
            let how = step.strip_prefix(&format!("SEARCH {} USING ", list.table))?.trim_start_matches("COVERING ");
            Some(how.strip_prefix("INDEX ").and_then(|index| index.split(' ').next()).map(str::to_owned))
        };
        let scans = steps.iter().filter(|step| **step == format!("SCAN {}", list.table)).map(|_| None);
        let read: Vec<_> = steps.iter().filter_map(read).chain(scans).collect();
        let read: Vec<_> = read.iter().map(Option::as_deref).collect();
        let sorts = steps.iter().any(|step| step.contains("TEMP B-TREE"));
        faults.extend(list.faults(&indexes, &read, sorts, &steps));
    }
    assert!(faults.is_empty(), "{} plans: {}", faults.len(), faults[0]);
}

/// Returns the plan without the steps that look up a matching entry and its seal by key.
fn without_seal_lookups(mut steps: Vec<String>) -> Vec<String> {
    let seal = "SEARCH s USING INDEX audit_seals_entry (organization_id=? AND entry_id=?)";
    assert!(steps.iter().any(|step| step == seal), "{steps:#?}");
    let entry = "SEARCH e USING INDEX sqlite_autoindex_audit_entries_1 (organization_id=? AND id=?)";
    steps.retain(|step| ![seal, entry].contains(&step.as_str()) && !step.starts_with("CORRELATED SCALAR SUBQUERY"));
    steps
}

/// The pages of the records with a due date, and of those without one.
fn due_pages() -> [PageRequest; 4] {
    let dated = PageRequest { order: Order::Due, ..PageRequest::default() };
    let range = TimeRange { due_after: Some(Timestamp::from_millis(5)), ..TimeRange::default() };
    let changed = TimeRange { updated_after: Some(Timestamp::from_millis(5)), ..TimeRange::default() };
    [
        dated,
        PageRequest { time_range: range, ..dated },
        PageRequest { time_range: changed, ..dated },
        PageRequest { after: Some(Position::Due(None, Ulid(5))), ..dated },
    ]
}

#[tokio::test]
async fn a_range_of_due_dates_is_checked_beside_the_scan_order() {
    let planned = PlanFixture::new().await;
    let open = FindingFilter::default().with("status", [Status::Open]);
    for (page, index) in pages().iter().zip(["findings_status", "findings_status", "findings_status_changed"]) {
        let time_range = TimeRange { due_before: Some(Timestamp::from_millis(5)), ..page.time_range };
        let page = PageRequest { time_range, ..*page };
        assert_ranges(&planned.list::<Finding>(&open, &page).await, index, 1);
    }
}

const BY_ID: &str = "sqlite_autoindex_findings_1";

#[tokio::test]
async fn several_values_scan_a_range_each_and_nothing_is_sorted() {
    let planned = PlanFixture::new().await;
    let several = FindingFilter::default().with("status", [Status::Open, Status::Triaged]);
    let subjects = (0..50).map(|number| Reference::parse(&format!("r-{number}")).unwrap());
    let many = FindingFilter::default().with("subject_resource_id", subjects);
    for (filter, indexes, ranges) in [
        (several, ["findings_status", "findings_status", "findings_status_changed"], 8),
        (many, ["findings_subject", "findings_subject", "findings_subject_changed"], 64),
    ] {
        for (page, index) in pages().iter().zip(indexes) {
            assert_ranges(&planned.list::<Finding>(&filter, page).await, index, ranges);
        }
    }
}

#[tokio::test]
async fn the_most_selective_of_several_filters_drives_the_query() {
    let planned = PlanFixture::new().await;
    let status = FindingFilter::default().with("status", [Status::Open]);
    let both = status.clone().with("severity", [Severity::Low]);
    let fewer = both.clone().with("status", [Status::Open, Status::Triaged]);
    let subject = both.clone().with("subject_resource_id", [Reference::parse("x").unwrap()]);
    let all = both.clone().with("source_kind", [SourceKind::Manual]);
    for (filter, index) in [
        (status, "findings_status"),
        (both, "findings_status"),
        (all, "findings_status"),
        (fewer, "findings_severity"),
        (subject, "findings_subject"),
    ] {
        let changed = format!("{index}_changed");
        for (page, index) in pages().iter().zip([index, index, &changed]) {
            assert_ranges(&planned.list::<Finding>(&filter, page).await, index, 1);
        }
    }
}

#[tokio::test]
async fn a_filter_with_more_values_than_max_ranges_is_checked_row_by_row() {
    let planned = PlanFixture::new().await;
    let subjects = (0..65).map(|number| Reference::parse(&format!("r-{number}")).unwrap());
    let filter = FindingFilter::default().with("subject_resource_id", subjects);
    for (page, index) in pages().iter().zip([BY_ID, BY_ID, "findings_changed"]) {
        assert_ranges(&planned.list::<Finding>(&filter, page).await, index, 1);
    }
}

#[tokio::test]
async fn a_list_by_last_change_uses_its_index_with_any_creation_range() {
    let planned = PlanFixture::new().await;
    let created_after = Some(Timestamp::from_millis(3));
    let [.., changed] = pages();
    let page = PageRequest { time_range: TimeRange { created_after, ..changed.time_range }, ..changed };
    assert_ranges(&planned.list::<Finding>(&FindingFilter::default(), &page).await, "findings_changed", 1);
}

#[tokio::test]
async fn each_key_is_looked_up_in_the_index_of_keys() {
    let planned = PlanFixture::new().await;
    for keys in [&["k"][..], &["k", "l"]] {
        let keys: Vec<_> = keys.iter().map(|key| RecordKey::parse(key).unwrap()).collect();
        let filter = FindingFilter::default().with("finding_key", keys);
        for page in pages().iter().chain(&due_pages()) {
            let steps = planned.list::<Finding>(&filter, page).await;
            assert!(
                steps.iter().any(|step| step.contains("INDEX findings_key (organization_id=? AND key=?)")),
                "{steps:#?}"
            );
            assert!(!steps.iter().any(|step| step.contains("SCAN findings")), "{steps:#?}");
        }
    }
    let sql = Statements::for_kind(kernel::Kind::Finding).with_keys(500).unwrap();
    let steps = planned.plan_steps(&sql, vec![Value::text("x"); 513]).await;
    assert!(steps[0].contains("INDEX findings_key (organization_id=? AND key=?)"), "{steps:#?}");
}

#[tokio::test]
async fn each_range_of_keys_is_read_in_the_order_of_the_index_of_keys() {
    let planned = PlanFixture::new().await;
    for ranges in [1, 64] {
        let sql = Statements::for_kind(kernel::Kind::Finding).with_key_ranges(ranges).unwrap();
        let steps = planned.plan_steps(&sql, vec![Value::text("x"); 1 + 2 * ranges]).await;
        let range = "INDEX findings_key (organization_id=? AND key>? AND key<?)";
        assert_eq!(steps.iter().filter(|step| step.contains(range)).count(), ranges, "{steps:#?}");
        assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{steps:#?}");
    }
}

#[tokio::test]
async fn a_list_of_audit_entries_of_the_old_form_scans_one_index_range() {
    let planned = PlanFixture::new().await;
    let one = |value: &str| [value.to_owned()].into();
    let cases = [
        (AuditFilter::default(), "sqlite_autoindex_audit_entries_1"),
        (AuditFilter { actions: one("a"), ..AuditFilter::default() }, "audit_entries_action"),
        (AuditFilter { actors: one("a"), ..AuditFilter::default() }, "audit_entries_actor"),
        (AuditFilter { subjects: one("a"), ..AuditFilter::default() }, "audit_entries_subject"),
        (AuditFilter { actors: one("a"), actions: one("a"), ..AuditFilter::default() }, "audit_entries_actor"),
    ];
    for (filter, index) in cases {
        for page in &pages() {
            let ListStatement { sql, values, .. } = entry_list(Id::new(Ulid(1)), &filter, page, SCAN_LIMIT);
            assert_ranges(&without_seal_lookups(planned.plan_steps(&sql, values).await), index, 1);
        }
    }
}

#[tokio::test]
async fn due_evidence_is_found_by_one_index_range_and_not_sorted() {
    let planned = PlanFixture::new().await;
    let values = |status: &'static str, bound: Value<'static>| vec![Value::text(status), bound, Value::Int(200)];
    for (sql, values, index) in [
        (&EXPIRED_CLAIMS, values("approved", Value::Int(5)), "evidence_claims_expiry (status=? AND valid_until<?)"),
        (
            &UNLINKED_ATTACHMENTS,
            values("unlinked", Ulid(5).into()),
            "evidence_attachments_unlinked (status=? AND id<?)",
        ),
    ] {
        let steps = planned.plan_steps(sql, values).await;
        let [step] = steps.as_slice() else { panic!("{steps:#?}") };
        assert!(step.starts_with("SEARCH") && step.contains(index), "{step}");
    }
}
