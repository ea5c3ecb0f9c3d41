//! Webhooks: subscriptions to events, their deliveries, the retry schedule, and the record that is kept of attempts
//! (contract v1, webhooks).
//!
//! This crate holds pure rules: functions that take a command and the current state, and return a changeset or an
//! error. Sending, storing and every use of a key are ports.

mod address;
mod attempt;
mod catalogue;
mod delivery;
mod endpoint;
mod manage;
mod message;
mod ports;
mod recover;
mod refusal;
mod retry;
mod secret;
mod subscription;

pub use address::AddressPolicy;
pub use attempt::{ANSWER_KEPT, Attempt, Failure, Outcome};
pub use catalogue::{EventType, TEST_EVENT, UnknownEventType};
pub use delivery::{ATTEMPTS_KEPT, DeliveryFilter, DeliveryState, WebhookDelivery, addressed};
pub use endpoint::{EndpointUrl, UrlFault};
pub use manage::{Desk, NewSubscription, SubscriptionChange, disable, remove, revise, rotate, subscribe, tested};
pub use message::Message;
pub use ports::{
    Audience, Bell, Claim, DeliveryQueue, Distribution, Due, Lag, Lane, LaneSigns, Secrets, Sender, Settlement,
    StoredEvent, Undone,
};
pub use recover::{MOST_RECOVERED, Missed, Recovery, Window, recover, redeliver};
pub use refusal::Refusal;
pub use retry::{ANSWER_WITHIN, FAILING_AT_MOST, RETRY_AFTER, next_attempt};
pub use secret::{SealedSecret, WebhookSecret};
pub use subscription::{DisabledReason, MOST_PER_ACCOUNT, SubscriptionFilter, SubscriptionStatus, WebhookSubscription};
