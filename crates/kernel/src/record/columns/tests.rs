//! The marks of columns, and the mistakes in declarations that they refuse.

use std::panic::catch_unwind;

use super::*;
use crate::{Description, SubjectGroup, Title};

fn title() -> Columns {
    Columns::of_field::<Title>("title", " The title. ")
}

fn count() -> Columns {
    Columns::of_field::<i64>("count", "")
}

fn group() -> Columns {
    Columns::of_field::<Option<SubjectGroup>>("subject", "The subject.")
}

fn names(columns: &'static Columns) -> Vec<&'static str> {
    columns.as_slice().iter().map(|column| column.name).collect()
}

fn leak(columns: Columns) -> &'static Columns {
    Box::leak(Box::new(columns))
}

/// Whether the declaration is refused; in a constant that is a compiler error.
fn is_refused(declare: fn() -> Columns) -> bool {
    catch_unwind(declare).is_err()
}

#[test]
fn a_single_column_takes_the_name_and_the_description_of_its_field() {
    let [column] = leak(title()).as_slice() else { panic!("one column") };
    assert_eq!((column.name, column.label, column.description), ("title", "title", "The title."));
    assert!(!column.nullable);
}

#[test]
fn the_columns_of_a_group_have_their_own_names_and_descriptions() {
    assert_eq!(names(leak(group())), ["subject_module_key", "subject_resource_type", "subject_resource_id"]);
    assert!(leak(group()).as_slice().iter().all(|column| column.description != "The subject." && column.nullable));
}

#[test]
fn columns_are_joined_in_their_order() {
    let all = leak(title().and(group()).and(count()));
    assert_eq!(names(all), ["title", "subject_module_key", "subject_resource_type", "subject_resource_id", "count"]);
    assert_eq!(
        ["title", "subject_resource_id", "count", "other", "titles", "tit"].map(|name| all.index_of(name)),
        [0, 3, 4, 5, 5, 5]
    );
    assert!(all.has("count") && all.has("title") && !all.has("other") && !all.has(""));
    assert_eq!(names(leak(Columns::EMPTY)), [""; 0]);
}

#[test]
fn a_record_has_at_most_32_columns() {
    let full = (0..Columns::MAX).fold(Columns::EMPTY, |columns, _| columns.and(title()));
    assert_eq!(full.length, 32);
    assert!(is_refused(|| (0..=Columns::MAX).fold(Columns::EMPTY, |columns, _| columns.and(title()))));
}

#[test]
fn a_filter_is_on_the_column_that_it_names() {
    let filtered = group().filter_on("subject_resource_id", Selectivity::Few);
    let filters: Vec<_> = leak(filtered).as_slice().iter().map(|column| column.filter).collect();
    let filter = ColumnFilter {
        label: "subject_resource_id",
        selectivity: Selectivity::Few,
        comparison: Comparison::OneOf,
        required: false,
    };
    assert_eq!(filters, [None, None, Some(filter)]);
    assert!(is_refused(|| group().filter_on("other", Selectivity::Few)));
}

#[test]
fn a_choice_of_values_is_refused_for_numbers_and_a_lower_bound_for_others() {
    assert!(is_refused(|| count().filter(Selectivity::Many).checked()));
    assert!(is_refused(|| title().at_least("since")));
    assert!(!is_refused(|| count().at_least("since").checked()));
    assert!(!is_refused(|| title().filter(Selectivity::Many).checked()));
}

#[test]
fn a_record_has_at_most_one_key_and_its_parent_is_a_column() {
    let description = || Columns::of_field::<Description>("description", "");
    assert!(!is_refused(|| title().key().and(count()).checked()));
    assert!(!is_refused(|| count().and(title().key_within("count")).checked()));
    assert!(is_refused(|| count().and(title().key_within("other")).checked()));
    assert_eq!(leak(title().installation_key()).as_slice()[0].key, Some(KeyScope::Installation));
    let two = title().key().and(description().key());
    assert!(catch_unwind(|| two.checked()).is_err());
}

#[test]
fn lists_are_filtered_by_a_key_of_the_organization_or_of_a_parent_under_its_label() {
    let filter = |columns: Columns| columns.columns[0].filter.map(|filter| (filter.label, filter.selectivity));
    let key = || title().label("sample_key");
    assert_eq!(filter(key().key()), Some(("sample_key", Selectivity::One)));
    assert_eq!(filter(key().key_within("title")), Some(("sample_key", Selectivity::Unindexed)));
    assert_eq!(filter(key().installation_key()), None);
    assert!(is_refused(|| title().key().label("sample_key")), "the filter would keep the name of the field");
}

#[test]
fn a_due_date_is_an_optional_time_called_due_at() {
    let due_at = Columns::of_field::<Option<Timestamp>>("due_at", "");
    let columns = leak(due_at.due_date().and(count())).as_slice();
    assert_eq!(columns.iter().map(|column| column.is_due_date).collect::<Vec<_>>(), [true, false]);
    assert!(is_refused(|| Columns::of_field::<Timestamp>("due_at", "").due_date()));
    assert!(is_refused(|| Columns::of_field::<Option<i64>>("due_at", "").due_date()));
    assert!(is_refused(|| Columns::of_field::<Option<Timestamp>>("ends_at", "").due_date()));
}

#[test]
fn only_a_marked_column_is_set_at_creation_only() {
    let columns = leak(title().create_only().and(count())).as_slice();
    assert_eq!(columns.iter().map(|column| column.is_create_only).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn a_mark_for_one_column_is_refused_for_a_group() {
    assert!(is_refused(|| group().label("other")));
    assert!(is_refused(|| group().create_only()));
    assert!(is_refused(|| title().required()), "there is no filter that could be required");
}

#[test]
fn examples_belong_to_the_first_columns_of_a_group() {
    let examples: Vec<_> =
        leak(group().examples(["code", "file"])).as_slice().iter().map(|column| column.example).collect();
    assert_eq!(examples, [Some("code"), Some("file"), None]);
    assert!(!is_refused(|| group().examples(["code", "file", "main.rs"])));
    assert!(is_refused(|| title().examples(["one", "other"])));
}

fn parent() -> Columns {
    Columns::of_field::<crate::Id<crate::RequestId>>("request_id", "")
}

#[test]
fn an_identity_has_all_columns_of_its_fields_and_begins_with_a_parent() {
    let all = leak(parent().filter(Selectivity::Few).identity().and(group().identity()).and(title()).checked());
    let identity: Vec<_> =
        all.as_slice().iter().filter(|column| column.is_identity).map(|column| column.name).collect();
    assert_eq!(identity, ["request_id", "subject_module_key", "subject_resource_type", "subject_resource_id"]);
    assert!(is_refused(|| title().identity().checked()), "the first column is no parent");
    assert!(is_refused(|| parent().identity().checked()), "the parent has no filter");
    assert!(is_refused(|| {
        let identity = parent().filter(Selectivity::Few).identity();
        identity.and(Columns::of_field::<crate::RecordKey>("key", "").key()).checked()
    }));
}

#[test]
fn only_a_value_that_may_be_absent_is_derived() {
    let derived = leak(Columns::of_field::<Option<Title>>("title", "").derived());
    assert!(derived.as_slice().iter().all(|column| column.is_derived && !column.is_identity));
    assert!(is_refused(|| title().derived()));
}
