//! The heads of chains.

use std::{borrow::Cow, sync::LazyLock};

use ::audit::{
    Hash, Head, Signature, Tree,
    tables::{HeadChange, SignedHead, StoredHead},
};
use kernel::{OrganizationId, StoreError, Ulid};

use super::refusal::{Refusal, require};
use crate::{
    engine::{BatchStatement, Column, RowReader, Session, Sql, Step, Value, column_list, corrupt, names_organizations},
    schema::audit_tables::AUDIT_HEADS,
};

const TABLE: &str = AUDIT_HEADS.name;

/// The columns of a head that a change stores: all except those of the removal and of redactions.
const CHANGED: [Column; 11] = [
    Column::text("organization_id"),
    Column::int("sequence"),
    Column::text("hash"),
    Column::blob("edge"),
    Column::text("high_id"),
    Column::int("late_ms"),
    Column::int("signed_at"),
    Column::blob("signature"),
    Column::blob("note_signature"),
    Column::int("old_through"),
    Column::blob("tag"),
];

pub(crate) static HEADS: LazyLock<BatchStatement> = LazyLock::new(|| {
    let columns = |row| column_list(row, AUDIT_HEADS.columns.iter().map(|column| column.name));
    BatchStatement::for_each(
        &CHANGED[..1],
        &format!("SELECT {} FROM {TABLE} WHERE organization_id = ?1", columns("")),
        &format!(
            "SELECT {} FROM {{rows}} JOIN {TABLE} AS h ON h.organization_id = v.organization_id WHERE {}",
            columns("h."),
            names_organizations("h.", 1)
        ),
    )
});
/// Across all organizations, since the sealer serves them all.
pub(crate) static CHAINS: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text("SELECT organization_id FROM audit_heads WHERE organization_id > ? ORDER BY organization_id LIMIT ?")
});
static BEGIN: LazyLock<BatchStatement> = LazyLock::new(|| BatchStatement::insert_ignore(TABLE, &CHANGED));
/// Advances heads that are still those before.
pub(crate) static ADVANCE: LazyLock<BatchStatement> = LazyLock::new(|| {
    let columns = [&CHANGED[..], &[Column::int("before_sequence"), Column::text("before_hash")]].concat();
    let assigned = || CHANGED.iter().enumerate().skip(1);
    let one: Vec<_> = assigned().map(|(index, column)| format!("{} = ?{}", column.name, index + 1)).collect();
    let many: Vec<_> = assigned().map(|(_, column)| format!("{0} = v.{0}", column.name)).collect();
    BatchStatement::for_each(
        &columns,
        &format!("UPDATE {TABLE} SET {} WHERE organization_id = ?1 AND sequence = ?12 AND hash = ?13", one.join(", ")),
        &format!(
            "UPDATE {TABLE} AS t SET {} FROM {{rows}} WHERE t.organization_id = v.organization_id \
             AND t.sequence = v.before_sequence AND t.hash = v.before_hash AND {}",
            many.join(", "),
            names_organizations("t.", 1)
        ),
    )
});

/// Reads the heads of those of the organizations that have one.
pub(super) async fn of_organizations(
    session: &Session,
    organizations: &[OrganizationId],
) -> Result<Vec<StoredHead>, StoreError> {
    let rows: Vec<Vec<Value<'_>>> = organizations.iter().map(|organization| vec![(*organization).into()]).collect();
    session.fetch_each(&HEADS, &rows, read).await
}

/// Reads the organizations that have a head, after this one.
pub(super) async fn chains(
    session: &Session,
    after: Option<OrganizationId>,
    limit: usize,
) -> Result<Vec<OrganizationId>, StoreError> {
    let mut after = after.map_or_else(String::new, |after| after.ulid().to_string());
    let mut found = Vec::new();
    while found.len() < limit {
        let wanted = limit - found.len();
        let values = [Value::text(&after), Value::limit(wanted)];
        let page = session.fetch(&CHAINS, &values, |cells| Ok(cells.text()?.to_owned())).await?;
        let is_last = page.len() < wanted;
        found.extend(page.iter().filter_map(|text| organization_of(text)));
        match page.into_iter().next_back() {
            Some(last) if !is_last => after = last,
            _ => break,
        }
    }
    Ok(found)
}

/// Returns the identifier with this text. A row that was changed by hand must not hide others.
pub(super) fn organization_of(text: &str) -> Option<OrganizationId> {
    let id = Ulid::from_string(text).ok();
    if id.is_none() {
        tracing::error!("the audit log has a malformed organization id: {text:?}");
    }
    id.map(OrganizationId::new)
}

