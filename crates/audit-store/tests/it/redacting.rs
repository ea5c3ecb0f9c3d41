//! The redaction of entries, and readers of what remains of them.

use std::sync::Arc;

use audit::{
    AuditFilter, Fault, SealedEntry, VerificationError, hash_entry, leaf_hash, tables::RunTable, verify_inclusion,
};
use kernel::{Entry, Id, PageLimit, PageRequest, StoreError, Timestamp};
use novantra_audit_store::{Compacted, CutRule, Expected, LeaseOwner, Redacted, Redactor, StoredLog, find_cut};
use store_contract::TestLogKey;

use crate::support::{TestChain, keys, lease_owner, segments_of};

/// A chain of two segments and some entries more, of which the one with this sequence was redacted by a record, with the
/// redactor.
async fn redacted_chain(sequence: i64) -> (TestChain, Id<Entry>, Redactor) {
    let mut chain = TestChain::new().await;
    chain.grow(2 * 4096 + 300).await;
    let mut compactor = chain.compactor();
    while compactor.run_once().await.unwrap() != Compacted::Nothing {}
    let record = chain.record_redaction(sequence).await;
    let redactor = redactor(&chain, lease_owner());
    assert_eq!(redactor.run(chain.organization, record).await.unwrap(), Redacted::Done);
    (chain, record, redactor)
}

fn redactor(chain: &TestChain, lease: LeaseOwner) -> Redactor {
    Redactor::new(Arc::clone(&chain.tables), chain.clock.clone(), lease, keys().rows)
}

fn log(chain: &TestChain) -> StoredLog {
    StoredLog::new(Arc::clone(&chain.tables))
}

async fn verify(chain: &TestChain) -> Result<(), Fault> {
    match log(chain).verify(chain.organization, &TestLogKey::DEFAULT, Expected::default()).await {
        Ok(_) => Ok(()),
        Err(VerificationError::Fault(fault)) => Err(fault),
        Err(VerificationError::Store(error)) => panic!("{error}"),
    }
}

/// The identifiers of all entries that a filter finds.
async fn listed(log: &StoredLog, chain: &TestChain, filter: &AuditFilter) -> Vec<Id<Entry>> {
    let mut page = PageRequest { limit: PageLimit::clamped(200), ..PageRequest::default() };
    let mut found = Vec::new();
    loop {
        let read = log.entries(chain.organization, filter, &page, Timestamp::MIN).await.unwrap();
        found.extend(read.items.iter().map(|stored| stored.entry.id));
        let Some(next) = read.next else { return found };
        page.after = Some(next);
    }
}

#[tokio::test]
async fn an_entry_is_redacted_wherever_it_is_stored_and_the_log_still_verifies() {
    for sequence in [1, 4096, 5000, 2 * 4096 + 10, 2 * 4096 + 290] {
        let (chain, record, redactor) = redacted_chain(sequence).await;
        verify(&chain).await.unwrap();
        let log = log(&chain);
        let index = usize::try_from(sequence - 1).unwrap();
        let (entry, hash) = &chain.entries[index];
        assert_eq!(log.entry(chain.organization, entry.id).await.unwrap(), None);
        let remains = log.sealed_entry(chain.organization, entry.id).await.unwrap();
        let Some(SealedEntry::Redacted(remains)) = remains else { panic!("{remains:?}") };
        assert_eq!((remains.id, remains.seal.sequence, remains.seal.hash), (entry.id, sequence, *hash));

        // Whoever has the entry can still prove that it was in the log.
        let tree = chain.head.tree.as_ref().unwrap();
        let proof = log.inclusion_proof(chain.organization, index as u64, tree.size()).await.unwrap();
        let leaf = leaf_hash(hash_entry(entry, sequence, remains.seal.previous_hash));
        assert!(verify_inclusion(leaf, index as u64, tree.size(), tree.root(), &proof));

        let all = listed(&log, &chain, &AuditFilter::default()).await;
        assert_eq!((all.len(), all.contains(&entry.id)), (chain.entries.len() - 1, false));
        let actor =
            AuditFilter { actors: entry.actor.id.iter().map(ToString::to_string).collect(), ..AuditFilter::default() };
        assert!(!listed(&log, &chain, &actor).await.contains(&entry.id));
        let sealed = log.sealed(chain.organization, sequence - 1, 2).await.unwrap();
        assert!(matches!(&sealed[..], [SealedEntry::Redacted(_), SealedEntry::Entry(_)]), "{sealed:?}");

        assert_eq!(redactor.run(chain.organization, record).await.unwrap(), Redacted::Already);
        let texts: Vec<Vec<u8>> = bodies(&chain).await;
        let has = |body: &Vec<u8>| {
            audit_runs::decode_with_stubs(body).unwrap().1.iter().any(|other| other.content() == Some(entry))
        };
        assert!(!texts.iter().any(has), "the content of {sequence} is still stored");
    }
}

