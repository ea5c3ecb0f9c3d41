//! Lookups of service accounts for authentication.

use std::sync::Arc;

use auth::AccountStatus;
use kernel::Revision;

use crate::{Fixture, samples};

/// A client id finds the current version of its account in any organization.
pub async fn an_account_is_found_by_its_client_id(fixture: Fixture) {
    let away = fixture.create_organization("away").await;
    let mut accounts = Vec::new();
    for organization in [fixture.home, away] {
        accounts.push(fixture.create(organization, samples::account("scanner")).await);
        accounts.push(fixture.create(organization, samples::full_account("mirror", fixture.now())).await);
    }
    for account in &accounts {
        assert_eq!(fixture.store.by_client_id(account.meta.id).await.unwrap().as_ref(), Some(account));
    }
    let disabled = fixture.update(&accounts[0], accounts[0].record.with_status(AccountStatus::Disabled)).await;
    assert_eq!(fixture.store.by_client_id(disabled.meta.id).await.unwrap(), Some(disabled));
    assert_eq!(fixture.store.by_client_id(fixture.new_id()).await.unwrap(), None);
}

/// A revision that is read after a change is that of the change.
pub async fn a_change_of_an_account_is_visible_in_its_revision_immediately(fixture: Fixture) {
    let away = fixture.create_organization("away").await;
    let mut account = fixture.create(fixture.home, samples::account("scanner")).await;
    for revision in 1..=20 {
        let read = || {
            let (store, home, id) = (Arc::clone(&fixture.store), fixture.home, account.meta.id);
            tokio::spawn(async move { store.revision(home, id).await.unwrap() })
        };
        let calls = [read(), read(), read()];
        for call in calls {
            assert_eq!(call.await.unwrap(), Some(Revision(revision)));
        }
        // A read that begins before the change may see either revision; one that begins after it sees the new one.
        let concurrent = read();
        let status = if revision % 2 == 0 { AccountStatus::Active } else { AccountStatus::Disabled };
        account = fixture.update(&account, account.record.with_status(status)).await;
        assert_eq!(fixture.store.revision(fixture.home, account.meta.id).await.unwrap(), Some(account.meta.revision));
        assert!((revision..=revision + 1).contains(&concurrent.await.unwrap().unwrap().0));
    }
    assert_eq!(fixture.store.revision(away, account.meta.id).await.unwrap(), None);
    assert_eq!(fixture.store.revision(fixture.home, fixture.new_id()).await.unwrap(), None);
}

/// Recorded uses keep the latest time and change nothing else about the account.
pub async fn the_last_use_of_an_account_is_recorded_without_changing_it(fixture: Fixture) {
    let first = fixture.create(fixture.home, samples::account("first")).await;
    let second = fixture.create(fixture.home, samples::account("second")).await;
    let (earlier, later) = (fixture.clock.tick(), fixture.clock.tick());
    let last_use = async |account| fixture.store.last_used(fixture.home, account).await.unwrap();
    assert_eq!(last_use(first.meta.id).await, None);
    fixture
        .store
        .record_last_used(&[(fixture.home, first.meta.id, earlier), (fixture.home, second.meta.id, later)])
        .await
        .unwrap();
    assert_eq!((last_use(first.meta.id).await, last_use(second.meta.id).await), (Some(earlier), Some(later)));
    fixture
        .store
        .record_last_used(&[(fixture.home, second.meta.id, earlier), (fixture.home, first.meta.id, later)])
        .await
        .unwrap();
    assert_eq!((last_use(first.meta.id).await, last_use(second.meta.id).await), (Some(later), Some(later)));
    fixture.store.record_last_used(&[]).await.unwrap();
    assert_eq!(fixture.get(fixture.home, first.meta.id).await, Some(first.clone()));
    let revised = fixture.update(&first, first.record.clone()).await;
    assert_eq!(last_use(revised.meta.id).await, Some(later));
    let away = fixture.create_organization("away").await;
    assert_eq!(fixture.store.last_used(away, first.meta.id).await.unwrap(), None);
}
