//! Query plan tests on SQLite: the statements on the tables of the log read only the rows that they find.
#![cfg(test)]

mod on_postgres;

use super::{
    ADVANCE, ARCHIVE, BODIES, CHAINS, COSIGNED, COUNT_REDACTION, DELETE_ROWS, DELETE_RUNS, DELETE_TERMS, HEADS,
    PAGE_OF_ROWS, REDACT_RUN, REDACT_SEGMENT, REPLACE_TERMS, ROWS_OF, RUNS, SEGMENTS_BY_HIGH_ID, SEGMENTS_DOWNWARDS,
    SEGMENTS_UPWARDS, TERMS_DOWNWARDS, TERMS_UPWARDS, TILES,
};
use crate::{
    engine::{Sql, Value},
    query_plans::PlanFixture,
};

/// Asserts that the statement is one search of this index, and that nothing is sorted.
async fn assert_searches(planned: &PlanFixture, sql: &Sql, parameters: usize, index: &str) {
    let steps = planned.plan_steps(sql, vec![Value::Int(1); parameters]).await;
    let [step] = steps.as_slice() else { panic!("{steps:#?}") };
    assert!(step.starts_with("SEARCH") && step.contains(index), "{index}: {step}");
}

#[tokio::test]
async fn waiting_rows_are_found_by_their_keys() {
    let planned = PlanFixture::new().await;
    let key = "audit_waiting USING PRIMARY KEY ";
    assert_searches(&planned, &ROWS_OF, 3, &format!("{key}(organization_id=? AND id>?)")).await;
    assert_searches(&planned, &PAGE_OF_ROWS, 3, &format!("{key}((organization_id,id)>(?,?))")).await;
    assert_searches(&planned, &DELETE_ROWS.single_row(), 2, &format!("{key}(organization_id=? AND id=?)")).await;
}

#[tokio::test]
async fn runs_and_segments_are_found_without_reading_others() {
    let planned = PlanFixture::new().await;
    let runs = "sqlite_autoindex_audit_runs_1 (organization_id=?";
    let segments = "sqlite_autoindex_audit_segments_1 (organization_id=? AND first_sequence";
    assert_searches(&planned, &RUNS, 1, runs).await;
    assert_searches(&planned, &DELETE_RUNS.single_row(), 2, &format!("{runs} AND first_sequence=?)")).await;
    assert_searches(&planned, &SEGMENTS_UPWARDS, 4, &format!("{segments}>?)")).await;
    assert_searches(&planned, &SEGMENTS_DOWNWARDS, 3, &format!("{segments}<?)")).await;
    let high = "audit_segments_high (organization_id=? AND high_id>?)";
    assert_searches(&planned, &SEGMENTS_BY_HIGH_ID, 3, high).await;
    let [of_runs, of_segments] = &*BODIES;
    assert_searches(&planned, &of_runs.single_row(), 5, &format!("{runs} AND first_sequence=?)")).await;
    assert_searches(&planned, &of_segments.single_row(), 5, &format!("{segments}=?)")).await;
    assert_searches(&planned, &ARCHIVE.single_row(), 4, &format!("{segments}=?)")).await;
    assert_searches(&planned, &REDACT_RUN, 4, &format!("{runs} AND first_sequence=?)")).await;
    assert_searches(&planned, &REDACT_SEGMENT, 5, &format!("{segments}=?)")).await;
}

#[tokio::test]
async fn heads_terms_and_tiles_are_found_by_their_keys() {
    let planned = PlanFixture::new().await;
    let head = "audit_heads USING PRIMARY KEY (organization_id=?)";
    assert_searches(&planned, &HEADS.single_row(), 1, head).await;
    assert_searches(&planned, &CHAINS, 2, "audit_heads USING PRIMARY KEY (organization_id>?)").await;
    assert_searches(&planned, &ADVANCE.single_row(), 13, head).await;
    let terms = "sqlite_autoindex_audit_terms_1 (organization_id=? AND bucket=? AND first_sequence";
    assert_searches(&planned, &TERMS_UPWARDS, 5, &format!("{terms}>? AND first_sequence<?)")).await;
    assert_searches(&planned, &TERMS_DOWNWARDS, 5, &format!("{terms}>? AND first_sequence<?)")).await;
    assert_searches(&planned, &DELETE_TERMS.single_row(), 3, &format!("{terms}=?)")).await;
    assert_searches(&planned, &REPLACE_TERMS, 4, &format!("{terms}=?)")).await;
    assert_searches(&planned, &COUNT_REDACTION, 1, head).await;
    let tile = "sqlite_autoindex_audit_tiles_1 (organization_id=? AND level=? AND tile=?)";
    assert_searches(&planned, &TILES.single_row(), 3, tile).await;
    let cosigned = "audit_cosignatures USING PRIMARY KEY (organization_id=? AND origin=? AND witness=?)";
    assert_searches(&planned, &COSIGNED.single_row(), 3, cosigned).await;
}
