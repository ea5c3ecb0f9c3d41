//! Two stores that are told and asked the same.

use std::{any::Any, fmt::Debug, sync::Arc, time::Duration};

use audit::{Batch, Checkpoint, Head, Signature};
use auth::{SealedKey, ServiceAccount};
use findings::{Finding, FindingEvent, FindingEventFilter, FindingSource};
use kernel::{
    Action, Changeset, Claim, Clock, Fingerprint, Id, Named, Order, Organization, OrganizationId, Page, PageLimit, PageRequest,
    Position, Reader, Resource, Stamps, StandingProof, StoreError, Stored,
};
use proptest::{
    prop_assert_eq,
    sample::Index,
    test_runner::{TestCaseError, TestCaseResult},
};
use registers::Control;
use store::{DynStore, Lease};

use super::{
    command::{Call, Command, Draft, FindingDraft, KEYS},
    query::{List, Query},
};
use crate::{Opened, TestClock, TestEntropy, samples};

pub(super) struct Pair {
    reference: Arc<DynStore>,
    other: Arc<DynStore>,
    _kept: Vec<Box<dyn Any + Send + Sync>>,
    clock: Arc<TestClock>,
    /// Of the pair, not of a store: both are given the same stamps.
    stamps: Stamps,
    entropy: TestEntropy,
    organizations: Vec<OrganizationId>,
    history: History,
    batches: Vec<(Batch, Checkpoint)>,
    claims: Vec<Claim>,
}

/// Every version of every record that was stored.
#[derive(Clone, Default)]
struct History {
    organizations: Vec<Stored<Organization>>,
    accounts: Vec<Stored<ServiceAccount>>,
    controls: Vec<Stored<Control>>,
    findings: Vec<Stored<Finding>>,
    events: Vec<Stored<FindingEvent>>,
}

fn pick<R: Named + Clone>(versions: &[Stored<R>], organization: OrganizationId, which: Option<Index>) -> Option<Stored<R>> {
    let theirs: Vec<_> = versions.iter().filter(|stored| stored.meta.organization == organization).collect();
    which.filter(|_| !theirs.is_empty()).map(|which| (*which.get(&theirs)).clone())
}