async fn bodies(chain: &TestChain) -> Vec<Vec<u8>> {
    let mut runs = segments_of(&*chain.tables, chain.organization).await;
    runs.extend(chain.tables.runs(chain.organization).await.unwrap());
    let range = |run: &audit::tables::RunKey| audit::tables::BodyRange {
        table: run.table,
        first_sequence: run.first_sequence,
        offset: 0,
        length: usize::MAX,
    };
    let ranges: Vec<_> = runs.iter().map(range).collect();
    chain.tables.bodies(chain.organization, &ranges).await.unwrap().into_iter().flatten().collect()
}

#[tokio::test]
async fn what_a_process_has_read_before_is_not_shown_after_a_redaction() {
    let mut chain = TestChain::new().await;
    chain.grow(4096 + 300).await;
    let mut compactor = chain.compactor();
    while compactor.run_once().await.unwrap() != Compacted::Nothing {}
    let log = log(&chain);
    let all = listed(&log, &chain, &AuditFilter::default()).await;
    assert_eq!(all.len(), chain.entries.len());
    let id = chain.entries[99].0.id;
    assert!(log.entry(chain.organization, id).await.unwrap().is_some());
    let record = chain.record_redaction(100).await;
    let redacted = redactor(&chain, lease_owner()).run(chain.organization, record).await.unwrap();
    assert_eq!(redacted, Redacted::Done);
    assert_eq!(log.entry(chain.organization, id).await.unwrap(), None);
    assert!(!listed(&log, &chain, &AuditFilter::default()).await.contains(&id));
}

#[tokio::test]
async fn content_that_is_missing_without_a_record_is_a_fault() {
    let (mut chain, _, _) = redacted_chain(5000).await;
    // Somebody with the database makes another stub of the same kind.
    let record = chain.record_redaction(5001).await;
    let redacted = redactor(&chain, lease_owner()).run(chain.organization, record).await.unwrap();
    assert_eq!(redacted, Redacted::Done);
    verify(&chain).await.unwrap();
    chain.grow(1).await;
    let sequence = chain.head.head.sequence;
    chain.replace_by_stub(sequence).await;
    assert_eq!(verify(&chain).await, Err(Fault::UnrecordedRedaction { sequence }));
}

#[tokio::test]
async fn nothing_is_redacted_without_a_record_that_this_installation_has_signed() {
    let mut chain = TestChain::new().await;
    chain.grow(300).await;
    let run = async |chain: &TestChain, record| redactor(chain, lease_owner()).run(chain.organization, record).await;
    let plain = chain.entries[7].0.id;
    assert_eq!(run(&chain, plain).await.unwrap(), Redacted::Unrecorded, "it is no record");
    let record = chain.record_redaction(10).await;
    let other = LeaseOwner { owner: "another".to_owned(), ..lease_owner() };
    let refused = redactor(&chain, other).run(chain.organization, record).await.unwrap();
    assert_eq!(refused, Redacted::Refused, "another process has the lease");
    let of_record = chain.record_redaction(301).await;
    assert_eq!(run(&chain, of_record).await.unwrap(), Redacted::Protected);
    assert_eq!(run(&chain, record).await.unwrap(), Redacted::Done);

    // A record that somebody has written into the newest run without the keys.
    let forged = chain.forge_redaction(11).await;
    match run(&chain, forged).await {
        Ok(Redacted::Unrecorded) | Err(StoreError::Corrupt(_)) => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_redacted_entry_is_removed_with_the_start_of_its_chain() {
    let (chain, _, _) = redacted_chain(4096).await;
    let removal = find_cut(&*chain.tables, chain.organization, CutRule::Keep(4096), "test").await.unwrap().unwrap();
    assert_eq!(removal.last.sequence, 4096);
    assert_eq!(removal.last.hash, chain.entries[4095].1);
    let segments = segments_of(&*chain.tables, chain.organization).await;
    assert!(segments.iter().all(|segment| segment.table == RunTable::Segments));
}
