//! The replacement of a body by one in which an entry is redacted.

use std::{borrow::Cow, sync::LazyLock};

use ::audit::{
    Hash,
    tables::{BodyRedaction, RunTable},
};

use super::refusal::{Refusal, require};
use crate::engine::{Session, Sql, Step, Value};

pub(crate) static REDACT_RUN: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "UPDATE audit_runs SET body = ? WHERE organization_id = ? AND first_sequence = ? AND last_sequence = ?",
    )
});
pub(crate) static REDACT_SEGMENT: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "UPDATE audit_segments SET body = ?, digest = ? \
         WHERE organization_id = ? AND first_sequence = ? AND last_sequence = ? AND body IS NOT NULL",
    )
});
pub(crate) static REPLACE_TERMS: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text("UPDATE audit_terms SET body = ? WHERE organization_id = ? AND bucket = ? AND first_sequence = ?")
});
pub(crate) static COUNT_REDACTION: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_text("UPDATE audit_heads SET redacted = redacted + 1 WHERE organization_id = ?"));

pub(super) fn redact<'s>(redaction: &'s BodyRedaction, session: &'s Session) -> Vec<Step<'s, Refusal>> {
    vec![
        Box::pin(async move { require(replace_body(redaction, session).await?, 1) }),
        Box::pin(async move {
            let Some(terms) = &redaction.terms else { return Ok(()) };
            let values = [
                Value::Blob(Cow::Borrowed(&terms.body)),
                redaction.organization.into(),
                terms.bucket.into(),
                terms.first_sequence.into(),
            ];
            // Rows that are merged are not replaced.
            Ok(session.execute(&REPLACE_TERMS, &values).await.map(drop)?)
        }),
        Box::pin(async move { require(session.execute(&COUNT_REDACTION, &[redaction.organization.into()]).await?, 1) }),
    ]
}

async fn replace_body(redaction: &BodyRedaction, session: &Session) -> Result<u64, kernel::StoreError> {
    let body = Value::Blob(Cow::Borrowed(&redaction.body[..]));
    let key = [redaction.organization.into(), redaction.first_sequence.into(), redaction.last_sequence.into()];
    let [organization, first, last] = key;
    match redaction.table {
        RunTable::Runs => session.execute(&REDACT_RUN, &[body, organization, first, last]).await,
        RunTable::Segments => {
            let digest = Hash::digest(&redaction.body);
            let digest = Value::Blob(Cow::Borrowed(&digest.0[..]));
            session.execute(&REDACT_SEGMENT, &[body, digest, organization, first, last]).await
        }
    }
}
