//! Changes of runs, segments, the index and tiles.

use std::{borrow::Cow, sync::LazyLock};

use ::audit::tables::{
    Archival, Compaction, Conversion, HeadChange, LeaseHold, NewRun, NewSegment, TermMerge, TermRow, TileRow,
};
use kernel::OrganizationId;

use super::{
    heads,
    refusal::{Refusal, require},
};
use crate::{
    engine::{BatchStatement, Column, Session, Sql, Step, Value, names_organizations},
    schema::audit_tables::{AUDIT_CHECKPOINTS, AUDIT_RUNS, AUDIT_SEGMENTS, AUDIT_TERMS, AUDIT_TILES},
};

static RENEW_LEASE: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_text("UPDATE leases SET expires_at = ? WHERE name = ? AND holder = ?"));
static INSERT_RUNS: LazyLock<BatchStatement> =
    LazyLock::new(|| BatchStatement::insert_ignore(AUDIT_RUNS.name, &AUDIT_RUNS.columns));
static INSERT_SEGMENTS: LazyLock<BatchStatement> =
    LazyLock::new(|| BatchStatement::insert_ignore(AUDIT_SEGMENTS.name, &AUDIT_SEGMENTS.columns));
static INSERT_TERMS: LazyLock<BatchStatement> =
    LazyLock::new(|| BatchStatement::insert_ignore(AUDIT_TERMS.name, &AUDIT_TERMS.columns));
static INSERT_CHECKPOINTS: LazyLock<BatchStatement> =
    LazyLock::new(|| BatchStatement::insert_ignore(AUDIT_CHECKPOINTS.name, &AUDIT_CHECKPOINTS.columns));
static REPLACE_TILES: LazyLock<BatchStatement> =
    LazyLock::new(|| BatchStatement::upsert_by(AUDIT_TILES.name, &AUDIT_TILES.columns, 3, "hashes = excluded.hashes"));
pub(crate) static DELETE_RUNS: LazyLock<BatchStatement> = LazyLock::new(|| {
    BatchStatement::for_each(
        &AUDIT_RUNS.columns[..2],
        "DELETE FROM audit_runs WHERE organization_id = ?1 AND first_sequence = ?2",
        &format!(
            "DELETE FROM audit_runs AS t USING {{rows}} WHERE t.organization_id = v.organization_id \
             AND t.first_sequence = v.first_sequence AND {}",
            names_organizations("t.", 1)
        ),
    )
});
pub(crate) static DELETE_TERMS: LazyLock<BatchStatement> = LazyLock::new(|| {
    let columns = [Column::text("organization_id"), Column::int("bucket"), Column::int("first_sequence")];
    BatchStatement::for_each(
        &columns,
        "DELETE FROM audit_terms WHERE organization_id = ?1 AND bucket = ?2 AND first_sequence = ?3",
        &format!(
            "DELETE FROM audit_terms AS t USING {{rows}} WHERE t.organization_id = v.organization_id \
             AND t.bucket = v.bucket AND t.first_sequence = v.first_sequence AND {}",
            names_organizations("t.", 1)
        ),
    )
});

pub(crate) static ARCHIVE: LazyLock<BatchStatement> = LazyLock::new(|| {
    let columns = [
        Column::text("organization_id"),
        Column::int("first_sequence"),
        Column::text("object"),
        Column::int("object_offset"),
    ];
    BatchStatement::for_each(
        &columns,
        "UPDATE audit_segments SET object = ?3, object_offset = ?4, body = NULL \
         WHERE organization_id = ?1 AND first_sequence = ?2 AND body IS NOT NULL",
        &format!(
            "UPDATE audit_segments AS t SET object = v.object, object_offset = v.object_offset, body = NULL \
             FROM {{rows}} WHERE t.organization_id = v.organization_id AND t.first_sequence = v.first_sequence \
             AND t.body IS NOT NULL AND {}",
            names_organizations("t.", 1)
        ),
    )
});

/// Renews a lease that its owner must hold, and locks its row.
pub(super) fn renew_lease<'s>(session: &'s Session, lease: &'s LeaseHold) -> Step<'s, Refusal> {
    Box::pin(async move {
        let values = [(lease.now + lease.duration).into(), Value::text(lease.lease), Value::text(&lease.owner)];
        require(session.execute(&RENEW_LEASE, &values).await?, 1)
    })
}

pub(super) fn compact<'s>(compaction: &'s Compaction, session: &'s Session) -> Vec<Step<'s, Refusal>> {
    let Compaction { organization, replaced_runs, segment, terms, tiles, .. } = compaction;
    let replaced = replaced_runs.iter().map(|first| (*organization, *first)).collect();
    vec![
        delete_runs(session, replaced),
        insert(session, &INSERT_SEGMENTS, vec![segment_values(*organization, segment)]),
        insert(session, &INSERT_TERMS, vec![term_values(*organization, terms)]),
        replace_tiles(session, *organization, tiles),
    ]
}

