//! The list of organizations for operators.

use kernel::Slug;

use crate::{Fixture, samples};

/// All organizations are listed, oldest first, independent of their slugs and of later changes.
pub async fn organizations_are_listed_oldest_first(fixture: Fixture) {
    let home = fixture.get(fixture.home, fixture.home).await.unwrap();
    fixture.clock.tick();
    let second = fixture.create_organization("zeta").await;
    let third = fixture.create_organization("alpha").await;
    fixture.clock.tick();
    let home = fixture.update(&home, samples::organization("moved")).await;
    let all = fixture.store.organizations().await.unwrap();
    assert_eq!(all.iter().map(|stored| stored.meta.id).collect::<Vec<_>>(), [fixture.home, second, third]);
    assert_eq!(all[0], home);
}

/// A slug finds its organization until the organization gets another slug.
pub async fn an_organization_is_found_by_its_slug(fixture: Fixture) {
    let home = fixture.get(fixture.home, fixture.home).await.unwrap();
    fixture.create_organization("home-2").await;
    let by_slug = async |slug| fixture.store.organization(&Slug::parse(slug).unwrap()).await.unwrap();
    assert_eq!(by_slug("home").await.as_ref(), Some(&home));
    assert_eq!(by_slug("hom").await, None);
    let moved = fixture.update(&home, samples::organization("moved")).await;
    assert_eq!((by_slug("home").await, by_slug("moved").await), (None, Some(moved)));
}
