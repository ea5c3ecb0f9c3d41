//! Reading runs, segments, the index and tiles.

use std::sync::LazyLock;

use ::audit::{
    Checkpoint, Hash, Signature,
    tables::{
        MAX_RECENT_ROWS, Recent, RunKey, RunTable, SegmentQuery, SegmentStart, TermQuery, TermRow, TileRow, WriterRow,
    },
};
use audit_runs::MAX_ENTRIES;
use kernel::{OrganizationId, StoreError, Ulid};

use super::{heads, waiting};
use crate::{
    engine::{BatchStatement, Column, RowReader, Session, Sql, Step, Value, corrupt, names_organizations, pipeline},
    schema::audit_tables::{
        AUDIT_CHECKPOINTS, AUDIT_ENTRIES, AUDIT_HEADS, AUDIT_OLD_WAITING, AUDIT_RUNS, AUDIT_SEALS, AUDIT_SEGMENTS,
        AUDIT_TERMS, AUDIT_TILES,
    },
};

/// The tables of the log that have a row of each organization with something sealed, or an entry of the old form.
const ORGANIZATION_TABLES: [&str; 9] = [
    AUDIT_HEADS.name,
    AUDIT_RUNS.name,
    AUDIT_SEGMENTS.name,
    AUDIT_TERMS.name,
    AUDIT_TILES.name,
    AUDIT_CHECKPOINTS.name,
    AUDIT_ENTRIES.name,
    AUDIT_SEALS.name,
    AUDIT_OLD_WAITING.name,
];

pub(crate) static RUNS: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "SELECT first_sequence, last_sequence, first_id, high_id FROM audit_runs WHERE organization_id = ? \
         ORDER BY first_sequence",
    )
});
/// Segments have [`MAX_ENTRIES`] entries, so the one with a sequence begins this far before it at most.
pub(crate) static SEGMENTS_UPWARDS: LazyLock<Sql> =
    LazyLock::new(|| segments_where("first_sequence > ? AND last_sequence >= ? ORDER BY first_sequence"));
pub(crate) static SEGMENTS_DOWNWARDS: LazyLock<Sql> =
    LazyLock::new(|| segments_where("first_sequence <= ? ORDER BY first_sequence DESC"));
pub(crate) static SEGMENTS_BY_HIGH_ID: LazyLock<Sql> =
    LazyLock::new(|| segments_where("high_id >= ? ORDER BY high_id, first_sequence"));
static DIGESTS: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "SELECT first_sequence, digest FROM audit_segments WHERE organization_id = ? AND first_sequence >= ? \
         ORDER BY first_sequence LIMIT ?",
    )
});
pub(crate) static TERMS_UPWARDS: LazyLock<Sql> = LazyLock::new(|| terms_in_order(""));
pub(crate) static TERMS_DOWNWARDS: LazyLock<Sql> = LazyLock::new(|| terms_in_order(" DESC"));
pub(crate) static TILES: LazyLock<BatchStatement> = LazyLock::new(|| {
    BatchStatement::for_each(
        &[Column::text("organization_id"), Column::int("level"), Column::int("tile")],
        "SELECT level, tile, hashes FROM audit_tiles WHERE organization_id = ?1 AND level = ?2 AND tile = ?3",
        &format!(
            "SELECT t.level, t.tile, t.hashes FROM {{rows}} JOIN audit_tiles AS t \
             ON t.organization_id = v.organization_id AND t.level = v.level AND t.tile = v.tile WHERE {}",
            names_organizations("t.", 1)
        ),
    )
});
static CHECKPOINTS: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "SELECT organization_id, sequence, hash, signed_at, signature FROM audit_checkpoints \
         WHERE organization_id = ? AND sequence > ? ORDER BY sequence LIMIT ?",
    )
});
static WRITERS: LazyLock<Sql> = LazyLock::new(|| Sql::from_text("SELECT writer, state FROM audit_writers"));
/// The next organization of each table of the log: each is one lookup in an index.
static NEXT_ORGANIZATIONS: LazyLock<Sql> = LazyLock::new(|| {
    let next = ORGANIZATION_TABLES
        .map(|table| format!("(SELECT min(organization_id) FROM {table} WHERE organization_id > ?1)"));
    Sql::from_numbered_text(&format!("SELECT {}", next.join(", ")))
});

