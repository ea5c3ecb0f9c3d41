//! Webhook subscriptions. Their secrets, one or two, are stored as one JSON text: they are only read and written with
//! the subscription.

use std::{collections::BTreeSet, convert::Infallible};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use kernel::{StoreError, Timestamp};
use serde_json::json;
use webhooks::{
    DisabledReason, EncryptedSecret, EndpointUrl, EventType, SubscriptionFilter, SubscriptionStatus,
    WebhookSubscription,
};

use crate::{
    engine::{Column, RowReader, Value, corrupt},
    records::table::{Filter, Key, Table, enum_filter},
};

impl Table for WebhookSubscription {
    const NAME: &'static str = "webhook_subscriptions";
    const COLUMNS: &'static [Column] = &[
        Column::text("account_id"),
        Column::int("place"),
        Column::text("key"),
        Column::text("url"),
        Column::text("description"),
        Column::text("event_types"),
        Column::text("status"),
        Column::text("disabled_reason"),
        Column::text("secrets"),
    ];
    const KEY: Option<Key> = Some(Key::within_organization("key"));
    const FILTERS: &'static [Filter] = &[Filter::selective("account_id"), Filter::unselective("status")];

    fn bind<'r>(&'r self, row: &mut Vec<Value<'r>>) {
        row.extend([
            self.account.into(),
            Value::Int(self.slot.into()),
            Value::opt_text(kernel::Resource::unique_key(self)),
            Value::text(self.url.as_str()),
            Value::text(&self.description),
            Value::from(event_types_text(&self.event_types)),
            Value::text(self.status.name()),
            Value::opt_text(self.disabled_reason.map(DisabledReason::name)),
            Value::from(secrets_text(&self.secrets)),
        ]);
    }

    fn read(cells: &mut RowReader<'_>) -> Result<Self, StoreError> {
        let account = cells.id()?;
        let slot = u8::try_from(cells.int()?).map_err(corrupt)?;
        // The key, which is derived from other fields.
        cells.opt_text()?;
        let url = cells.parsed(|text| EndpointUrl::from_stored(text).ok_or("not a URL"))?;
        Ok(Self::from_parts(
            account,
            slot,
            url,
            cells.trusted()?,
            cells.parsed(event_types)?,
            cells.enum_value(SubscriptionStatus::ALL, SubscriptionStatus::name)?,
            cells.opt_parsed(disabled_reason)?,
            cells.parsed(secrets)?,
        ))
    }

    fn filter_values(filter: &SubscriptionFilter) -> Vec<Vec<Value<'static>>> {
        vec![
            filter.account.map(Value::from).into_iter().collect(),
            enum_filter(&filter.statuses, SubscriptionStatus::name),
        ]
    }
}

fn event_types_text(event_types: &BTreeSet<EventType>) -> String {
    event_types.iter().map(|event| event.name()).collect::<Vec<_>>().join(" ")
}

/// Parses the event types. Those that only a newer server supports are left out.
fn event_types(text: &str) -> Result<BTreeSet<EventType>, Infallible> {
    Ok(text.split(' ').filter_map(|name| name.parse().ok()).collect())
}

fn disabled_reason(name: &str) -> Result<DisabledReason, &'static str> {
    DisabledReason::ALL.iter().copied().find(|reason| reason.name() == name).ok_or("no such reason")
}

fn secrets_text(secrets: &[EncryptedSecret]) -> String {
    let each = |secret: &EncryptedSecret| {
        let sealed = STANDARD_NO_PAD.encode(&secret.ciphertext);
        json!({ "sealed": sealed, "endsAt": secret.expires_at.map(Timestamp::millis) })
    };
    serde_json::Value::Array(secrets.iter().map(each).collect()).to_string()
}

fn secrets(text: &str) -> Result<Vec<EncryptedSecret>, &'static str> {
    const MALFORMED: &str = "not a list of secrets";
    let list: serde_json::Value = serde_json::from_str(text).map_err(|_| MALFORMED)?;
    let each = |secret: &serde_json::Value| {
        let sealed = STANDARD_NO_PAD.decode(secret.get("sealed")?.as_str()?).ok()?;
        let ends_at = match secret.get("endsAt")? {
            serde_json::Value::Null => None,
            moment => Some(Timestamp::from_millis(moment.as_i64()?)),
        };
        Some(EncryptedSecret { ciphertext: sealed, expires_at: ends_at })
    };
    list.as_array().and_then(|list| list.iter().map(each).collect()).ok_or(MALFORMED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_read_back_as_they_were_written() {
        let expected = vec![
            EncryptedSecret { ciphertext: vec![0, 255, 7], expires_at: None },
            EncryptedSecret { ciphertext: Vec::new(), expires_at: Some(Timestamp::from_millis(5)) },
        ];
        assert_eq!(secrets(&secrets_text(&expected)), Ok(expected));
        for bad in ["", "{}", "[{}]", r#"[{"sealed":1,"endsAt":null}]"#, r#"[{"sealed":"AA"}]"#] {
            assert!(secrets(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_event_of_a_newer_server_is_passed_over() {
        let supported = BTreeSet::from([EventType::FindingCreated, EventType::FindingClosed]);
        assert_eq!(event_types(&event_types_text(&supported)), Ok(supported.clone()));
        assert_eq!(event_types(&format!("later.event {}", event_types_text(&supported))), Ok(supported));
        assert_eq!(event_types(""), Ok(BTreeSet::new()));
    }
}
