//! Webhooks: subscriptions to events, their deliveries, the retry schedule, and the record that is kept of attempts
//! (contract v1, webhooks).
//!
//! This crate holds pure rules: functions that take a command and the current state, and return a changeset or an
//! error. Sending, storing and every use of a key are ports.

mod address;
mod attempt;
mod catalogue;
mod commands;
mod delivery;
mod endpoint;
mod error;
mod event;
mod message;
mod partition;
mod ports;
mod recover;
mod retry;
mod secret;
mod send;
mod subscription;

pub use address::AddressPolicy;
pub use attempt::{Attempt, AttemptFailure, AttemptOutcome, MAX_STORED_RESPONSE};
pub use catalogue::{EventType, TEST_EVENT, UnknownEventType};
pub use commands::{
    NewSubscription, SubscriptionPatch, disable, record_test, remove, rotate_secret, subscribe, update,
};
pub use delivery::{DeliveryFilter, DeliveryState, MAX_STORED_ATTEMPTS, WebhookDelivery, deliveries_for};
pub use endpoint::{EndpointUrl, UrlError};
pub use error::WebhookError;
pub use event::StoredEvent;
pub use message::Message;
pub use partition::{DeliveryHealth, Partition};
pub use ports::{
    DeliveryHistory, DeliveryLag, DeliveryNotifier, DeliveryUpdate, DueDelivery, EventBodies, EventFanOut, FanOut,
    FanOutPhase, PartitionLease, PartitionQueue, Sender, StaleDelivery, TestRenderer, WebhookSigner,
};
pub use recover::{MAX_RECOVERED, RecoveryCounts, ReplayRange, UndeliveredEvent, recover, redeliver};
pub use retry::{ATTEMPT_TIMEOUT, MAX_FAILING_DURATION, MAX_RETRY_AFTER, RETRY_DELAYS, next_attempt_at};
pub use secret::{EncryptedSecret, WebhookSecret};
pub use send::sign_and_send;
pub use subscription::{
    DisabledReason, MAX_SUBSCRIPTIONS_PER_ACCOUNT, SubscriptionFilter, SubscriptionStatus, WebhookSubscription,
};
