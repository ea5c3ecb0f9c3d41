//! Every register is stored, found and filtered as its statement of fields says.

use findings::FindingEvent;
use kernel::{
    CommitError, Comparison, Conflict, Criteria as _, Filter, Id, KeyScope, PageRequest, Reader, Record, Stored,
};
use store::DynStore;
use submissions::SubmissionEvent;

use crate::{Fixture, samples};

/// The number of samples of each register. Every enum has fewer variants.
const SAMPLES: u64 = 12;

/// A record reads back as it was stored: with every nullable field, and with none.
pub async fn every_register_reads_back_as_it_was_stored(fixture: Fixture) {
    macro_rules! each {
        ($($kind:ident => $register:ty,)*) => { $(reads_back::<$register>(&fixture).await;)* };
    }
    registers::for_each_register!(each);
}

pub(super) async fn reads_back<R: Record>(fixture: &Fixture)
where
    DynStore: Reader<R>,
{
    for (number, full) in [(1, true), (2, false)] {
        let stored = fixture.create(fixture.home, samples::record::<R>(number, full)).await;
        assert_eq!(fixture.get(fixture.home, stored.meta.id).await.as_ref(), Some(&stored));
        let after = fixture.update(&stored, samples::record::<R>(number + 2, !full)).await;
        assert_eq!(fixture.get(fixture.home, stored.meta.id).await, Some(after));
    }
}

/// A key names the records that have it: one in an organization or an installation, one for each parent otherwise. Kinds
/// without a key have an identity that is unique in the organization.
pub async fn every_register_is_found_by_its_key(fixture: Fixture) {
    macro_rules! each {
        ($($kind:ident => $register:ty,)*) => { $(is_found_by_its_key::<$register>(&fixture).await;)* };
    }
    registers::for_each_register!(each);
}

pub(super) async fn is_found_by_its_key<R: Record>(fixture: &Fixture)
where
    DynStore: Reader<R>,
{
    let stored = fixture.create(fixture.home, samples::record::<R>(1, true)).await;
    fixture.create(fixture.home, samples::record::<R>(2, true)).await;
    let Some(key) = stored.record.key() else { return is_unique_by_its_identity(fixture, &stored).await };
    let found = Reader::<R>::get_by_keys(&*fixture.store, fixture.home, &[key, "no such key"]).await.unwrap();
    assert_eq!(found, std::slice::from_ref(&stored));
    let (changeset, _) = fixture.create_changeset(fixture.home, samples::record::<R>(1, true));
    assert!(fixture.commit(changeset).await.is_err(), "{} has two records with one key", R::PLURAL);
    if let Some(parent) = parent_of_key::<R>() {
        let elsewhere = samples::with_value_of(&stored.record, &samples::record::<R>(3, true), parent);
        let other = fixture.create(fixture.home, elsewhere).await;
        let mut found = Reader::<R>::get_by_keys(&*fixture.store, fixture.home, &[key]).await.unwrap();
        found.sort_by_key(|stored| stored.meta.id);
        assert_eq!(found, [stored.clone(), other]);
    }
}

/// No two records of a kind without a key have one identity, also if a part of it is null.
async fn is_unique_by_its_identity<R: Record>(fixture: &Fixture, stored: &Stored<R>)
where
    DynStore: Reader<R>,
{
    let identity = stored.record.identity().unwrap_or_else(|| panic!("{} have neither key nor identity", R::PLURAL));
    let other = fixture.create_organization(&R::PLURAL.replace('_', "-")).await;
    let without_nulls = stored.record.clone();
    let with_nulls = samples::record::<R>(4, false);
    fixture.create(fixture.home, with_nulls.clone()).await;
    for (record, identity) in [(without_nulls, identity), (with_nulls.clone(), with_nulls.identity().unwrap())] {
        let (changeset, _) = fixture.create_changeset(fixture.home, record.clone());
        let outcome = fixture.commit(changeset).await;
        let expected = Conflict::UniqueKey(R::KIND, identity);
        assert!(
            matches!(&outcome, Err(CommitError::Conflict(found)) if *found == expected),
            "{}: {outcome:?}",
            R::PLURAL
        );
        fixture.create(other, record).await;
    }
}

/// An update takes neither the key nor the identity of another record, also if a part of it is null, if only the parent
/// of the key is another one, or if other records are updated with it. One that is free can be taken, together with others.
pub async fn no_register_takes_the_key_or_identity_of_another_by_an_update(fixture: Fixture) {
    macro_rules! each {
        ($($kind:ident => $register:ty,)*) => { $(is_not_taken_by_an_update::<$register>(&fixture).await;)* };
    }
    registers::for_each_register!(each);
}