fn segments_where(condition: &str) -> Sql {
    Sql::from_text(&format!(
        "SELECT first_sequence, last_sequence, first_id, high_id, object, object_offset FROM audit_segments \
         WHERE organization_id = ? AND {condition} LIMIT ?"
    ))
}

fn terms_in_order(direction: &str) -> Sql {
    Sql::from_text(&format!(
        "SELECT bucket, first_sequence, body FROM audit_terms WHERE organization_id = ? AND bucket = ? \
         AND first_sequence >= ? AND first_sequence < ? ORDER BY first_sequence{direction} LIMIT ?"
    ))
}

/// Reads the waiting rows, the runs and the head, in this order: each in a snapshot of its own.
pub(super) async fn recent(session: &Session, organization: OrganizationId) -> Result<Recent, StoreError> {
    let mut recent = Recent { waiting: Vec::new(), runs: Vec::new(), head: None };
    let mut own = Vec::new();
    let Recent { waiting, runs, head } = &mut recent;
    let steps: Vec<Step<'_, StoreError>> = vec![
        Box::pin(async {
            *waiting = waiting::rows_of(session, OrganizationId::INSTALLATION, None, MAX_RECENT_ROWS).await?;
            Ok(())
        }),
        Box::pin(async {
            if organization != OrganizationId::INSTALLATION {
                own = waiting::rows_of(session, organization, None, MAX_RECENT_ROWS).await?;
            }
            Ok(())
        }),
        Box::pin(async {
            *runs = self::runs(session, organization).await?;
            Ok(())
        }),
        Box::pin(async {
            *head = heads::of_organizations(session, &[organization]).await?.pop();
            Ok(())
        }),
    ];
    pipeline(steps).await?;
    recent.waiting.append(&mut own);
    Ok(recent)
}

pub(super) async fn runs(session: &Session, organization: OrganizationId) -> Result<Vec<RunKey>, StoreError> {
    session.fetch(&RUNS, &[organization.into()], |cells| run_key(cells, RunTable::Runs)).await
}

pub(super) async fn segments(
    session: &Session,
    organization: OrganizationId,
    query: &SegmentQuery,
) -> Result<Vec<RunKey>, StoreError> {
    let (organization, limit) = (Value::from(organization), Value::limit(query.limit));
    let read = |cells: &mut RowReader<'_>| {
        let key = run_key(cells, RunTable::Segments)?;
        let archived = cells.opt_text()?.map(str::to_owned).zip(cells.opt_int()?);
        Ok(RunKey { archived, ..key })
    };
    if query.downwards {
        let last = if let SegmentStart::Sequence(sequence) = query.start { sequence } else { i64::MAX };
        return session.fetch(&SEGMENTS_DOWNWARDS, &[organization, last.into(), limit], read).await;
    }
    let length = i64::try_from(MAX_ENTRIES).unwrap_or(i64::MAX);
    let sequence = match query.start {
        SegmentStart::End => 0,
        SegmentStart::Sequence(sequence) => sequence,
        SegmentStart::HighId(id) => {
            return session.fetch(&SEGMENTS_BY_HIGH_ID, &[organization, id.into(), limit], read).await;
        }
    };
    let values = [organization, sequence.saturating_sub(length).into(), sequence.into(), limit];
    session.fetch(&SEGMENTS_UPWARDS, &values, read).await
}

