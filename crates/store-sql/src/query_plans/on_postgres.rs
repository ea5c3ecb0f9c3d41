//! The query plans of lists on PostgreSQL, over tables with rows: each statement is planned both ways in which prepared
//! statements are, for the bound values (a custom plan) and for any values (a generic plan).
#![cfg(test)]

use postgres_cluster::TestDatabase;
use tokio_postgres::Client;

use super::{every_list::rows_of_every_table, *};
use crate::engine::PLANNER_SETTINGS;

/// A database of its own with rows, and a connection to it.
pub(crate) struct PlanFixture {
    client: Client,
    _database: TestDatabase,
}

/// 10⁵ audit entries of the old form in ten organizations.
const ENTRIES: &str = "
    INSERT INTO audit_entries (organization_id, id, occurred_at, actor_kind, actor_id, actor_name, action, subject_kind,
        subject_id, changes, request_id)
    SELECT lpad((i % 10)::text, 26, '0'), lpad(i::text, 26, '0'), i, 'service_account', 'a-' || i % 40, 'name',
        (ARRAY['finding.read', 'finding.listed', 'token.issued', 'a'])[1 + i / 7 % 4], 'finding', 's-' || i % 2000,
        CASE WHEN i / 2000 % 5 = 0 THEN '[1]' ELSE '[]' END, 'r'
    FROM generate_series(1, 100000) AS i;
    INSERT INTO audit_seals (organization_id, sequence, entry_id, previous_hash, hash)
    SELECT organization_id, occurred_at, id, '', '' FROM audit_entries";

impl PlanFixture {
    /// Creates a database with the rows that these statements insert.
    pub(crate) async fn with_rows(rows: &str) -> Self {
        let fresh = TestDatabase::create().await;
        let database = Database::open(&fresh.url().parse().unwrap()).await.unwrap();
        database.migrate(Timestamp::from_millis(0)).await.unwrap();
        database.engine.close().await;
        let client = fresh.connect().await;
        client.batch_execute(rows).await.unwrap();
        client.batch_execute("VACUUM ANALYZE").await.unwrap();
        client.batch_execute(PLANNER_SETTINGS).await.unwrap();
        Self { client, _database: fresh }
    }

    /// The columns of each index.
    async fn indexes(&self) -> Indexes {
        let text = "SELECT i.indexrelid::regclass::text, a.attname::text FROM pg_index AS i \
                    JOIN pg_attribute AS a ON a.attrelid = i.indexrelid \
                    WHERE i.indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace) \
                    ORDER BY i.indexrelid, a.attnum";
        let mut indexes = Indexes::new();
        for row in self.client.query(text, &[]).await.unwrap() {
            indexes.entry(row.get(0)).or_default().push(row.get(1));
        }
        indexes
    }

    /// Returns the plan for these values and the generic plan.
    async fn plans(&self, sql: &Sql, values: &[Value<'static>]) -> [Vec<String>; 2] {
        let literals: Vec<String> = values.iter().map(literal).collect();
        self.plans_of(sql.postgres_text(), &literals.join(", ")).await
    }

    /// Returns both plans of a statement whose values are given as SQL literals.
    pub(crate) async fn plans_of(&self, text: &str, literals: &str) -> [Vec<String>; 2] {
        self.client.batch_execute(&format!("PREPARE list AS {text}")).await.unwrap();
        let mut plans = [Vec::new(), Vec::new()];
        for (mode, plan) in ["force_custom_plan", "force_generic_plan"].into_iter().zip(&mut plans) {
            self.client.batch_execute(&format!("SET plan_cache_mode = {mode}")).await.unwrap();
            let explain = format!("EXPLAIN (COSTS OFF) EXECUTE list ({literals})");
            let rows = self.client.query(&explain, &[]).await.unwrap();
            *plan = rows.iter().map(|row| row.get::<_, String>(0).trim().to_owned()).collect();
        }
        self.client.batch_execute("DEALLOCATE list").await.unwrap();
        plans
    }

    async fn entries(&self, filter: &AuditFilter, page: &PageRequest) -> [Vec<String>; 2] {
        let ListStatement { sql, values, .. } = entry_list(Id::new(Ulid(1)), filter, page, SCAN_LIMIT);
        self.plans(&sql, &values).await
    }
}

fn literal(value: &Value<'static>) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Text(text) => format!("'{text}'"),
        Value::Ulid(text) => format!("'{}'", std::str::from_utf8(text).unwrap()),
        Value::Blob(_) => unreachable!("no list filters by bytes"),
    }
}

/// Asserts that every access to the table is a range of this index or a lookup of one row by identifier, and that
/// nothing is sorted or scanned from end to end.
#[track_caller]
fn assert_index_ranges(plans: &[Vec<String>; 2], table: &str, index: &str) {
    for plan in plans {
        let nodes = || plan.iter().map(|line| line.trim_start_matches("->").trim());
        assert!(!nodes().any(|node| node.starts_with("Sort") && !node.starts_with("Sort Key")), "{plan:#?}");
        assert!(!nodes().any(|node| node.starts_with("Incremental Sort") || node.contains("Bitmap")), "{plan:#?}");
        assert!(
            !nodes().any(|node| node.starts_with("Seq Scan") && node.contains(&format!("on {table}"))),
            "{plan:#?}"
        );
        let reads: Vec<_> = nodes().filter(|node| node.contains(&format!(" on {table}"))).collect();
        let by_id = format!("using {table}_pkey on {table} t");
        let ranges = reads.iter().filter(|read| !read.contains(&by_id)).count();
        assert!(ranges > 0, "{plan:#?}");
        assert!(
            reads.iter().all(|read| read.contains(&format!("using {index} ")) || read.contains(&by_id)),
            "{index}: {plan:#?}"
        );
    }
}

