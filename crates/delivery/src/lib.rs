//! Delivery of webhooks: the guarded HTTP client, the distributor that fans out events to deliveries, and the workers
//! that send deliveries to endpoints.
//!
//! No task sleeps until a retry is due: the time of the next attempt is kept in the store. A process that is killed
//! therefore loses no retry, and tests advance time by setting the clock.

mod bell;
mod dispatcher;
mod distributor;
mod lane;
mod observer;
mod room;
mod sender;
mod tenure;

pub use bell::Doorbell;
pub use dispatcher::{Dispatcher, Means};
pub use distributor::{Distributor, Round};
pub use observer::Observer;
pub use sender::{GuardedSender, NoRoots, Resolver, Roots, SystemResolver};