/// Returns the steps that begin and advance chains.
pub(super) fn store<'s>(session: &'s Session, heads: &'s [HeadChange]) -> Vec<Step<'s, Refusal>> {
    let begin: Step<'_, Refusal> = Box::pin(async move {
        let begun = heads.iter().filter(|change| change.before == Head::EMPTY);
        let rows: Vec<Vec<Value<'_>>> = begun.map(|change| values(&change.after)).collect();
        require(session.insert_each(&BEGIN, &rows).await?, rows.len())
    });
    let advance: Step<'_, Refusal> = Box::pin(async move {
        let advanced = heads.iter().filter(|change| change.before != Head::EMPTY);
        let rows: Vec<Vec<Value<'_>>> = advanced.map(advanced_values).collect();
        require(session.execute_each(&ADVANCE, &rows).await?, rows.len())
    });
    vec![begin, advance]
}

fn advanced_values(change: &HeadChange) -> Vec<Value<'_>> {
    let mut values = values(&change.after);
    values.extend([change.before.sequence.into(), change.before.hash.to_string().into()]);
    values
}

/// The values of [`CHANGED`].
fn values(head: &StoredHead) -> Vec<Value<'_>> {
    let signed = head.signed.as_ref();
    let blob = |bytes| Value::Blob(Cow::Borrowed(bytes));
    vec![
        head.organization.into(),
        head.head.sequence.into(),
        head.head.hash.to_string().into(),
        Value::opt(head.tree.as_ref().map(edge_bytes)),
        head.high_id.into(),
        head.late_ms.into(),
        Value::opt(signed.map(|signed| signed.signed_at)),
        signed.map_or(Value::Null, |signed| blob(&signed.checkpoint.0[..])),
        signed.and_then(|signed| signed.note.as_ref()).map_or(Value::Null, |note| blob(&note.0[..])),
        head.old_through.into(),
        signed.map_or(Value::Null, |signed| blob(&signed.tag[..])),
    ]
}

fn edge_bytes(tree: &Tree) -> Vec<u8> {
    tree.edge().iter().flat_map(|hash| hash.0).collect()
}

/// Reads all columns of [`AUDIT_HEADS`].
pub(super) fn read(cells: &mut RowReader<'_>) -> Result<StoredHead, StoreError> {
    let organization = cells.id()?;
    let head = Head { sequence: cells.int()?, hash: cells.parsed(str::parse)? };
    let removed = Head { sequence: cells.int()?, hash: cells.parsed(str::parse)? };
    let tree = cells.opt_blob()?.map(|edge| tree(head.sequence, edge)).transpose()?;
    let high_id = high_id(cells.text()?)?;
    let late_ms = cells.int()?;
    let (signed_at, checkpoint, note) = (cells.opt_time()?, signature(cells)?, signature(cells)?);
    let old_through = cells.int()?;
    let tag: Option<[u8; 32]> = cells.opt_blob()?.map(|tag| tag.try_into().map_err(corrupt)).transpose()?;
    let signed = match (signed_at, checkpoint, tag) {
        (Some(signed_at), Some(checkpoint), Some(tag)) => Some(SignedHead { signed_at, checkpoint, note, tag }),
        _ => None,
    };
    let redacted = cells.int()?;
    Ok(StoredHead { organization, head, tree, high_id, late_ms, signed, removed, old_through, redacted })
}

fn tree(sequence: i64, edge: &[u8]) -> Result<Tree, StoreError> {
    let (hashes, rest) = edge.as_chunks::<32>();
    let size = u64::try_from(sequence).map_err(corrupt)?;
    let tree = Tree::from_edge(size, hashes.iter().map(|hash| Hash(*hash)).collect());
    tree.filter(|_| rest.is_empty()).ok_or_else(|| corrupt("the edge of a tree has another length than its size needs"))
}

/// The migrated head of a chain has no identifier.
fn high_id(text: &str) -> Result<Ulid, StoreError> {
    if text.is_empty() { Ok(Ulid::nil()) } else { Ulid::from_string(text).map_err(corrupt) }
}

fn signature(cells: &mut RowReader<'_>) -> Result<Option<Signature>, StoreError> {
    let bytes = cells.opt_blob()?;
    bytes.map(|bytes| bytes.try_into().map(Signature).map_err(corrupt)).transpose()
}