#[tokio::test]
async fn every_list_of_every_kind_scans_only_ranges_of_the_index_for_it_on_postgresql() {
    let planned = PlanFixture::with_rows(&rows_of_every_table()).await;
    let indexes = planned.indexes().await;
    let mut faults = Vec::new();
    for list in every_list() {
        for plan in planned.plans(&list.sql, &list.values).await {
            let is_read = |node: &&String| node.ends_with(&format!(" on {}", list.table));
            let index = |node: &'_ String| {
                node.split_once(" using ").and_then(|(_, rest)| rest.split(' ').next()).map(str::to_owned)
            };
            let read: Vec<_> = plan.iter().filter(is_read).map(index).collect();
            let read: Vec<_> = read.iter().map(Option::as_deref).collect();
            let sorts = plan.iter().any(|node| node.contains("Sort") && !node.contains("Sort Key"));
            faults.extend(list.faults(&indexes, &read, sorts, &plan));
        }
    }
    assert!(faults.is_empty(), "{} plans: {}", faults.len(), faults[0]);
}

/// 10⁴ findings of one organization.
const FINDINGS: &str = "
    INSERT INTO findings (organization_id, id, revision, created_at, updated_at, key, title, description, severity, status,
        source_kind)
    SELECT lpad('1', 26, '0'), lpad(i::text, 26, '0'), 1, i, i, 'k' || i, 'title', 'text', 'low', 'open', 'manual'
    FROM generate_series(1, 10000) AS i";

#[tokio::test]
async fn a_list_whose_rows_all_belong_to_the_page_is_one_index_scan_on_postgresql() {
    let planned = PlanFixture::with_rows(FINDINGS).await;
    let open = FindingFilter::default().with("status", [Status::Open]);
    for page in [pages()[0], pages()[2]] {
        for filter in [FindingFilter::default(), open.clone()] {
            let query = ListQuery::for_records(
                Id::<kernel::Organization>::new(Ulid(1)).into(),
                Finding::filter_values(&filter),
                &page,
            );
            let statement = Statements::for_kind(kernel::Kind::Finding).list(&query, SCAN_LIMIT);
            assert!(!statement.has_row_kinds);
            for plan in planned.plans(&statement.sql, &statement.values).await {
                let nodes = plan.iter().filter(|line| !line.contains("Cond: ") && !line.contains("Filter: "));
                let nodes: Vec<_> = nodes.map(|node| node.trim_start_matches("->").trim()).collect();
                let (scans, others): (Vec<_>, Vec<_>) = nodes.iter().partition(|node| node.starts_with("Index Scan"));
                // The result is empty if the bounds of creation times exclude everything.
                assert!(scans.len() == 1 && others.iter().all(|node| ["Limit", "Result"].contains(node)), "{plan:#?}");
            }
        }
    }
}

#[tokio::test]
async fn a_list_of_audit_entries_of_the_old_form_scans_only_index_ranges_on_postgresql() {
    let planned = PlanFixture::with_rows(ENTRIES).await;
    let one = |value: &str| [value.to_owned()].into();
    for page in &pages() {
        for (filter, index) in [
            (AuditFilter::default(), "audit_entries_pkey"),
            (AuditFilter { actions: one("a"), ..AuditFilter::default() }, "audit_entries_action"),
            (AuditFilter { actors: one("a-1"), ..AuditFilter::default() }, "audit_entries_actor"),
            (AuditFilter { subjects: one("s-1"), ..AuditFilter::default() }, "audit_entries_subject"),
        ] {
            assert_index_ranges(&planned.entries(&filter, page).await, "audit_entries", index);
        }
    }
}

/// Claims and attachments in ten organizations, few of which are due.
const EVIDENCE_ROWS: &str = "
    INSERT INTO evidence_claims (organization_id, id, revision, created_at, updated_at, evidence_requirement_id, key, title,
        status, valid_from, valid_until, source_kind, attachments)
    SELECT lpad((i % 10)::text, 26, '0'), lpad(i::text, 26, '0'), 1, i, i, '0', 'k-' || i, 'title',
        (ARRAY['pending', 'approved', 'rejected', 'expired', 'withdrawn'])[1 + i % 5], i, i, 'manual', ''
    FROM generate_series(1, 20000) AS i;
    INSERT INTO evidence_attachments (organization_id, id, revision, created_at, updated_at, file_name, content_type, size,
        sha256, status)
    SELECT lpad((i % 10)::text, 26, '0'), lpad(i::text, 26, '0'), 1, i, i, 'name', 'text/csv', 1, 'hash',
        (ARRAY['unlinked', 'linked', 'removed'])[1 + i % 3]
    FROM generate_series(1, 20000) AS i";

#[tokio::test]
async fn due_evidence_is_found_by_one_index_range_on_postgresql() {
    let planned = PlanFixture::with_rows(EVIDENCE_ROWS).await;
    let values = [Value::text("approved"), Value::Int(50), Value::Int(200)];
    let plans = planned.plans(&EXPIRED_CLAIMS, &values).await;
    assert_index_ranges(&plans, "evidence_claims", "evidence_claims_expiry");
    let values = [Value::text("unlinked"), format!("{:0>26}", 50).into(), Value::Int(200)];
    let plans = planned.plans(&UNLINKED_ATTACHMENTS, &values).await;
    assert_index_ranges(&plans, "evidence_attachments", "evidence_attachments_unlinked");
}