pub(super) fn merge_terms<'s>(merge: &'s TermMerge, session: &'s Session) -> Vec<Step<'s, Refusal>> {
    let organization = merge.organization;
    let delete: Step<'_, Refusal> = Box::pin(async move {
        let key = |first: &i64| vec![organization.into(), Value::Int(-1), (*first).into()];
        let rows: Vec<Vec<Value<'_>>> = merge.replaced.iter().map(key).collect();
        require(session.execute_each(&DELETE_TERMS, &rows).await?, rows.len())
    });
    let rows = merge.rows.iter().map(|row| term_values(organization, row)).collect();
    vec![delete, insert(session, &INSERT_TERMS, rows)]
}

/// Sets the places of segments in the archive. A segment whose body is gone is not changed, which refuses all.
pub(super) fn archive<'s>(archival: &'s Archival, session: &'s Session) -> Vec<Step<'s, Refusal>> {
    let Archival { organization, object, segments, .. } = archival;
    vec![Box::pin(async move {
        let row = |(first, offset): &(i64, i64)| {
            vec![(*organization).into(), (*first).into(), Value::text(object), (*offset).into()]
        };
        let rows: Vec<Vec<Value<'_>>> = segments.iter().map(row).collect();
        require(session.execute_each(&ARCHIVE, &rows).await?, rows.len())
    })]
}

pub(super) fn convert<'s>(conversion: &'s Conversion, session: &'s Session) -> Vec<Step<'s, Refusal>> {
    let organization = conversion.organization;
    let segments = conversion.segments.iter().map(|segment| segment_values(organization, segment)).collect();
    let runs = conversion.runs.iter().map(|run| run_values(organization, run)).collect();
    let terms = conversion.terms.iter().map(|row| term_values(organization, row)).collect();
    let mut steps = vec![
        insert(session, &INSERT_SEGMENTS, segments),
        insert(session, &INSERT_RUNS, runs),
        insert(session, &INSERT_TERMS, terms),
        replace_tiles(session, organization, &conversion.tiles),
    ];
    steps.extend(change_chains(session, conversion.head.as_slice()));
    steps
}

/// Returns the steps that store the progress of chains.
pub(super) fn change_chains<'s>(session: &'s Session, heads: &'s [HeadChange]) -> Vec<Step<'s, Refusal>> {
    let organization = |change: &HeadChange| change.after.organization;
    let replaced =
        heads.iter().flat_map(|change| change.replaced_runs.iter().map(|first| (organization(change), *first)));
    let runs = heads.iter().flat_map(|change| change.runs.iter().map(|run| run_values(organization(change), run)));
    let checkpoints = heads.iter().filter_map(|change| change.checkpoint.as_ref()).map(|checkpoint| {
        vec![
            checkpoint.organization.into(),
            checkpoint.sequence.into(),
            checkpoint.hash.to_string().into(),
            checkpoint.signed_at.into(),
            Value::Blob(Cow::Borrowed(&checkpoint.signature.0[..])),
        ]
    });
    let mut steps = heads::store(session, heads);
    steps.push(delete_runs(session, replaced.collect()));
    steps.push(insert(session, &INSERT_RUNS, runs.collect()));
    steps.push(insert(session, &INSERT_CHECKPOINTS, checkpoints.collect()));
    steps
}

fn delete_runs(session: &Session, keys: Vec<(OrganizationId, i64)>) -> Step<'_, Refusal> {
    Box::pin(async move {
        let rows: Vec<Vec<Value<'_>>> = keys.iter().map(|(of, first)| vec![(*of).into(), (*first).into()]).collect();
        require(session.execute_each(&DELETE_RUNS, &rows).await?, rows.len())
    })
}

/// Inserts rows of which none may exist.
pub(super) fn insert<'s>(
    session: &'s Session,
    statement: &'static BatchStatement,
    rows: Vec<Vec<Value<'s>>>,
) -> Step<'s, Refusal> {
    Box::pin(async move { require(session.insert_each(statement, &rows).await?, rows.len()) })
}

/// Stores tiles in the place of stored ones.
pub(super) fn replace_tiles<'s>(
    session: &'s Session,
    organization: OrganizationId,
    tiles: &'s [TileRow],
) -> Step<'s, Refusal> {
    Box::pin(async move {
        let row =
            |tile: &'s TileRow| vec![organization.into(), tile.level.into(), tile.tile.into(), blob(&tile.hashes)];
        let rows: Vec<Vec<Value<'_>>> = tiles.iter().map(row).collect();
        Ok(session.execute_each(&REPLACE_TILES, &rows).await.map(drop)?)
    })
}

fn run_values(organization: OrganizationId, run: &NewRun) -> Vec<Value<'_>> {
    vec![
        organization.into(),
        run.first_sequence.into(),
        run.last_sequence.into(),
        run.first_id.into(),
        run.high_id.into(),
        blob(&run.body),
    ]
}

fn segment_values(organization: OrganizationId, segment: &NewSegment) -> Vec<Value<'_>> {
    let mut values = run_values(organization, &segment.run);
    values.splice(5..5, [blob(&segment.digest.0), Value::Null, Value::Null]);
    values
}

fn term_values(organization: OrganizationId, row: &TermRow) -> Vec<Value<'_>> {
    vec![organization.into(), row.bucket.into(), row.first_sequence.into(), blob(&row.body)]
}

fn blob(bytes: &[u8]) -> Value<'_> {
    Value::Blob(Cow::Borrowed(bytes))
}
