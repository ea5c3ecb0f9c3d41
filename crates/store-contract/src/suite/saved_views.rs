//! Saved views of users.

use std::sync::Arc;

use auth::{SavedView, SavedViewChange, SavedViewName, SavedViewQuery, UserId};
use kernel::{OrganizationId, RecordKey};

use crate::Fixture;

fn view(fixture: &Fixture, owner: UserId, slot: i64) -> SavedView {
    SavedView {
        id: fixture.new_id(),
        organization: fixture.home,
        owner,
        slot,
        shared_slot: None,
        list: RecordKey::parse("findings").unwrap(),
        name: SavedViewName::parse("Offene “kritische”").unwrap(),
        query: SavedViewQuery::parse("severity=critical&status=open,triaged").unwrap(),
        version: 1,
        created_at: fixture.now(),
        updated_at: fixture.now(),
    }
}

async fn commit(fixture: &Fixture, change: &SavedViewChange) -> bool {
    fixture.store.commit_saved_view(fixture.changeset(fixture.home), change).await.unwrap()
}

async fn add(fixture: &Fixture, view: &SavedView) -> bool {
    commit(fixture, &SavedViewChange::Add(view.clone())).await
}

async fn visible(fixture: &Fixture, organization: OrganizationId, user: UserId) -> Vec<SavedView> {
    fixture.store.saved_views(organization, user).await.unwrap()
}

/// A view reads back as it was stored, for its owner and, once it is shared, for everybody in the organization.
pub async fn saved_views_are_seen_by_their_owner_and_shared_ones_by_everybody(fixture: Fixture) {
    let away = fixture.create_organization("away").await;
    let [one, other]: [UserId; 2] = [fixture.new_id(), fixture.new_id()];
    let (later, first) = (view(&fixture, one, 7), view(&fixture, one, 2));
    let shared =
        SavedView { shared_slot: Some(4), query: SavedViewQuery::parse("").unwrap(), ..view(&fixture, other, 0) };
    for saved in [&later, &first, &shared] {
        assert!(add(&fixture, saved).await);
    }
    assert_eq!(visible(&fixture, fixture.home, one).await, [first.clone(), later.clone(), shared.clone()]);
    assert_eq!(visible(&fixture, fixture.home, other).await, std::slice::from_ref(&shared));
    assert_eq!(visible(&fixture, away, one).await, []);
    let find = async |organization| fixture.store.saved_view(organization, first.id).await.unwrap();
    assert_eq!((find(fixture.home).await, find(away).await), (Some(first.clone()), None));
    let moved =
        SavedView { shared_slot: Some(0), name: SavedViewName::parse("Ours").unwrap(), version: 2, ..first.clone() };
    assert!(commit(&fixture, &SavedViewChange::Replace(moved.clone())).await);
    assert_eq!(visible(&fixture, fixture.home, other).await, [shared, moved.clone()]);
    assert_eq!(visible(&fixture, fixture.home, one).await[0], moved);
    assert!(commit(&fixture, &SavedViewChange::Remove { view: moved.id, version: 2 }).await);
    assert_eq!(find(fixture.home).await, None);
}

/// A change of a view that another one came before stores nothing, not even an audit entry.
pub async fn a_stale_change_of_a_saved_view_stores_nothing(fixture: Fixture) {
    let away = fixture.create_organization("away").await;
    let owner = fixture.new_id();
    let stored = SavedView { shared_slot: Some(1), ..view(&fixture, owner, 3) };
    let other = SavedView { shared_slot: Some(2), ..view(&fixture, fixture.new_id(), 3) };
    assert!(add(&fixture, &stored).await && add(&fixture, &other).await);
    let entries = fixture.audit_log(fixture.home).await.len();
    let changed = |version, shared_slot| SavedView { version, shared_slot, ..stored.clone() };
    for refused in [
        SavedViewChange::Add(stored.clone()),
        SavedViewChange::Add(view(&fixture, owner, 3)),
        SavedViewChange::Add(SavedView { shared_slot: Some(1), ..view(&fixture, owner, 4) }),
        SavedViewChange::Replace(changed(1, None)),
        SavedViewChange::Replace(changed(3, None)),
        SavedViewChange::Replace(changed(2, Some(2))),
        SavedViewChange::Remove { view: stored.id, version: 2 },
        SavedViewChange::Remove { view: fixture.new_id(), version: 1 },
    ] {
        assert!(!commit(&fixture, &refused).await, "{refused:?}");
    }
    let removal = SavedViewChange::Remove { view: stored.id, version: 1 };
    assert!(!fixture.store.commit_saved_view(fixture.changeset(away), &removal).await.unwrap());
    assert_eq!(visible(&fixture, fixture.home, owner).await, [stored, other]);
    assert_eq!(fixture.audit_log(fixture.home).await.len(), entries);
}

/// Of sixteen views that are saved into one slot at once, one is stored with its audit entry.
pub async fn one_of_sixteen_concurrent_saved_views_takes_a_slot(fixture: Fixture) {
    let owner = fixture.new_id();
    let entries = fixture.audit_log(fixture.home).await.len();
    let racing: Vec<_> = (0..16)
        .map(|_| {
            let (store, changeset) = (Arc::clone(&fixture.store), fixture.changeset(fixture.home));
            let change = SavedViewChange::Add(view(&fixture, owner, 0));
            tokio::spawn(async move { store.commit_saved_view(changeset, &change).await.unwrap() })
        })
        .collect();
    let mut stored = 0;
    for outcome in racing {
        stored += usize::from(outcome.await.unwrap());
    }
    assert_eq!((stored, visible(&fixture, fixture.home, owner).await.len()), (1, 1));
    assert_eq!(fixture.audit_log(fixture.home).await.len(), entries + 1);
}
