//! Service accounts. Their secrets, one or two, are stored as one JSON text: they are only read and written with the
//! account.

use auth::{AccountFilter, AccountLimits, AccountStatus, SecretHash, ServiceAccount, StoredSecret};
use kernel::{StoreError, Timestamp};
use serde_json::json;

use crate::{
    engine::{Column, RowReader, Value, corrupt},
    records::table::{Key, Table},
};

impl Table for ServiceAccount {
    const NAME: &'static str = "service_accounts";
    const COLUMNS: &'static [Column] = &[
        Column::text("name"),
        Column::text("contact"),
        Column::text("scopes"),
        Column::text("status"),
        Column::int("expires_at"),
        Column::text("secrets"),
        Column::int("read_limit"),
        Column::int("write_limit"),
    ];
    const KEY: Option<Key> = Some(Key::within_organization("name"));

    fn bind<'r>(&'r self, row: &mut Vec<Value<'r>>) {
        row.extend([
            Value::text(&self.name),
            Value::opt_text(self.contact.as_ref()),
            Value::from(self.scopes.to_string()),
            Value::text(self.status.name()),
            Value::opt(self.expires_at),
            Value::from(secrets_text(&self.secrets)),
            Value::opt(self.limits.reads.map(i64::from)),
            Value::opt(self.limits.writes.map(i64::from)),
        ]);
    }

    fn read(cells: &mut RowReader<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            name: cells.trusted()?,
            contact: cells.opt_trusted()?,
            scopes: cells.parsed(str::parse)?,
            status: cells.parsed(|name| AccountStatus::from_name(name).ok_or("no such status"))?,
            expires_at: cells.opt_time()?,
            secrets: cells.parsed(secrets)?,
            limits: AccountLimits { reads: limit(cells)?, writes: limit(cells)? },
        })
    }

    fn filter_values(_: &AccountFilter) -> Vec<Vec<Value<'static>>> {
        Vec::new()
    }
}

fn secrets_text(secrets: &[StoredSecret]) -> String {
    let each = |secret: &StoredSecret| json!({ "hash": secret.hash.as_str(), "endsAt": secret.expires_at.map(Timestamp::millis) });
    serde_json::Value::Array(secrets.iter().map(each).collect()).to_string()
}

fn secrets(text: &str) -> Result<Vec<StoredSecret>, &'static str> {
    const MALFORMED: &str = "not a list of secrets";
    let list: serde_json::Value = serde_json::from_str(text).map_err(|_| MALFORMED)?;
    let each = |secret: &serde_json::Value| {
        let hash = secret.get("hash")?.as_str()?;
        let ends_at = match secret.get("endsAt")? {
            serde_json::Value::Null => None,
            moment => Some(Timestamp::from_millis(moment.as_i64()?)),
        };
        Some(StoredSecret { hash: SecretHash::new(hash), expires_at: ends_at })
    };
    list.as_array().and_then(|list| list.iter().map(each).collect()).ok_or(MALFORMED)
}

fn limit(cells: &mut RowReader<'_>) -> Result<Option<u32>, StoreError> {
    cells.opt_int()?.map(u32::try_from).transpose().map_err(corrupt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_read_back_as_they_were_written() {
        let expected = vec![
            StoredSecret { hash: SecretHash::new("$argon2id$new"), expires_at: None },
            StoredSecret { hash: SecretHash::new("\"old\""), expires_at: Some(Timestamp::from_millis(5)) },
        ];
        assert_eq!(secrets(&secrets_text(&expected)), Ok(expected));
        for bad in ["", "{}", "[{}]", r#"[{"hash":1,"endsAt":null}]"#, r#"[{"hash":"a"}]"#] {
            assert!(secrets(bad).is_err(), "{bad}");
        }
    }
}
