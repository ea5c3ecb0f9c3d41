//! The memory that request bodies, or the bodies of responses, may take.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use kernel::OrganizationId;
use limits::Peer;
use ulid::Ulid;

use crate::fair_budget::{FairBudget, FairPermit, Holder};

/// A permit for memory.
pub(crate) type MemoryPermit = FairPermit<MemoryKey>;

/// The keys that have a share of the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum MemoryKey {
    Principal(Ulid),
    Organization(OrganizationId),
    Address(Peer),
    Network(Peer),
}

/// The caller that memory is charged to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MemoryHolder {
    /// An authenticated principal, by its organization and identifier.
    Principal(OrganizationId, Ulid),
    /// The client address of an unauthenticated caller, if it is known.
    Address(Option<IpAddr>),
}

impl MemoryHolder {
    /// The holder in the budget.
    pub(crate) fn key(self) -> Holder<MemoryKey> {
        match self {
            Self::Principal(organization, id) => {
                Holder::Member { member: MemoryKey::Principal(id), group: MemoryKey::Organization(organization) }
            }
            Self::Address(address) => {
                let address = address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
                Holder::Member {
                    member: MemoryKey::Address(Peer::from(address)),
                    group: MemoryKey::Network(Peer::network_of(address)),
                }
            }
        }
    }
}

/// A budget of memory, of which each principal and each address has a share.
pub(crate) struct MemoryBudget {
    authenticated: Arc<FairBudget<MemoryKey>>,
    /// A separate budget, so that unauthenticated callers can't exhaust that of authenticated ones.
    unauthenticated: Arc<FairBudget<MemoryKey>>,
}

impl MemoryBudget {
    /// Creates a budget of `bytes` for authenticated callers, and a quarter as much in addition for unauthenticated
    /// ones.
    pub(crate) fn new(bytes: usize) -> Self {
        Self { authenticated: FairBudget::new(bytes), unauthenticated: FairBudget::new(bytes / 4) }
    }

    /// The budget that this holder takes part in.
    pub(crate) fn of(&self, holder: MemoryHolder) -> &Arc<FairBudget<MemoryKey>> {
        match holder {
            MemoryHolder::Principal(..) => &self.authenticated,
            MemoryHolder::Address(_) => &self.unauthenticated,
        }
    }
}
