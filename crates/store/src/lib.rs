//! The whole storage port: what every store answers, and the one list of the records it keeps.

mod directory;
mod master_key;
mod upkeep;

use audit::AuditLog;
use auth::{Accounts, ServiceAccount, SigningKeys};
use findings::{Finding, FindingEvent};
use kernel::{AuditTrail, Ledger, Organization, Reader};
use registers::Control;
use webhooks::{DeliveryQueue, WebhookDelivery, WebhookSubscription};

pub use directory::Directory;
pub use master_key::MasterKeyCheck;
pub use upkeep::{Lease, Upkeep};

/// Calls `$with!` with every record type that stores keep: `Kind => Type` pairs. A new module adds its line here and to
/// [`Store`]; stores build their dispatch from it, so none can forget a kind.
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

/// Everything a store answers. Object safe: the server holds one as [`DynStore`].
pub trait Store:
    Ledger
    + AuditTrail
    + AuditLog
    + Accounts
    + SigningKeys
    + MasterKeyCheck
    + Directory
    + Upkeep
    + DeliveryQueue
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
        + Upkeep
        + DeliveryQueue
        + Reader<Organization>
        + Reader<ServiceAccount>
        + Reader<Control>
        + Reader<Finding>
        + Reader<FindingEvent>
        + Reader<WebhookSubscription>
        + Reader<WebhookDelivery>
{
}

/// A store of whichever sort.
pub type DynStore = dyn Store;
