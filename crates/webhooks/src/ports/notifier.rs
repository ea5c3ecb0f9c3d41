//! The port of notifications within the process.

/// Wakes up the delivery workers of this process: events were committed, or deliveries are due.
///
/// Notifications only save waiting: the workers also poll, and find the same work a little later.
pub trait DeliveryNotifier: Send + Sync {
    /// Notifies the workers. Never blocks; notifications that were not received yet are merged into one.
    fn notify(&self);
}