async fn is_not_taken_by_an_update<R: Record>(fixture: &Fixture)
where
    DynStore: Reader<R>,
{
    let full = fixture.create(fixture.home, samples::record::<R>(1, true)).await;
    let with_nulls = fixture.create(fixture.home, samples::record::<R>(2, false)).await;
    let other = fixture.create(fixture.home, samples::record::<R>(3, true)).await;
    let bystander = fixture.create(fixture.home, samples::record::<R>(4, false)).await;
    let mut pairs = vec![(&full, &other), (&with_nulls, &other), (&full, &with_nulls)];
    let elsewhere = match parent_of_key::<R>() {
        Some(parent) => {
            let record = samples::with_value_of(&full.record, &samples::record::<R>(5, true), parent);
            Some(fixture.create(fixture.home, record).await)
        }
        None => None,
    };
    pairs.extend(elsewhere.as_ref().map(|elsewhere| (&full, elsewhere)));
    for (owner, taker) in pairs {
        let value = owner.record.key().map(str::to_owned).or_else(|| owner.record.identity());
        let expected = Conflict::UniqueKey(R::KIND, value.unwrap());
        let (alone, _) = fixture.update_changeset(taker, owner.record.clone());
        let mut among_others = fixture.changeset_after(fixture.home, [taker, &bystander]);
        let at = among_others.at();
        among_others.update(&bystander, &bystander.changed(at, bystander.record.clone()));
        among_others.update(taker, &taker.changed(at, owner.record.clone()));
        for changeset in [alone, among_others] {
            let outcome = fixture.commit(changeset).await;
            let is_refused = matches!(&outcome, Err(CommitError::Conflict(found)) if *found == expected);
            assert!(is_refused, "{}: {outcome:?}", R::PLURAL);
        }
        assert_eq!(fixture.get(fixture.home, taker.meta.id).await.as_ref(), Some(taker));
    }
    let mut changeset = fixture.changeset_after(fixture.home, [&full, &with_nulls]);
    let at = changeset.at();
    let moved = full.changed(at, samples::record::<R>(6, true));
    let taken = with_nulls.changed(at, full.record.clone());
    changeset.update(&full, &moved);
    changeset.update(&with_nulls, &taken);
    fixture.commit(changeset).await.unwrap();
    assert_eq!(fixture.get(fixture.home, full.meta.id).await, Some(moved));
    assert_eq!(fixture.get(fixture.home, with_nulls.meta.id).await, Some(taken));
}

/// The index of the column within whose value the keys of these records are unique.
fn parent_of_key<R: Record>() -> Option<usize> {
    R::COLUMNS.iter().find_map(|column| match column.key {
        Some(KeyScope::Parent(parent)) => R::COLUMNS.iter().position(|column| column.name == parent),
        _ => None,
    })
}

/// A filter means on every store what it means in memory, in lists and in streams, for each value of each column and with
/// two columns at once.
pub async fn every_register_is_filtered_as_its_statement_says(fixture: Fixture) {
    macro_rules! each {
        ($($kind:ident => $register:ty,)*) => { $(is_filtered::<$register>(&fixture).await;)* };
    }
    registers::for_each_register!(each);
}

/// Events that are recorded about a record read back as they were stored, and are filtered like registers.
pub async fn recorded_events_are_stored_and_filtered_as_their_statements_say(mut fixture: Fixture) {
    reads_back::<FindingEvent>(&fixture).await;
    reads_back::<SubmissionEvent>(&fixture).await;
    fixture.home = fixture.create_organization("events").await;
    is_filtered::<FindingEvent>(&fixture).await;
    is_filtered::<SubmissionEvent>(&fixture).await;
}

pub(super) async fn is_filtered<R: Record>(fixture: &Fixture)
where
    DynStore: Reader<R>,
{
    let mut all = Vec::new();
    for number in 0..SAMPLES {
        fixture.clock.tick();
        all.push(fixture.create(fixture.home, samples::record::<R>(number, number % 3 != 0)).await);
    }
    let mut both = Filter::<R>::default();
    for (index, _, filter) in Filter::<R>::columns() {
        for number in 0..SAMPLES {
            let value = samples::record::<R>(number, true).value(index).to_owned();
            let mut one = Filter::<R>::default();
            one.set(index, [value.clone()]);
            is_equal_in_memory(fixture, &all, &one).await;
            if filter.comparison == Comparison::OneOf {
                let other = samples::record::<R>(number + 1, true).value(index).to_owned();
                one.set(index, [value, other]);
                is_equal_in_memory(fixture, &all, &one).await;
            }
            both.set(index, [samples::record::<R>(1, true).value(index).to_owned()]);
        }
        is_equal_in_memory(fixture, &all, &both).await;
    }
}

async fn is_equal_in_memory<R: Record>(fixture: &Fixture, all: &[Stored<R>], filter: &Filter<R>)
where
    DynStore: Reader<R>,
{
    let expected: Vec<Id<R>> =
        all.iter().rev().filter(|stored| filter.matches(stored)).map(|stored| stored.meta.id).collect();
    let listed = fixture.list_all::<R>(fixture.home, filter, PageRequest::default()).await;
    assert_eq!(listed.iter().map(|stored| stored.meta.id).collect::<Vec<_>>(), expected, "{filter:?}");
    let streamed = fixture.stream::<R>(fixture.home, filter, PageRequest::default()).await;
    assert_eq!(streamed, listed, "a stream of {} with {filter:?}", R::PLURAL);
}
