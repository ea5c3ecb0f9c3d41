//! The outbox: events that are stored with the changes that caused them.

use std::{
    borrow::{Borrow, Cow},
    sync::LazyLock,
};

use kernel::{OutboxEvent, StoreError};

use crate::{
    engine::{BatchStatement, Session, Sql, Value},
    schema::tables::{OUTBOX, PENDING_EVENTS},
};

/// Inserts events, each as pending.
static INSERT: LazyLock<BatchStatement> = LazyLock::new(|| {
    let [.., attempted] = PENDING_EVENTS.columns;
    let marked = PENDING_EVENTS.columns.iter().map(|column| column.name).filter(|name| *name != attempted.name);
    let marked: Vec<_> = marked.collect();
    BatchStatement::insert_with_marker(OUTBOX.name, &OUTBOX.columns, PENDING_EVENTS.name, &marked)
});
static PENDING: LazyLock<Sql> = LazyLock::new(|| Sql::from_text("SELECT count(*) FROM pending_events"));

pub(crate) async fn insert(session: &Session, events: &[impl Borrow<OutboxEvent> + Sync]) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = events.iter().map(|event| row(event.borrow())).collect();
    session.execute_each(&INSERT, &rows).await.map(drop)
}

fn row(event: &OutboxEvent) -> Vec<Value<'_>> {
    let (kind, subject) = event.subject;
    vec![
        event.organization.into(),
        event.id.into(),
        Value::text(event.name),
        Value::text(kind.name()),
        subject.into(),
        event.revision.into(),
        event.created_at.into(),
        Value::Blob(Cow::Borrowed(&event.body)),
    ]
}

/// The number of pending events.
pub(crate) async fn pending(session: &Session) -> Result<u64, StoreError> {
    Ok(session.fetch_one(&PENDING, &[], |cells| cells.count()).await?.unwrap_or(0))
}
