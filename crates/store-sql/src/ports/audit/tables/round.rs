//! Rounds of sealing.

use std::{borrow::Cow, sync::LazyLock};

use ::audit::tables::SealingRound;

use super::{
    changes::{change_chains, insert},
    refusal::{Refusal, require},
    waiting::{DELETE_ROWS, INSERT_ROWS_AGAIN, key_values, row_values},
};
use crate::{
    engine::{BatchStatement, Session, Step, Value},
    schema::audit_tables::{AUDIT_ENTRIES, AUDIT_OLD_WAITING, AUDIT_WRITERS},
};

static DELETE_OLD_WAITING: LazyLock<BatchStatement> = LazyLock::new(|| BatchStatement::delete(AUDIT_OLD_WAITING.name));
static DELETE_OLD_ENTRIES: LazyLock<BatchStatement> = LazyLock::new(|| BatchStatement::delete(AUDIT_ENTRIES.name));
static STORE_WRITERS: LazyLock<BatchStatement> = LazyLock::new(|| {
    BatchStatement::upsert_by(AUDIT_WRITERS.name, &AUDIT_WRITERS.columns, 1, "state = excluded.state")
});
static DELETE_WRITERS: LazyLock<BatchStatement> = LazyLock::new(|| {
    BatchStatement::for_each(
        &AUDIT_WRITERS.columns[..1],
        "DELETE FROM audit_writers WHERE writer = ?1",
        "DELETE FROM audit_writers AS t USING {rows} WHERE t.writer = v.writer",
    )
});

/// Returns the steps of a round. Rows are deleted before others are inserted under the same keys.
pub(super) fn seal<'s>(round: &'s SealingRound, session: &'s Session) -> Vec<Step<'s, Refusal>> {
    let mut steps = change_chains(session, &round.heads);
    steps.push(delete(session, &DELETE_ROWS, key_values(&round.sealed)));
    steps.push(insert(session, &INSERT_ROWS_AGAIN, round.waiting.iter().map(row_values).collect()));
    let old = || round.old_waiting.iter().map(|(of, id)| vec![(*of).into(), (*id).into()]).collect();
    steps.push(delete(session, &DELETE_OLD_WAITING, old()));
    steps.push(delete(session, &DELETE_OLD_ENTRIES, old()));
    steps.push(Box::pin(async move {
        let row = |writer: &'s ::audit::tables::WriterRow| {
            vec![writer.writer.into(), Value::Blob(Cow::Borrowed(writer.state.as_slice()))]
        };
        let rows: Vec<Vec<Value<'_>>> = round.writers.iter().map(row).collect();
        Ok(session.execute_each(&STORE_WRITERS, &rows).await.map(drop)?)
    }));
    steps.push(Box::pin(async move {
        let rows: Vec<Vec<Value<'_>>> = round.ended_writers.iter().map(|writer| vec![(*writer).into()]).collect();
        Ok(session.execute_each(&DELETE_WRITERS, &rows).await.map(drop)?)
    }));
    steps
}

/// Deletes rows, all of which must exist.
fn delete<'s>(
    session: &'s Session,
    statement: &'static BatchStatement,
    rows: Vec<Vec<Value<'s>>>,
) -> Step<'s, Refusal> {
    Box::pin(async move { require(session.execute_each(statement, &rows).await?, rows.len()) })
}
