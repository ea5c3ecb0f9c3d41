//! The heads that witnesses have cosigned.

use std::{borrow::Cow, sync::LazyLock};

use ::audit::tables::{CosignatureTable, CosignedRow};
use async_trait::async_trait;
use kernel::{OrganizationId, StoreError};

use super::SqlAuditTables;
use crate::{
    engine::{BatchStatement, RowReader, Session, Value, names_organizations},
    schema::audit_tables::AUDIT_COSIGNATURES,
};

pub(crate) static COSIGNED: LazyLock<BatchStatement> = LazyLock::new(|| {
    BatchStatement::for_each(
        &AUDIT_COSIGNATURES.columns[..3],
        "SELECT organization_id, origin, witness, note FROM audit_cosignatures \
         WHERE organization_id = ?1 AND origin = ?2 AND witness = ?3",
        &format!(
            "SELECT t.organization_id, t.origin, t.witness, t.note FROM {{rows}} JOIN audit_cosignatures AS t \
             ON t.organization_id = v.organization_id AND t.origin = v.origin AND t.witness = v.witness WHERE {}",
            names_organizations("t.", 1)
        ),
    )
});
static REPLACE_COSIGNED: LazyLock<BatchStatement> = LazyLock::new(|| {
    BatchStatement::upsert_by(AUDIT_COSIGNATURES.name, &AUDIT_COSIGNATURES.columns, 3, "note = excluded.note")
});

#[async_trait]
impl CosignatureTable for SqlAuditTables {
    async fn cosigned(
        &self,
        organization: OrganizationId,
        origin: &str,
        witnesses: &[String],
    ) -> Result<Vec<CosignedRow>, StoreError> {
        let input = (organization, origin.to_owned(), witnesses.to_vec());
        let read =
            self.engine.read(input, |(of, origin, witnesses), session| Box::pin(read(session, *of, origin, witnesses)));
        read.await
    }

    async fn store_cosigned(&self, rows: &[CosignedRow]) -> Result<(), StoreError> {
        let stored = self.engine.write(rows.to_vec(), |rows, session| Box::pin(replace(session, rows)));
        stored.await
    }
}

async fn read(
    session: &Session,
    organization: OrganizationId,
    origin: &str,
    witnesses: &[String],
) -> Result<Vec<CosignedRow>, StoreError> {
    let key = |witness| vec![organization.into(), Value::text(origin), Value::text(witness)];
    let rows: Vec<Vec<Value<'_>>> = witnesses.iter().map(key).collect();
    let read = |cells: &mut RowReader<'_>| {
        Ok(CosignedRow {
            organization: cells.id()?,
            origin: cells.text()?.to_owned(),
            witness: cells.text()?.to_owned(),
            note: cells.blob()?.to_vec(),
        })
    };
    session.fetch_each(&COSIGNED, &rows, read).await
}

async fn replace(session: &Session, rows: &[CosignedRow]) -> Result<(), StoreError> {
    let mut values: Vec<Vec<Value<'_>>> = Vec::new();
    for row in rows {
        let note = Value::Blob(Cow::Borrowed(row.note.as_slice()));
        values.push(vec![row.organization.into(), Value::text(&row.origin), Value::text(&row.witness), note]);
    }
    session.execute_each(&REPLACE_COSIGNED, &values).await.map(drop)
}
