//! Removal of the oldest entries of a chain.

use std::sync::LazyLock;

use ::audit::tables::PrefixRemoval;
use kernel::StoreError;

use super::{
    changes::replace_tiles,
    refusal::{Refusal, require},
};
use crate::engine::{RowReader, Session, Sql, Step, Value, pipeline2};

static BEGIN_AFTER: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "UPDATE audit_heads SET removed_through = ?, removed_hash = ? WHERE organization_id = ? \
         AND removed_through = ? AND removed_hash = ? AND sequence >= ?",
    )
});
static DELETE_RUNS: LazyLock<Sql> = LazyLock::new(|| delete_bodies("audit_runs"));
static DELETE_SEGMENTS: LazyLock<Sql> = LazyLock::new(|| delete_bodies("audit_segments"));
static DELETE_TERMS: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text("DELETE FROM audit_terms WHERE organization_id = ? AND bucket = -1 AND first_sequence < ?")
});
static DELETE_MERGED_TERMS: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text("DELETE FROM audit_terms WHERE organization_id = ? AND bucket >= 0 AND first_sequence < ?")
});
static DELETE_CHECKPOINTS: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_text("DELETE FROM audit_checkpoints WHERE organization_id = ? AND sequence <= ?"));

/// The condition on the first sequence is that of the index.
fn delete_bodies(table: &str) -> Sql {
    Sql::from_text(&format!(
        "DELETE FROM {table} WHERE organization_id = ? AND first_sequence <= ? AND last_sequence <= ? \
         RETURNING first_sequence, last_sequence"
    ))
}

pub(super) fn remove<'s>(removal: &'s PrefixRemoval, session: &'s Session) -> Vec<Step<'s, Refusal>> {
    let PrefixRemoval { organization, before, last, terms_before, merged_terms_before, tiles } = removal;
    let organization = *organization;
    let begin: Step<'_, Refusal> = Box::pin(async move {
        let values = [
            last.sequence.into(),
            last.hash.to_string().into(),
            organization.into(),
            before.sequence.into(),
            before.hash.to_string().into(),
            last.sequence.into(),
        ];
        require(session.execute(&BEGIN_AFTER, &values).await?, 1)
    });
    // Blocks that become a segment meanwhile are gone when they are deleted here, and then the segment is there.
    let bodies: Step<'_, Refusal> = Box::pin(async move {
        let values = [organization.into(), last.sequence.into(), last.sequence.into()];
        let deleted =
            pipeline2(session.fetch(&DELETE_RUNS, &values, entries), session.fetch(&DELETE_SEGMENTS, &values, entries));
        let (runs, segments) = deleted.await?;
        let removed: i64 = runs.into_iter().chain(segments).sum();
        if removed == last.sequence - before.sequence { Ok(()) } else { Err(Refusal::Refused) }
    });
    vec![
        begin,
        bodies,
        delete(session, &DELETE_TERMS, [organization.into(), (*terms_before).into()]),
        delete(session, &DELETE_MERGED_TERMS, [organization.into(), (*merged_terms_before).into()]),
        delete(session, &DELETE_CHECKPOINTS, [organization.into(), last.sequence.into()]),
        replace_tiles(session, organization, tiles),
    ]
}

/// The number of entries of a deleted row.
fn entries(cells: &mut RowReader<'_>) -> Result<i64, StoreError> {
    let (first, last) = (cells.int()?, cells.int()?);
    Ok(last - first + 1)
}

fn delete<'s>(session: &'s Session, sql: &'static Sql, values: [Value<'s>; 2]) -> Step<'s, Refusal> {
    Box::pin(async move { Ok(session.execute(sql, &values).await.map(drop)?) })
}
