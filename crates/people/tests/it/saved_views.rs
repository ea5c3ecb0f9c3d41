//! Saved views of lists.

use auth::{
    NewSavedView, Permission, Role, SavedView, SavedViewError, SavedViewName, SavedViewQuery, UserCaller, UserDenied,
};
use kernel::RecordKey;
use novantra_people::{PeopleError, may_change_view};

use crate::harness::{EMAIL, Harness};

fn new(name: &str, is_shared: bool) -> NewSavedView {
    NewSavedView {
        list: RecordKey::parse("findings").unwrap(),
        name: named(name),
        query: SavedViewQuery::parse("status=open").unwrap(),
        is_shared,
    }
}

fn named(name: &str) -> SavedViewName {
    SavedViewName::parse(name).unwrap()
}

async fn save(harness: &Harness, caller: &UserCaller, new: NewSavedView) -> Result<SavedView, PeopleError> {
    harness.people.save_view(&harness.user_author(caller), &harness.home, caller, new).await
}

async fn names(harness: &Harness, caller: &UserCaller) -> Vec<String> {
    let mut names: Vec<String> =
        harness.people.saved_views(caller).await.unwrap().iter().map(|view| view.name.to_string()).collect();
    names.sort_unstable();
    names
}

async fn caller(harness: &Harness, email: &str, role: Role) -> UserCaller {
    harness.active_user(email, role).await;
    harness.caller(email).await
}

#[tokio::test]
async fn a_private_view_is_seen_and_changed_by_its_owner_only() {
    let harness = Harness::open().await;
    let owner = caller(&harness, EMAIL, Role::Reader).await;
    let administrator = harness.administrator("admin@b.example").await;
    let view = save(&harness, &owner, new("Mine", false)).await.unwrap();
    assert_eq!(
        (names(&harness, &owner).await, names(&harness, &administrator).await),
        (vec!["Mine".to_owned()], vec![])
    );
    assert!(matches!(harness.people.saved_view(&administrator, view.id).await, Err(PeopleError::NotFound)));
    let author = harness.user_author(&administrator);
    let refused = harness.people.delete_view(&author, &harness.home, &administrator, view.id).await;
    assert!(matches!(refused, Err(PeopleError::NotFound)), "{refused:?}");
    let author = harness.user_author(&owner);
    let renamed = (named("Ours"), false);
    let renamed = harness.people.change_view(&author, &harness.home, &owner, view.id, renamed).await.unwrap();
    assert_eq!((renamed.version, names(&harness, &owner).await), (2, vec!["Ours".to_owned()]));
    harness.people.delete_view(&author, &harness.home, &owner, view.id).await.unwrap();
    assert!(names(&harness, &owner).await.is_empty());
}

#[tokio::test]
async fn a_shared_view_is_managed_by_its_owner_and_by_administrators() {
    let harness = Harness::open().await;
    let owner = caller(&harness, EMAIL, Role::Lead).await;
    let other = caller(&harness, "o@b.example", Role::Lead).await;
    let administrator = harness.administrator("admin@b.example").await;
    let view = save(&harness, &owner, new("Overdue", true)).await.unwrap();
    assert_eq!(names(&harness, &other).await, ["Overdue"]);
    assert!(!may_change_view(&other, &view));
    let refused = harness.people.delete_view(&harness.user_author(&other), &harness.home, &other, view.id).await;
    let denied = UserDenied::MissingPermission(Permission::ManageWorkspace);
    assert!(matches!(&refused, Err(PeopleError::Denied(reason)) if *reason == denied), "{refused:?}");
    let author = harness.user_author(&administrator);
    let private = (named("Overdue"), false);
    harness.people.change_view(&author, &harness.home, &administrator, view.id, private).await.unwrap();
    assert_eq!((names(&harness, &other).await, names(&harness, &owner).await.len()), (vec![], 1));
}

#[tokio::test]
async fn only_those_who_change_records_share_views() {
    let harness = Harness::open().await;
    let reader = caller(&harness, EMAIL, Role::Reader).await;
    let refused = save(&harness, &reader, new("Ours", true)).await;
    assert!(matches!(refused, Err(PeopleError::Denied(_))), "{refused:?}");
    let view = save(&harness, &reader, new("Mine", false)).await.unwrap();
    let author = harness.user_author(&reader);
    let shared = harness.people.change_view(&author, &harness.home, &reader, view.id, (named("Mine"), true)).await;
    assert!(matches!(shared, Err(PeopleError::Denied(_))), "{shared:?}");
}

#[tokio::test]
async fn the_views_of_a_user_and_those_that_are_shared_are_bounded_and_have_different_names() {
    let harness = Harness::open().await;
    let owner = caller(&harness, EMAIL, Role::Lead).await;
    for number in 0..SavedView::MAX_PER_USER {
        save(&harness, &owner, new(&format!("View {number}"), true)).await.unwrap();
    }
    let refusal = async |caller: &UserCaller, new| match save(&harness, caller, new).await {
        Err(PeopleError::SavedView(error)) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(refusal(&owner, new("View 7", false)).await, SavedViewError::NameTaken);
    assert_eq!(refusal(&owner, new("One more", false)).await, SavedViewError::TooMany);
    let other = caller(&harness, "o@b.example", Role::Lead).await;
    assert_eq!(refusal(&other, new("View 7", true)).await, SavedViewError::TooManyShared);
    save(&harness, &other, new("View 7", false)).await.unwrap();
    save(&harness, &other, NewSavedView { list: RecordKey::parse("risks").unwrap(), ..new("View 7", false) })
        .await
        .unwrap();
}

#[tokio::test]
async fn every_change_of_a_view_has_an_entry_by_the_user() {
    let harness = Harness::open().await;
    let owner = caller(&harness, EMAIL, Role::Lead).await;
    let author = harness.user_author(&owner);
    let view = save(&harness, &owner, new("Mine", false)).await.unwrap();
    harness.people.change_view(&author, &harness.home, &owner, view.id, (named("Mine"), true)).await.unwrap();
    harness.people.delete_view(&author, &harness.home, &owner, view.id).await.unwrap();
    let log = harness.fixture.audit_log(harness.fixture.home).await;
    let id = view.id.to_string();
    let about = log.iter().filter(|stored| stored.entry.subject.as_ref().is_some_and(|subject| subject.id == id));
    let entries: Vec<(String, String, usize)> = about
        .map(|stored| {
            let entry = &stored.entry;
            (entry.action.to_string(), entry.actor.id.clone().unwrap().to_string(), entry.changes.len())
        })
        .collect();
    let by = owner.user.meta.id.to_string();
    let expected = [("saved_view.created", 5), ("saved_view.updated", 1), ("saved_view.deleted", 5)];
    assert_eq!(entries, expected.map(|(action, changes)| (action.to_owned(), by.clone(), changes)));
}
