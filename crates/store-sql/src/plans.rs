//! Every list costs a range of an index: SQLite is asked how it would go about each shape of list.

use ::audit::AuditFilter;
use findings::{Finding, FindingEvent, FindingEventFilter, FindingFilter, Severity, SourceKind, Status};
use kernel::{Id, Order, PageRequest, RecordKey, Reference, StoreError, Timestamp, Window};
use registers::{Control, ControlFilter, ControlStatus};
use ulid::Ulid;

use crate::{
    audit::entry_list,
    database::Database,
    engine::{Cells, Sql, Value},
    listing::Slice,
    location::DatabaseUrl,
    statements::Statements,
    table::Table,
};

struct Planned {
    database: Database,
    _folder: tempfile::TempDir,
}

impl Planned {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&DatabaseUrl::Sqlite(folder.path().join("plans.db"))).await.unwrap();
        database.migrate(Timestamp::from_millis(0)).await.unwrap();
        Self { database, _folder: folder }
    }

    async fn steps(&self, sql: &Sql, values: Vec<Value<'static>>) -> Vec<String> {
        let given = (sql.explained(), values);
        self.database
            .engine
            .read(given, |(sql, values), session| Box::pin(session.fetch(sql, values, step)))
            .await
            .unwrap()
    }

    async fn list<R: Table>(&self, filter: &R::Filter, page: &PageRequest) -> Vec<String> {
        let slice = Slice::of_records(Id::<kernel::Organization>::new(Ulid(1)).into(), R::narrow(filter), page);
        let (sql, values) = Statements::of(R::KIND).list(&slice);
        self.steps(&sql, values).await
    }
}

fn step(cells: &mut Cells<'_>) -> Result<String, StoreError> {
    for _ in 0..3 {
        cells.int()?;
    }
    cells.text().map(str::to_owned)
}

fn pages() -> [PageRequest; 3] {
    let since = Window { updated_after: Some(Timestamp::from_millis(5)), ..Window::default() };
    [
        PageRequest::default(),
        PageRequest { window: since, ..PageRequest::default() },
        PageRequest { window: since, order: Order::Changed, ..PageRequest::default() },
    ]
}

/// One range of this index, in its order.
#[track_caller]
fn is_one_range(steps: &[String], indexes: [&str; 3], page: usize) {
    let index = indexes[page];
    assert_eq!(steps.len(), 1, "{steps:#?}");
    assert!(steps[0].starts_with("SEARCH") && steps[0].contains(&format!("INDEX {index} ")), "{index}: {steps:#?}");
}

const BY_ID: &str = "sqlite_autoindex_findings_1";

#[tokio::test]
async fn a_list_of_findings_is_one_range_of_an_index() {
    let planned = Planned::new().await;
    let by = |status: &[Status], severity: &[Severity], kind: &[SourceKind], subject: &[&str]| FindingFilter {
        statuses: status.iter().copied().collect(),
        severities: severity.iter().copied().collect(),
        source_kinds: kind.iter().copied().collect(),
        subject_resource_ids: subject.iter().map(|id| Reference::parse(id).unwrap()).collect(),
        ..FindingFilter::default()
    };
    let cases = [
        (by(&[], &[], &[], &[]), [BY_ID, BY_ID, "findings_changed"]),
        (by(&[Status::Open], &[], &[], &[]), ["findings_status", "findings_status", "findings_status_changed"]),
        (by(&[], &[Severity::Low], &[], &[]), ["findings_severity", "findings_severity", "findings_severity_changed"]),
        (
            by(&[], &[], &[SourceKind::Manual], &[]),
            ["findings_source_kind", "findings_source_kind", "findings_source_kind_changed"],
        ),
        (by(&[], &[], &[], &["x"]), ["findings_subject", "findings_subject", "findings_subject_changed"]),
    ];
    for (filter, indexes) in cases {
        for (place, page) in pages().iter().enumerate() {
            is_one_range(&planned.list::<Finding>(&filter, page).await, indexes, place);
        }
    }
}

#[tokio::test]
async fn a_list_of_controls_or_events_is_one_range_of_an_index() {
    let planned = Planned::new().await;
    let active = ControlFilter { statuses: [ControlStatus::Active].into() };
    let about = FindingEventFilter { finding: Some(Id::new(Ulid(7))) };
    for (place, page) in pages().iter().enumerate() {
        let controls = ["controls_status", "controls_status", "controls_status_changed"];
        is_one_range(&planned.list::<Control>(&active, page).await, controls, place);
        let events = ["finding_events_finding", "finding_events_finding", "finding_events_finding_changed"];
        is_one_range(&planned.list::<FindingEvent>(&about, page).await, events, place);
    }
}

#[tokio::test]
async fn several_values_are_a_range_each_and_nothing_longer_is_sorted() {
    let planned = Planned::new().await;
    let filter = FindingFilter { statuses: [Status::Open, Status::Triaged].into(), ..FindingFilter::default() };
    for (page, index) in pages().iter().zip(["findings_status", "findings_status", "findings_status_changed"]) {
        let steps = planned.list::<Finding>(&filter, page).await;
        let searches: Vec<_> = steps.iter().filter(|step| step.contains(" findings")).collect();
        assert_eq!(searches.len(), 2, "{steps:#?}");
        assert!(searches.iter().all(|step| step.starts_with("SEARCH") && step.contains(&format!("INDEX {index} "))));
    }
}

#[tokio::test]
async fn keys_are_looked_up_each_in_their_index() {
    let planned = Planned::new().await;
    let filter = FindingFilter { keys: [RecordKey::parse("k").unwrap()].into(), ..FindingFilter::default() };
    for page in &pages() {
        let steps = planned.list::<Finding>(&filter, page).await;
        assert!(steps[0].contains("INDEX findings_key (organization_id=? AND key=?)"), "{steps:#?}");
    }
    let sql = Statements::of(kernel::Kind::Finding).with_keys(500).unwrap();
    let steps = planned.steps(&sql, vec![Value::text("x"); 513]).await;
    assert!(steps[0].contains("INDEX findings_key (organization_id=? AND key=?)"), "{steps:#?}");
}

#[tokio::test]
async fn a_list_of_entries_is_one_range_of_an_index() {
    let planned = Planned::new().await;
    let one = |value: &str| [value.to_owned()].into();
    let cases = [
        (AuditFilter::default(), "sqlite_autoindex_audit_entries_1"),
        (AuditFilter { actions: one("a"), ..AuditFilter::default() }, "audit_entries_action"),
        (AuditFilter { actors: one("a"), ..AuditFilter::default() }, "audit_entries_actor"),
        (AuditFilter { subjects: one("a"), ..AuditFilter::default() }, "audit_entries_subject"),
    ];
    for (filter, index) in cases {
        for (place, page) in pages().iter().enumerate() {
            let (sql, values) = entry_list(Id::new(Ulid(1)), &filter, page);
            is_one_range(&planned.steps(&sql, values).await, [index; 3], place);
        }
    }
}

#[tokio::test]
async fn what_waits_for_its_seal_is_found_without_a_look_at_what_has_it() {
    let planned = Planned::new().await;
    for sql in crate::audit::over_the_unsealed() {
        let steps = planned.steps(sql, vec![Value::Int(1)]).await;
        assert!(steps[0].contains("INDEX audit_entries_unsealed"), "{steps:#?}");
        assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{steps:#?}");
    }
}
