//! Storing seals, with the head of the chain as a fence against concurrent sealers.

use std::{borrow::Cow, sync::LazyLock};

use ::audit::{Checkpoint, Head, SealedBatch};
use kernel::StoreError;

use crate::{
    engine::{BatchStatement, Session, Sql, Value, corrupt},
    schema::tables::{AUDIT_SEALS, AUDIT_WAITING},
};

static BEGIN_CHAIN: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "INSERT INTO audit_heads (sequence, hash, organization_id) VALUES (?, ?, ?) ON CONFLICT (organization_id) DO NOTHING",
    )
});
static ADVANCE_HEAD: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "UPDATE audit_heads SET sequence = ?, hash = ? WHERE organization_id = ? AND sequence = ? AND hash = ?",
    )
});
static INSERT_SEALS: LazyLock<BatchStatement> =
    LazyLock::new(|| BatchStatement::insert_strict(AUDIT_SEALS.name, &AUDIT_SEALS.columns));
static DELETE_UNSEALED: LazyLock<BatchStatement> = LazyLock::new(|| BatchStatement::delete(AUDIT_WAITING.name));
static INSERT_CHECKPOINT: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "INSERT INTO audit_checkpoints (organization_id, sequence, hash, signed_at, signature) VALUES (?, ?, ?, ?, ?)",
    )
});

/// Stores a batch of seals and its checkpoint. Returns `false` and stores nothing if the head of the chain is no longer
/// the one that the batch continues.
pub(super) async fn store(session: &Session, batch: &SealedBatch, checkpoint: &Checkpoint) -> Result<bool, StoreError> {
    if batch.seals.is_empty() {
        return Err(corrupt("a batch of seals must have at least one entry"));
    }
    if !advance_head(session, batch).await? {
        return Ok(false);
    }
    let unsealed: Vec<Vec<Value<'_>>> =
        batch.seals.iter().map(|(id, _)| vec![batch.organization.into(), (*id).into()]).collect();
    let sealed: Vec<Vec<Value<'_>>> = batch
        .seals
        .iter()
        .map(|(id, seal)| {
            vec![
                batch.organization.into(),
                seal.sequence.into(),
                (*id).into(),
                seal.previous_hash.to_string().into(),
                seal.hash.to_string().into(),
            ]
        })
        .collect();
    if session.execute_each(&DELETE_UNSEALED, &unsealed).await? != unsealed.len() as u64 {
        return Err(corrupt("an entry of the batch is already sealed or does not exist"));
    }
    // No row is ignored: a conflict is an error.
    session.execute_each(&INSERT_SEALS, &sealed).await?;
    let values = [
        checkpoint.organization.into(),
        checkpoint.sequence.into(),
        checkpoint.hash.to_string().into(),
        checkpoint.signed_at.into(),
        Value::Blob(Cow::Borrowed(&checkpoint.signature.0)),
    ];
    session.execute(&INSERT_CHECKPOINT, &values).await?;
    Ok(true)
}

async fn advance_head(session: &Session, batch: &SealedBatch) -> Result<bool, StoreError> {
    let head = batch.head();
    let mut values: Vec<Value<'_>> =
        vec![head.sequence.into(), head.hash.to_string().into(), batch.organization.into()];
    let affected = if batch.after == Head::EMPTY {
        session.execute(&BEGIN_CHAIN, &values).await?
    } else {
        values.extend([batch.after.sequence.into(), batch.after.hash.to_string().into()]);
        session.execute(&ADVANCE_HEAD, &values).await?
    };
    Ok(affected == 1)
}
