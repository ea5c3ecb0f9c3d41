//! The storage port: the trait that every store implements, and the list of the record types that stores hold.

mod directory;
mod maintenance;
mod master_key;

use audit::AuditLog;
use auth::{Accounts, ServiceAccount, SigningKeys};
use findings::{Finding, FindingEvent};
use kernel::{AuditTrail, Ledger, Organization, Reader};
use registers::Control;
use webhooks::{DeliveryHistory, EventFanOut, PartitionQueue, WebhookDelivery, WebhookSubscription};

pub use directory::Directory;
pub use maintenance::{Lease, Maintenance};
pub use master_key::MasterKeyCheck;

/// Calls `$with!` with every record type that stores hold, as `Kind => Type` pairs. A new module adds its line here and
/// to [`Store`]; stores generate their dispatch from this list, so that none can miss a kind.
#[macro_export]
macro_rules! for_each_resource {
    ($with:ident) => {
        $with! {
            Organization => ::kernel::Organization,
            ServiceAccount => ::auth::ServiceAccount,
            Control => ::registers::Control,
            Finding => ::findings::Finding,
            FindingEvent => ::findings::FindingEvent,
            WebhookSubscription => ::webhooks::WebhookSubscription,
            WebhookDelivery => ::webhooks::WebhookDelivery,
        }
    };
}

/// All operations of a store. The trait is object safe: the server holds a store as [`DynStore`].
pub trait Store:
    Ledger
    + AuditTrail
    + AuditLog
    + Accounts
    + SigningKeys
    + MasterKeyCheck
    + Directory
    + Maintenance
    + EventFanOut
    + PartitionQueue
    + DeliveryHistory
    + Reader<Organization>
    + Reader<ServiceAccount>
    + Reader<Control>
    + Reader<Finding>
    + Reader<FindingEvent>
    + Reader<WebhookSubscription>
    + Reader<WebhookDelivery>
{
}

impl<T> Store for T where
    T: Ledger
        + AuditTrail
        + AuditLog
        + Accounts
        + SigningKeys
        + MasterKeyCheck
        + Directory
        + Maintenance
        + EventFanOut
        + PartitionQueue
        + DeliveryHistory
        + Reader<Organization>
        + Reader<ServiceAccount>
        + Reader<Control>
        + Reader<Finding>
        + Reader<FindingEvent>
        + Reader<WebhookSubscription>
        + Reader<WebhookDelivery>
{
}

/// A store of any implementation.
pub type DynStore = dyn Store;
