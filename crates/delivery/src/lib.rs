//! Delivery of webhooks: the guarded HTTP client, the distributor that fans out events to deliveries, and the workers
//! that send deliveries to endpoints.
//!
//! No task sleeps until a retry is due: the time of the next attempt is kept in the store. A process that is killed
//! therefore loses no retry, and tests advance time by setting the clock.

mod dispatcher;
mod distributor;
mod lease_session;
mod limits;
mod notifier;
mod observer;
mod sender;
mod services;
mod worker;

pub use dispatcher::Dispatcher;
pub use distributor::{Distributor, FanOutSummary};
pub use lease_session::RENEWAL_INTERVAL;
pub use notifier::LocalNotifier;
pub use observer::DeliveryObserver;
pub use sender::{GuardedSender, Resolver, Roots, RootsUnavailable, SystemResolver};
pub use services::DeliveryServices;
