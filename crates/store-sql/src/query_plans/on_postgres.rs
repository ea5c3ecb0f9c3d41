//! The query plans of lists on PostgreSQL, over tables with rows: each statement is planned both ways in which prepared
//! statements are, for the bound values (a custom plan) and for any values (a generic plan).
#![cfg(test)]

use kernel::Filter;
use postgres_cluster::TestDatabase;
use tokio_postgres::Client;

use super::*;
use crate::engine::PLANNER_SETTINGS;

/// A database of its own with rows, and a connection to it.
pub(crate) struct PlanFixture {
    client: Client,
    _database: TestDatabase,
}

/// 10⁵ findings in ten organizations, and other records.
const ROWS: &str = "
    INSERT INTO findings (organization_id, id, revision, created_at, updated_at, key, title, description, severity, status,
        source_kind, subject_resource_id, owner_member_user_id, owner_responsibility_id, due_at)
    SELECT lpad((i % 10)::text, 26, '0'), lpad(i::text, 26, '0'), 1, i, i, 'k-' || i, 'title', 'description',
        (ARRAY['info', 'low', 'medium', 'high', 'critical'])[1 + i % 5],
        (ARRAY['open', 'triaged', 'remediation_planned', 'remediating', 'verified', 'closed', 'accepted'])[1 + i / 7 % 7],
        (ARRAY['assessment', 'audit', 'manual', 'module_signal'])[1 + i / 3 % 4], 'r-' || i % 2000,
        'm-' || i % 50, 't-' || i % 50, CASE WHEN i % 3 > 0 THEN i / 20 END
    FROM generate_series(1, 100000) AS i;
    INSERT INTO controls (organization_id, id, revision, created_at, updated_at, key, title, description, status)
    SELECT lpad((i % 10)::text, 26, '0'), lpad(i::text, 26, '0'), 1, i, i, 'k-' || i, 'title', '',
        (ARRAY['draft', 'active', 'retired'])[1 + i / 7 % 3]
    FROM generate_series(1, 20000) AS i;
    INSERT INTO finding_events (organization_id, id, revision, created_at, updated_at, finding_id, kind, occurred_at)
    SELECT lpad((i % 10)::text, 26, '0'), lpad(i::text, 26, '0'), 1, i, i, lpad((i / 50)::text, 26, '0'), 'comment', i
    FROM generate_series(1, 50000) AS i;
    INSERT INTO audit_entries (organization_id, id, occurred_at, actor_kind, actor_id, actor_name, action, subject_kind,
        subject_id, changes, request_id)
    SELECT lpad((i % 10)::text, 26, '0'), lpad(i::text, 26, '0'), i, 'service_account', 'a-' || i % 40, 'name',
        (ARRAY['finding.read', 'finding.listed', 'token.issued', 'a'])[1 + i / 7 % 4], 'finding', 's-' || i % 2000, '[]', 'r'
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

    async fn list<R: Table>(&self, filter: &R::Filter, page: &PageRequest) -> [Vec<String>; 2] {
        let query =
            ListQuery::for_records(Id::<kernel::Organization>::new(Ulid(1)).into(), R::filter_values(filter), page);
        let (sql, values) = Statements::for_kind(R::KIND).list(&query, SCAN_LIMIT, PROCESS);
        self.plans(&sql, &values).await
    }

    async fn entries(&self, filter: &AuditFilter, page: &PageRequest) -> [Vec<String>; 2] {
        let (sql, values) = entry_list(Id::new(Ulid(1)), filter, page, SCAN_LIMIT, PROCESS);
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
async fn every_list_scans_only_index_ranges_on_postgresql() {
    let planned = PlanFixture::with_rows(ROWS).await;
    let any = FindingFilter::default();
    let open = any.clone().with("status", [Status::Open]);
    let severe = any.clone().with("severity", [Severity::High]);
    let manual = any.clone().with("source_kind", [SourceKind::Manual]);
    let about = any.clone().with("subject_resource_id", [Reference::parse("r-1").unwrap()]);
    let two = any.clone().with("status", [Status::Open, Status::Triaged]);
    let both = open.clone().with("severity", [Severity::High]);
    let cases = [
        (&any, ["findings_pkey", "findings_pkey", "findings_changed"]),
        (&open, ["findings_status", "findings_status", "findings_status_changed"]),
        (&severe, ["findings_severity", "findings_severity", "findings_severity_changed"]),
        (&manual, ["findings_source_kind", "findings_source_kind", "findings_source_kind_changed"]),
        (&about, ["findings_subject", "findings_subject", "findings_subject_changed"]),
        (&two, ["findings_status", "findings_status", "findings_status_changed"]),
        (&both, ["findings_status", "findings_status", "findings_status_changed"]),
    ];
    for (filter, indexes) in cases {
        for (page, index) in pages().iter().zip(indexes) {
            assert_index_ranges(&planned.list::<Finding>(filter, page).await, "findings", index);
        }
    }
    for (filter, name) in [
        ("owner_member_user_id", "findings_owner_member"),
        ("owner_responsibility_id", "findings_owner_responsibility"),
    ] {
        let filter = open.clone().with(filter, [Reference::parse("m-1").unwrap()]);
        for (page, index) in pages().iter().zip([name.to_owned(), name.to_owned(), format!("{name}_changed")]) {
            assert_index_ranges(&planned.list::<Finding>(&filter, page).await, "findings", &index);
        }
    }
    for page in &due_pages() {
        for (filter, index) in due_cases().iter().chain([&(two.clone(), "findings_status_due")]) {
            assert_index_ranges(&planned.list::<Finding>(filter, page).await, "findings", index);
        }
    }
    let active = Filter::<Control>::default().with("status", [DefinitionStatus::Active]);
    let of_finding = FindingEventFilter::default().with("finding_id", Some(Id::<Finding>::new(Ulid(7))));
    let one = |value: &str| [value.to_owned()].into();
    for (number, page) in pages().iter().enumerate() {
        let index = ["controls_status", "controls_status", "controls_status_changed"][number];
        assert_index_ranges(&planned.list::<Control>(&active, page).await, "controls", index);
        let index = ["finding_events_finding", "finding_events_finding", "finding_events_finding_changed"][number];
        assert_index_ranges(&planned.list::<FindingEvent>(&of_finding, page).await, "finding_events", index);
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
