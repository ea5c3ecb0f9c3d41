//! Query plan tests on PostgreSQL, with data.
#![cfg(test)]

use super::*;
use crate::{engine::BatchStatement, query_plans::on_postgres::PlanFixture};

/// The logs of ten organizations, of which each has a thousand segments.
const ROWS: &str = "
    INSERT INTO audit_waiting (organization_id, id, entries, body)
    SELECT lpad((i % 10)::text, 26, '0'), lpad(i::text, 26, '0'), 32, decode(repeat('00', 2000), 'hex')
    FROM generate_series(1, 2000) AS i;
    INSERT INTO audit_heads (organization_id, sequence, hash)
    SELECT lpad(i::text, 26, '0'), 1, 'hash' FROM generate_series(0, 2000) AS i;
    INSERT INTO audit_runs (organization_id, first_sequence, last_sequence, first_id, high_id, body)
    SELECT lpad((i % 10)::text, 26, '0'), i, i, lpad(i::text, 26, '0'), lpad(i::text, 26, '0'), '\\x00'
    FROM generate_series(1, 20000) AS i;
    INSERT INTO audit_segments (organization_id, first_sequence, last_sequence, first_id, high_id, digest, body)
    SELECT lpad((i % 10)::text, 26, '0'), i, i, lpad(i::text, 26, '0'), lpad(i::text, 26, '0'), '\\x00', '\\x00'
    FROM generate_series(1, 10000) AS i;
    INSERT INTO audit_terms (organization_id, bucket, first_sequence, body)
    SELECT lpad((i % 10)::text, 26, '0'), i / 10 % 100, i, '\\x00' FROM generate_series(1, 50000) AS i;
    INSERT INTO audit_tiles (organization_id, level, tile, hashes)
    SELECT lpad((i % 10)::text, 26, '0'), 1 + i / 10 % 2, i, '\\x00' FROM generate_series(1, 20000) AS i;
    INSERT INTO audit_cosignatures (organization_id, origin, witness, note)
    SELECT lpad((i % 10)::text, 26, '0'), 'log', 'witness' || i, '\\x00' FROM generate_series(1, 20000) AS i";

/// The first organization.
const ORGANIZATION: &str = "'00000000000000000000000001'";

/// Asserts that the plan reads the table by this index alone, each range with a condition on this column, and that nothing
/// is sorted unless `sorts`.
#[track_caller]
fn assert_index(plan: &[String], index: &str, column: &str, sorts: bool) {
    let scans: Vec<_> =
        plan.windows(2).filter(|pair| pair[0].contains(" on audit_") && pair[0].contains("Scan")).collect();
    assert!(!scans.is_empty(), "{plan:#?}");
    for pair in scans {
        let uses_index = pair[0].contains(&format!("using {index} ")) && pair[1].contains("Index Cond");
        assert!(uses_index && pair[1].contains(column), "{index}, {column}: {plan:#?}");
    }
    assert!(sorts || !plan.iter().any(|node| node.contains("Sort")), "{plan:#?}");
}

#[tokio::test]
async fn the_tables_of_the_log_are_read_by_their_keys_on_postgresql() {
    let planned = PlanFixture::with_rows(ROWS).await;
    let id = |number: u32| format!("'{number:026}'");
    let cases = [
        (&*ROWS_OF, format!("{ORGANIZATION}, {}, 64", id(1001)), "audit_waiting_pkey", "id"),
        (&*PAGE_OF_ROWS, format!("{ORGANIZATION}, {}, 64", id(1001)), "audit_waiting_pkey", "id"),
        (&*RUNS, ORGANIZATION.to_owned(), "audit_runs_pkey", "organization_id"),
        (&*SEGMENTS_UPWARDS, format!("{ORGANIZATION}, 4096, 8192, 16"), "audit_segments_pkey", "first_sequence"),
        (&*SEGMENTS_DOWNWARDS, format!("{ORGANIZATION}, 8192, 16"), "audit_segments_pkey", "first_sequence"),
        (&*SEGMENTS_BY_HIGH_ID, format!("{ORGANIZATION}, {}, 16", id(9001)), "audit_segments_high", "high_id"),
        (&*TERMS_UPWARDS, format!("{ORGANIZATION}, 5, 0, 100000, 64"), "audit_terms_pkey", "bucket"),
        (&*TERMS_DOWNWARDS, format!("{ORGANIZATION}, 5, 0, 100000, 64"), "audit_terms_pkey", "bucket"),
    ];
    for (sql, values, index, column) in cases {
        for plan in planned.plans_of(sql.postgres_text(), &values).await {
            assert_index(&plan, index, column, index == "audit_waiting_pkey" || index == "audit_runs_pkey");
        }
    }
}

/// The statement for one row and for two, each with its values.
fn rows(statement: &BatchStatement, one: &str) -> [(String, String); 2] {
    let [text, texts] = statement.postgres_texts().map(str::to_owned);
    let many: Vec<String> = one.split(", ").map(|value| format!("ARRAY[{value}, {value}]")).collect();
    [(text, one.to_owned()), (texts, many.join(", "))]
}

#[tokio::test]
async fn rows_of_the_log_are_found_and_deleted_by_their_keys_on_postgresql() {
    let planned = PlanFixture::with_rows(ROWS).await;
    let [of_runs, of_segments] = &*BODIES;
    let key = |values: &str| format!("{ORGANIZATION}, {values}");
    let head =
        key("2, 'next', '\\x00'::bytea, 'id', 0, 5, '\\x00'::bytea, '\\x00'::bytea, 0, '\\x00'::bytea, 1, 'hash'");
    let cases = [
        (&*HEADS, ORGANIZATION.to_owned(), "audit_heads_pkey", "organization_id"),
        (&*ADVANCE, head, "audit_heads_pkey", "organization_id"),
        (&*DELETE_ROWS, key("'00000000000000000000000011'"), "audit_waiting_pkey", "id"),
        (&*DELETE_RUNS, key("11"), "audit_runs_pkey", "first_sequence"),
        (&*DELETE_TERMS, key("1, 11"), "audit_terms_pkey", "first_sequence"),
        (&*TILES, key("2, 11"), "audit_tiles_pkey", "tile"),
        (&*COSIGNED, key("'log', 'witness11'"), "audit_cosignatures_pkey", "witness"),
        (of_runs, key("11, 0, 1, 100"), "audit_runs_pkey", "first_sequence"),
        (&*ARCHIVE, key("11, 'object', 0"), "audit_segments_pkey", "first_sequence"),
        (of_segments, key("11, 0, 1, 100"), "audit_segments_pkey", "first_sequence"),
    ];
    for (statement, one, index, column) in cases {
        for (text, values) in rows(statement, &one) {
            for plan in planned.plans_of(&text, &values).await {
                assert_index(&plan, index, column, false);
            }
        }
    }
}
