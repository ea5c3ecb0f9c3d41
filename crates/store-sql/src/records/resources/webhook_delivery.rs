//! Webhook deliveries. Their attempts are stored as one JSON text: they are only read and written with the delivery.

use std::time::Duration;

use kernel::{StoreError, Timestamp};
use serde_json::json;
use webhooks::{
    Attempt, AttemptFailure, AttemptOutcome, DeliveryFilter, DeliveryState, WebhookDelivery, WebhookSubscription,
};

use crate::{
    engine::{Column, RowReader, Value, corrupt},
    records::table::{Filter, Parent, Table, enum_filter, text_filter},
};

impl Table for WebhookDelivery {
    const NAME: &'static str = "webhook_deliveries";
    const COLUMNS: &'static [Column] = &[
        Column::text("subscription_id"),
        Column::text("event_id"),
        Column::text("event_type"),
        Column::text("subject_id"),
        Column::int("subject_revision"),
        Column::text("state"),
        Column::int("failed"),
        Column::int("next_attempt_at"),
        Column::text("attempts"),
    ];
    const PARENT: Option<Parent> =
        Some(Parent { column: "subscription_id", table: <WebhookSubscription as Table>::NAME });
    const UNCHANGED_VIEW: Option<&'static str> = Some("queued_webhook_deliveries");
    const FILTERS: &'static [Filter] =
        &[Filter::selective("subscription_id"), Filter::unindexed("state"), Filter::unindexed("event_type")];

    fn bind<'r>(&'r self, row: &mut Vec<Value<'r>>) {
        row.extend([
            self.subscription.into(),
            self.event.into(),
            Value::text(&self.event_type),
            self.subject.into(),
            self.subject_revision.into(),
            Value::text(self.state.name()),
            Value::Int(self.consecutive_failures.into()),
            Value::opt(self.next_attempt_at),
            Value::from(attempts_text(&self.attempts)),
        ]);
    }

    fn read(cells: &mut RowReader<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            subscription: cells.id()?,
            event: cells.id()?,
            event_type: cells.text()?.into(),
            subject: cells.ulid()?,
            subject_revision: cells.revision()?,
            state: cells.enum_value(DeliveryState::ALL, DeliveryState::name)?,
            consecutive_failures: u8::try_from(cells.int()?).map_err(corrupt)?,
            next_attempt_at: cells.opt_time()?,
            attempts: cells.parsed(attempts)?,
        })
    }

    fn filter_values(filter: &DeliveryFilter) -> Vec<Vec<Value<'static>>> {
        vec![
            filter.subscription.map(Value::from).into_iter().collect(),
            enum_filter(&filter.states, DeliveryState::name),
            text_filter(&filter.event_types),
        ]
    }
}

pub(crate) fn attempts_text(attempts: &[Attempt]) -> String {
    let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let each = |attempt: &Attempt| {
        let outcome = &attempt.outcome;
        json!({
            "at": attempt.at.millis(),
            "took": millis(outcome.duration),
            "status": outcome.status,
            "answer": outcome.response_body,
            "failure": outcome.failure.map(AttemptFailure::name),
            "retryAfter": outcome.retry_after.map(millis),
        })
    };
    serde_json::Value::Array(attempts.iter().map(each).collect()).to_string()
}

fn attempts(text: &str) -> Result<Vec<Attempt>, &'static str> {
    const MALFORMED: &str = "not a list of attempts";
    let list: serde_json::Value = serde_json::from_str(text).map_err(|_| MALFORMED)?;
    list.as_array().and_then(|list| list.iter().map(attempt).collect()).ok_or(MALFORMED)
}

fn attempt(stored: &serde_json::Value) -> Option<Attempt> {
    let member = |name: &str| stored.get(name).filter(|value| !value.is_null());
    let failure = match member("failure") {
        None => None,
        Some(name) => Some(AttemptFailure::ALL.iter().copied().find(|failure| name == failure.name())?),
    };
    let outcome = AttemptOutcome {
        duration: Duration::from_millis(stored.get("took")?.as_u64()?),
        status: member("status").and_then(serde_json::Value::as_u64).and_then(|status| u16::try_from(status).ok()),
        response_body: member("answer").and_then(serde_json::Value::as_str).map(str::to_owned),
        failure,
        retry_after: member("retryAfter").and_then(serde_json::Value::as_u64).map(Duration::from_millis),
    };
    Some(Attempt { at: Timestamp::from_millis(stored.get("at")?.as_i64()?), outcome })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_read_back_as_they_were_written() {
        let expected = vec![
            Attempt {
                at: Timestamp::from_millis(-5),
                outcome: AttemptOutcome {
                    duration: Duration::from_millis(1_234),
                    status: Some(503),
                    response_body: Some("\"busy\"\n\0 🏦".to_owned()),
                    failure: Some(AttemptFailure::Refused),
                    retry_after: Some(Duration::from_secs(60)),
                },
            },
            Attempt {
                at: Timestamp::from_millis(7),
                outcome: AttemptOutcome {
                    duration: Duration::ZERO,
                    status: None,
                    response_body: None,
                    failure: None,
                    retry_after: None,
                },
            },
        ];
        assert_eq!(attempts(&attempts_text(&expected)), Ok(expected));
        for bad in ["", "{}", "[{}]", r#"[{"at":1,"took":1,"failure":"odd"}]"#] {
            assert!(attempts(bad).is_err(), "{bad}");
        }
    }
}
