use std::{
    collections::HashMap,
    ops::Range,
    pin::pin,
    task::{Context, Poll, Waker},
};

use async_trait::async_trait;
use findings::{EventKind, Finding, FindingError, FindingFilter, NewFindingEvent, Status, load_duplicate_chain};
use kernel::{Id, OrganizationId, Page, PageRequest, Reader, SnapshotStream, StoreError, Stored, StreamRequest, Ulid};

use crate::{events::new_event, harness::Harness};

/// The findings of a chain, by identifier.
struct FindingStore(HashMap<Id<Finding>, Stored<Finding>>);

#[async_trait]
impl Reader<Finding> for FindingStore {
    async fn get(&self, organization: OrganizationId, id: Id<Finding>) -> Result<Option<Stored<Finding>>, StoreError> {
        Ok(self.0.get(&id).filter(|finding| finding.meta.organization == organization).cloned())
    }

    async fn get_many(&self, _: OrganizationId, _: &[Id<Finding>]) -> Result<Vec<Stored<Finding>>, StoreError> {
        unreachable!("a chain is read one by one")
    }

    async fn list(
        &self,
        _: OrganizationId,
        _: &FindingFilter,
        _: &PageRequest,
    ) -> Result<Page<Stored<Finding>>, StoreError> {
        unreachable!("a chain is read by identifiers")
    }

    async fn stream(
        &self,
        _: OrganizationId,
        _: &FindingFilter,
        _: &StreamRequest,
    ) -> Result<SnapshotStream<Stored<Finding>>, StoreError> {
        unreachable!("a chain is read by identifiers")
    }

    async fn get_by_keys(&self, _: OrganizationId, _: &[&str]) -> Result<Vec<Stored<Finding>>, StoreError> {
        unreachable!("a chain is read by identifiers")
    }

    async fn get_by_key_ranges(
        &self,
        _: OrganizationId,
        _: &[Range<&str>],
    ) -> Result<Vec<Stored<Finding>>, StoreError> {
        unreachable!("a chain is read by identifiers")
    }
}

/// Findings of which each is a duplicate of the next.
fn chain(harness: &Harness, length: usize) -> Vec<Stored<Finding>> {
    let mut chain: Vec<_> = (0..length).map(|index| harness.finding(&index.to_string(), Status::Closed)).collect();
    for index in 1..length {
        chain[index - 1].record.duplicate_of = Some(chain[index].meta.id);
    }
    chain
}

fn load(harness: &Harness, stored: &[Stored<Finding>], original: Id<Finding>) -> Vec<Stored<Finding>> {
    let store = FindingStore(stored.iter().map(|finding| (finding.meta.id, finding.clone())).collect());
    let context = harness.context();
    let mut loading = pin!(load_duplicate_chain(&store, &context, original));
    match loading.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(chain) => chain.unwrap(),
        Poll::Pending => panic!("the store never waits"),
    }
}

fn report(harness: &Harness, current: &Stored<Finding>, originals: &[Stored<Finding>]) -> Result<(), FindingError> {
    let new = NewFindingEvent {
        external_reference: None,
        duplicate_of: Some(originals[0].meta.id),
        ..new_event(EventKind::VerifiedAsDuplicate)
    };
    harness.record_event(current, new, originals).map(|_| ())
}

#[test]
fn a_chain_is_loaded_from_the_original_to_its_end() {
    let harness = Harness::new();
    let stored = chain(&harness, 3);
    assert_eq!(load(&harness, &stored, stored[0].meta.id), stored);
    assert_eq!(load(&harness, &stored, stored[1].meta.id), stored[1..]);
}

#[test]
fn the_chain_of_a_missing_finding_is_empty_and_a_chain_ends_before_a_missing_one() {
    let harness = Harness::new();
    let stored = chain(&harness, 2);
    assert!(load(&harness, &stored, Id::new(Ulid::from_parts(9, 9))).is_empty());
    assert_eq!(load(&harness, &stored[..1], stored[0].meta.id), stored[..1]);
}

#[test]
fn a_chain_is_loaded_up_to_one_finding_more_than_its_maximum_length() {
    let harness = Harness::new();
    let stored = chain(&harness, 150);
    assert_eq!(load(&harness, &stored, stored[0].meta.id), stored[..101]);
}

#[test]
fn a_chain_of_at_most_a_hundred_findings_is_accepted() {
    let harness = Harness::new();
    let current = harness.finding("current", Status::Open);
    let stored = chain(&harness, 101);
    assert_eq!(report(&harness, &current, &stored[1..]), Ok(()));
    let Err(FindingError::Invalid(faults)) = report(&harness, &current, &stored) else {
        panic!("a chain of 101 findings was accepted")
    };
    assert_eq!(faults[0].field, "duplicate_of_finding_id");
    assert_eq!(faults[0].message, "that finding is part of a chain of duplicates that is too long");
}

#[test]
fn a_duplicate_requires_that_its_whole_chain_is_unchanged() {
    let harness = Harness::new();
    let current = harness.finding("current", Status::Open);
    let stored = chain(&harness, 3);
    let new = NewFindingEvent {
        external_reference: None,
        duplicate_of: Some(stored[0].meta.id),
        ..new_event(EventKind::VerifiedAsDuplicate)
    };
    let (changeset, _, _) = harness.record_event(&current, new, &stored).unwrap();
    let required: Vec<_> = changeset.preconditions().iter().map(|(_, ulid, _)| *ulid).collect();
    assert_eq!(required, stored.iter().map(|finding| finding.meta.ulid()).collect::<Vec<_>>());
}
