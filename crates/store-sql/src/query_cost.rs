//! The cost of a page does not grow with the collection: the tests count the steps of SQLite's virtual machine.
#![cfg(test)]

use findings::{Finding, FindingFilter, Severity, Status};
use kernel::{Id, Order, PageRequest, Position, Reference, Resource as _, TimeRange, Timestamp};
use rusqlite::{Connection, StatementStatus, params_from_iter};
use ulid::Ulid;

use crate::{
    engine::DatabaseUrl,
    records::{ListQuery, ListStatement, Statements, table::Table as _},
    schema::Database,
};

const SCAN_LIMIT: usize = 500;

/// The most steps that a scanned row of a range costs: merged ranges compare it several times.
const MAX_STEPS_PER_ROW: usize = 80;

struct Collection {
    connection: Connection,
    count: u32,
    _folder: tempfile::TempDir,
}

impl Collection {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("effort.db");
        let database = Database::open(&DatabaseUrl::Sqlite(path.clone())).await.unwrap();
        database.migrate(Timestamp::from_millis(0)).await.unwrap();
        Self { connection: Connection::open(path).unwrap(), count: 0, _folder: folder }
    }

    /// Inserts findings up to this number. Only the three oldest are critical, and only those changed before
    /// millisecond 3.
    fn grow_to(&mut self, count: u32) {
        let sql = "WITH RECURSIVE n(n) AS (SELECT ?1 UNION ALL SELECT n + 1 FROM n WHERE n + 1 < ?2) \
             INSERT INTO findings (organization_id, id, revision, created_at, updated_at, key, title, description, \
                 severity, status, source_kind, subject_resource_id, due_at) \
             SELECT ?3, printf('%010d%016d', n, 0), 1, n, n, 'k' || n, 't', 'd', iif(n < 3, 'critical', 'low'), \
                 iif(n % 2, 'open', 'triaged'), 'manual', 'subject', iif(n % 3, n, NULL) FROM n";
        self.connection.execute(sql, (self.count, count, Ulid(1).to_string())).unwrap();
        self.count = count;
    }

    /// Returns the number of rows of the first page, including the last scanned one, and the number of steps it takes.
    fn page(&self, filter: &FindingFilter, page: &PageRequest) -> (usize, usize) {
        let query = ListQuery::for_records(
            Id::<kernel::Organization>::new(Ulid(1)).into(),
            Finding::filter_values(filter),
            page,
        );
        let ListStatement { sql, values, .. } = Statements::for_kind(Finding::KIND).list(&query, SCAN_LIMIT);
        let mut statement = self.connection.prepare(sql.sqlite_text()).unwrap();
        let mut rows = statement.query(params_from_iter(values)).unwrap();
        let mut count = 0;
        while rows.next().unwrap().is_some() {
            count += 1;
        }
        drop(rows);
        (count, usize::try_from(statement.get_status(StatementStatus::VmStep)).unwrap())
    }
}

#[tokio::test]
async fn the_cost_of_a_page_does_not_depend_on_the_size_of_the_collection() {
    let critical = FindingFilter::default().with("severity", [Severity::Critical]);
    let open = critical.clone().with("status", [Status::Open]);
    let several = FindingFilter::default()
        .with("status", [Status::Open, Status::Triaged])
        .with("severity", [Severity::Critical, Severity::High]);
    let subjects = (0..64).map(|number| Reference::parse(&format!("subject-{number}")).unwrap());
    let many = open.clone().with("subject_resource_id", subjects.chain([Reference::parse("subject").unwrap()]));
    let any = PageRequest::default();
    let early = Some(Timestamp::from_millis(3));
    let changed_early = PageRequest { time_range: TimeRange { updated_before: early, ..TimeRange::default() }, ..any };
    let changed_late = PageRequest { time_range: TimeRange { updated_after: early, ..TimeRange::default() }, ..any };
    let created_early = TimeRange { created_before: early, updated_after: early, ..TimeRange::default() };
    let by_change = PageRequest { time_range: created_early, order: Order::Changed, ..any };
    let by_due_date = PageRequest { order: Order::Due, ..any };
    let due_early = PageRequest { time_range: TimeRange { due_before: early, ..TimeRange::default() }, ..any };
    let without_due_date = PageRequest { after: Some(Position::Due(None, Ulid::nil())), ..by_due_date };
    let all = FindingFilter::default();
    let cases = [
        (open.clone(), any),
        (several, any),
        (many, any),
        (open.clone(), changed_late),
        (critical.clone(), changed_early),
        (open, by_due_date),
        (critical, without_due_date),
        (all.clone(), due_early),
        (all, by_change),
    ];

    let mut collection = Collection::new().await;
    collection.grow_to(2_000);
    let before: Vec<_> = cases.iter().map(|(filter, page)| collection.page(filter, page)).collect();
    collection.grow_to(10_000);
    for ((filter, page), (rows, steps)) in cases.iter().zip(before) {
        let (rows_after, steps_after) = collection.page(filter, page);
        assert!(
            rows_after <= page.limit.get() && rows_after == rows,
            "{rows} and {rows_after} rows: {filter:?} {page:?}"
        );
        assert!(
            steps_after <= SCAN_LIMIT * MAX_STEPS_PER_ROW && steps_after <= steps + steps / 20,
            "{steps} steps among 2,000, {steps_after} among 10,000: {filter:?} {page:?}"
        );
    }
}
