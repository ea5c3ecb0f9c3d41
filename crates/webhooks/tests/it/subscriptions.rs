//! The state of subscriptions.

use std::time::Duration;

use kernel::{AuditFields as _, FieldValue, Resource as _};
use webhooks::{DisabledReason, EncryptedSecret, SubscriptionStatus, WebhookSubscription, disable, remove};

use crate::harness::{Harness, NOW, active, subscription, url, written};

#[test]
fn a_subscription_occupies_its_slot_until_it_is_removed() {
    let harness = Harness::new();
    let current = active();
    let key = Some("0000000000000000000000000B/03");
    assert_eq!(current.record.unique_key(), key);
    assert_eq!(subscription(SubscriptionStatus::Removed, None).record.unique_key(), None);
    let (_, disabled) = disable(&harness.context(), harness.write_timestamp(), &current, DisabledReason::Gone);
    assert_eq!(disabled.record.unique_key(), key);
    let changeset = remove(&harness.context(), harness.write_timestamp(), &current);
    assert_eq!(written::<WebhookSubscription>(&changeset, 0).unique_key(), None);
}

#[test]
fn a_subscription_is_active_disabled_or_removed() {
    for (status, expected) in [
        (SubscriptionStatus::Active, (true, false)),
        (SubscriptionStatus::Disabled, (false, false)),
        (SubscriptionStatus::Removed, (false, true)),
    ] {
        let record = subscription(status, None).record;
        assert_eq!((record.is_active(), record.is_removed()), expected, "{status:?}");
    }
}

#[test]
fn a_secret_is_live_until_it_expires() {
    let secret = |number, expires_at| EncryptedSecret { ciphertext: vec![number], expires_at };
    let mut record = active().record;
    record.secrets = vec![
        secret(1, None),
        secret(2, Some(NOW + Duration::from_millis(1))),
        secret(3, Some(NOW)),
        secret(4, Some(NOW - Duration::from_millis(1))),
    ];
    let live: Vec<_> = record.live_secrets(NOW).map(|secret| secret.ciphertext[0]).collect();
    assert_eq!(live, [1, 2]);
}

#[test]
fn the_audit_log_lists_the_fields_of_a_subscription_but_not_its_secrets() {
    let text = |text: &str| FieldValue::Text(text.to_owned());
    assert_eq!(
        subscription(SubscriptionStatus::Disabled, Some(DisabledReason::Gone)).record.fields(),
        [
            ("url", text("https://hook.example/")),
            ("description", text("Tickets")),
            ("event_types", FieldValue::Texts(vec!["finding.created".to_owned()])),
            ("status", text("disabled")),
            ("disabled_reason", text("gone")),
        ]
    );
}

#[test]
fn the_audit_log_masks_the_query_of_a_url() {
    let mut record = active().record;
    record.url = url("https://hook.example/?key=s3cret");
    assert_eq!(record.fields()[0], ("url", FieldValue::Text("https://hook.example/?key=***".to_owned())));
}
