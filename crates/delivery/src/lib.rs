//! Webhooks on their way: the guarded HTTP client, the distributor that makes deliveries of events, and the workers that
//! take them to endpoints.
//!
//! Nothing here waits for a moment to come: what is to be tried later lies in the store until it is due. So a process
//! that is killed loses no plan, and tests move time by moving the clock.

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
