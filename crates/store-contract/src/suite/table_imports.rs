//! Imports of uploaded tables, and the parts of their files.

use std::{sync::Arc, time::Duration};

use auth::{User, UserId};
use kernel::OrganizationId;
use store::{MAX_TABLE_IMPORTS, StoredTableImport};

use crate::Fixture;

fn import(fixture: &Fixture, organization: OrganizationId) -> StoredTableImport {
    let user: UserId = fixture.new_id::<User>();
    StoredTableImport {
        organization,
        id: fixture.new_id(),
        user,
        version: 1,
        document: "{\"file\":\"Risiken 🏦.csv\"}".to_owned(),
        created_at: fixture.now(),
        updated_at: fixture.now(),
        expires_at: fixture.now() + Duration::from_secs(3600),
    }
}

async fn add(fixture: &Fixture, organization: OrganizationId) -> StoredTableImport {
    let import = import(fixture, organization);
    assert!(fixture.store.add_table_import(&import).await.unwrap());
    import
}

/// An import is read and listed, the newest first, only in its own organization.
pub async fn a_table_import_reads_back_and_belongs_to_its_organization(fixture: Fixture) {
    let away = fixture.create_organization("away").await;
    let (first, second, other) =
        (add(&fixture, fixture.home).await, add(&fixture, fixture.home).await, add(&fixture, away).await);
    let store = &fixture.store;
    assert_eq!(store.table_import(fixture.home, first.id).await.unwrap().as_ref(), Some(&first));
    assert_eq!(store.table_import(fixture.home, other.id).await.unwrap(), None);
    assert_eq!(store.table_imports(fixture.home).await.unwrap(), [second, first.clone()]);
    let foreign = StoredTableImport { organization: away, version: 2, ..first.clone() };
    assert!(!store.update_table_import(&foreign).await.unwrap());
    assert!(!store.delete_table_import(away, first.id).await.unwrap());
    assert!(store.delete_table_import(fixture.home, first.id).await.unwrap());
    assert_eq!(store.table_import(fixture.home, first.id).await.unwrap(), None);
}

/// Of concurrent changes of one version, one is stored.
pub async fn one_of_sixteen_concurrent_changes_of_a_table_import_wins(fixture: Fixture) {
    let fixture = Arc::new(fixture);
    let first = add(&fixture, fixture.home).await;
    let changes = (0..16).map(|number| {
        let (store, updated_at) = (Arc::clone(&fixture.store), fixture.now() + Duration::from_secs(number));
        let next = StoredTableImport { version: 2, document: format!("{number}"), updated_at, ..first.clone() };
        tokio::spawn(async move { store.update_table_import(&next).await.unwrap().then_some(next) })
    });
    let mut stored = Vec::new();
    for change in changes.collect::<Vec<_>>() {
        stored.extend(change.await.unwrap());
    }
    assert_eq!(stored.len(), 1, "{stored:?}");
    assert_eq!(fixture.store.table_import(fixture.home, first.id).await.unwrap(), stored.pop());
}

/// An organization that has the most imports gets no further one, and others do.
pub async fn an_organization_has_a_bounded_number_of_table_imports(fixture: Fixture) {
    let away = fixture.create_organization("away").await;
    let mut last = add(&fixture, fixture.home).await;
    for _ in 1..MAX_TABLE_IMPORTS {
        last = add(&fixture, fixture.home).await;
    }
    let further = import(&fixture, fixture.home);
    assert!(!fixture.store.add_table_import(&further).await.unwrap());
    add(&fixture, away).await;
    assert!(fixture.store.delete_table_import(fixture.home, last.id).await.unwrap());
    assert!(fixture.store.add_table_import(&further).await.unwrap());
}

/// The bytes of a file are read part by part, and are gone with the import.
pub async fn the_parts_of_a_table_are_stored_and_deleted_with_its_import(fixture: Fixture) {
    let away = fixture.create_organization("away").await;
    let (own, kept) = (add(&fixture, fixture.home).await, add(&fixture, fixture.home).await);
    let parts = [vec![0, 255, 10, 0], vec![b'x'; 300 * 1024]];
    for import in [&own, &kept] {
        for (number, bytes) in (0..).zip(&parts) {
            fixture.store.add_table_part(fixture.home, import.id, number, bytes.clone()).await.unwrap();
        }
    }
    let part = async |organization, id, number| fixture.store.table_part(organization, id, number).await.unwrap();
    assert_eq!(part(fixture.home, own.id, 0).await.as_ref(), Some(&parts[0]));
    assert_eq!(part(fixture.home, own.id, 1).await.as_ref(), Some(&parts[1]));
    assert_eq!(part(fixture.home, own.id, 2).await, None);
    assert_eq!(part(away, own.id, 0).await, None);
    assert!(fixture.store.add_table_part(fixture.home, own.id, 0, vec![1]).await.is_err());
    assert!(fixture.store.delete_table_import(fixture.home, own.id).await.unwrap());
    assert_eq!(part(fixture.home, own.id, 0).await, None);
    assert_eq!(part(fixture.home, kept.id, 1).await.as_ref(), Some(&parts[1]));
}

/// Those that expired first are deleted first, at most as many as the limit, whichever organization has them.
pub async fn expired_table_imports_are_deleted_with_their_files(fixture: Fixture) {
    let away = fixture.create_organization("away").await;
    let first = add(&fixture, away).await;
    fixture.store.add_table_part(away, first.id, 0, vec![1]).await.unwrap();
    fixture.clock.advance(Duration::from_secs(60));
    let second = add(&fixture, fixture.home).await;
    fixture.clock.advance(Duration::from_secs(60));
    let third = add(&fixture, fixture.home).await;
    let delete = async |limit| fixture.store.delete_expired_table_imports(second.expires_at, limit).await.unwrap();
    assert_eq!(fixture.store.delete_expired_table_imports(fixture.now(), 10).await.unwrap(), 0);
    assert_eq!(delete(1).await, 1);
    assert_eq!(fixture.store.table_part(away, first.id, 0).await.unwrap(), None);
    assert_eq!(fixture.store.table_imports(away).await.unwrap(), []);
    assert_eq!(delete(10).await, 1);
    assert_eq!(fixture.store.table_imports(fixture.home).await.unwrap(), [third]);
}
