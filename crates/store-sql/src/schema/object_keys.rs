//! The keys of objects in the store of attachments that the records of a database name, with any schema version.

use std::sync::{Arc, LazyLock};

use kernel::{OrganizationId, StoreError};

use super::database::Database;
use crate::engine::{Sql, Value};

const CONTENTS: &str = "evidence_contents";

static OBJECT_KEY: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_text("SELECT object_key FROM evidence_contents WHERE organization_id = ? AND key = ?"));

impl Database {
    /// Calls `each` with the key of every object that a record of stored bytes names, of all organizations, in one
    /// snapshot.
    ///
    /// # Errors
    /// [`StoreError`] if they can't be read.
    pub async fn for_each_object_key(&self, mut each: impl FnMut(&str)) -> Result<(), StoreError> {
        if !self.engine.read((), |(), session| Box::pin(session.has_table(CONTENTS))).await? {
            return Ok(());
        }
        let all = Sql::from_text(&format!("SELECT object_key FROM {CONTENTS} WHERE object_key IS NOT NULL"));
        let mut keys = self.engine.stream(Arc::new(all), Vec::new(), |cells| cells.text().map(str::to_owned)).await?;
        while let Some(batch) = keys.next().await? {
            batch.iter().for_each(|key| each(key));
        }
        Ok(())
    }

    /// Returns the key of the object that has the bytes with this SHA-256 in the organization; `None` if none has.
    ///
    /// # Errors
    /// [`StoreError`] if it can't be read.
    pub async fn object_key(&self, organization: OrganizationId, sha256: &str) -> Result<Option<String>, StoreError> {
        let values: [Value<'static>; 2] = [organization.into(), sha256.to_owned().into()];
        let read = self.engine.read(values, |values, session| {
            Box::pin(session.fetch_one(&OBJECT_KEY, values, |cells| Ok(cells.opt_text()?.map(str::to_owned))))
        });
        Ok(read.await?.flatten())
    }
}