pub(super) async fn digests(
    session: &Session,
    organization: OrganizationId,
    from: i64,
    limit: usize,
) -> Result<Vec<(i64, Hash)>, StoreError> {
    let read = |cells: &mut RowReader<'_>| Ok((cells.int()?, Hash(cells.blob()?.try_into().map_err(corrupt)?)));
    session.fetch(&DIGESTS, &[organization.into(), from.into(), Value::limit(limit)], read).await
}

fn run_key(cells: &mut RowReader<'_>, table: RunTable) -> Result<RunKey, StoreError> {
    Ok(RunKey {
        table,
        first_sequence: cells.int()?,
        last_sequence: cells.int()?,
        first_id: cells.ulid()?,
        high_id: cells.ulid()?,
        archived: None,
    })
}

pub(super) async fn terms(
    session: &Session,
    organization: OrganizationId,
    query: &TermQuery,
) -> Result<Vec<TermRow>, StoreError> {
    let sql = if query.downwards { &TERMS_DOWNWARDS } else { &TERMS_UPWARDS };
    let values =
        [organization.into(), query.bucket.into(), query.from.into(), query.before.into(), Value::limit(query.limit)];
    let read = |cells: &mut RowReader<'_>| {
        Ok(TermRow { bucket: cells.int()?, first_sequence: cells.int()?, body: cells.blob()?.to_vec() })
    };
    session.fetch(sql, &values, read).await
}

pub(super) async fn tiles(
    session: &Session,
    organization: OrganizationId,
    tiles: &[(i64, i64)],
) -> Result<Vec<TileRow>, StoreError> {
    let row = |(level, tile): &(i64, i64)| vec![organization.into(), (*level).into(), (*tile).into()];
    let rows: Vec<Vec<Value<'_>>> = tiles.iter().map(row).collect();
    let read = |cells: &mut RowReader<'_>| {
        Ok(TileRow { level: cells.int()?, tile: cells.int()?, hashes: cells.blob()?.to_vec() })
    };
    session.fetch_each(&TILES, &rows, read).await
}

pub(super) async fn checkpoints(
    session: &Session,
    organization: OrganizationId,
    after: i64,
    limit: usize,
) -> Result<Vec<Checkpoint>, StoreError> {
    let values = [organization.into(), after.into(), Value::limit(limit)];
    session.fetch(&CHECKPOINTS, &values, checkpoint).await
}

fn checkpoint(cells: &mut RowReader<'_>) -> Result<Checkpoint, StoreError> {
    Ok(Checkpoint {
        organization: cells.id()?,
        sequence: cells.int()?,
        hash: cells.parsed(str::parse)?,
        signed_at: cells.time()?,
        signature: Signature(cells.blob()?.try_into().map_err(corrupt)?),
    })
}

pub(super) async fn writers(session: &Session) -> Result<Vec<WriterRow>, StoreError> {
    let read = |cells: &mut RowReader<'_>| {
        let text = cells.text()?;
        let writer = Ulid::from_string(text).ok();
        if writer.is_none() {
            // No server wrote it, and it must not keep others from being read.
            tracing::error!("the state of a process that writes entries has a malformed key: {text:?}");
        }
        let state = cells.blob()?.to_vec();
        Ok(writer.map(|writer| WriterRow { writer, state }))
    };
    Ok(session.fetch(&WRITERS, &[], read).await?.into_iter().flatten().collect())
}

/// Reads the next organization of any table after this text, which is that of its identifier.
pub(super) async fn next_organization(session: &Session, after: &str) -> Result<Option<String>, StoreError> {
    let read = |cells: &mut RowReader<'_>| {
        let mut next: Option<String> = None;
        while cells.columns_read() < ORGANIZATION_TABLES.len() {
            let found = cells.opt_text()?.filter(|found| next.as_deref().is_none_or(|next| *found < next));
            next = found.map(str::to_owned).or(next);
        }
        Ok(next)
    };
    Ok(session.fetch_one(&NEXT_ORGANIZATIONS, &[Value::text(after)], read).await?.flatten())
}
