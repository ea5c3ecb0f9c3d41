//! The lists of records that refer to a record.

use kernel::{Column, ColumnType, Comparison, Kind};

use super::{Register, Row, register::all_registers};
use crate::words::camel_case;

/// The kinds of records that cover requirements.
const COVERING: [Kind; 10] = [
    Kind::Assessment,
    Kind::Asset,
    Kind::Control,
    Kind::Engagement,
    Kind::EvidenceRequirement,
    Kind::Exception,
    Kind::Indicator,
    Kind::MonitorDefinition,
    Kind::Risk,
    Kind::SubmissionRequirement,
];

/// Returns the lists of records that refer to this one, by its identifier: the title of each and its address. Nothing is
/// read, so a list may be empty.
pub(super) fn related(register: &Register, row: &Row) -> Vec<(String, String)> {
    let lists = all_registers().flat_map(|other| {
        let columns = other.columns.iter().filter(|column| refers_to(column, register));
        let address = |column: &Column| {
            let filter = column.filter.filter(|filter| filter.comparison == Comparison::OneOf)?;
            Some((title(&other, column), format!("{}?{}={}", other.path(), camel_case(filter.label), row.id)))
        };
        columns.filter_map(address).collect::<Vec<_>>()
    });
    lists.collect()
}

/// Whether the column refers to records of this register: always, or maybe.
fn refers_to(column: &Column, register: &Register) -> bool {
    match column.column_type {
        ColumnType::Text { .. } if column.name == "target_resource_id" => COVERING.contains(&register.kind),
        ColumnType::Id(prefix) => prefix == register.prefix,
        ColumnType::Text { .. } => column.label.ends_with("_resource_id"),
        _ => false,
    }
}

fn title(other: &Register, column: &Column) -> String {
    match column.name {
        "subject_resource_id" => format!("{} about it", other.title()),
        "target_resource_id" => "Requirements that it covers".to_owned(),
        _ => other.title(),
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Id, Record as _, Stored, Timestamp, Ulid};
    use registers::{Control, Framework};

    use super::*;
    use crate::registers::register_of;

    #[test]
    fn a_framework_leads_to_its_versions_and_to_findings_about_it() {
        let at = Timestamp::from_millis(0);
        let stored = Stored::new(Id::new(Ulid::nil()), Id::new(Ulid(7)), at, Framework::example());
        let row = Row::of(&stored);
        let lists = related(&register_of::<Framework>(), &row);
        let addresses: Vec<&str> = lists.iter().map(|(_, address)| address.as_str()).collect();
        assert!(addresses.contains(&&*format!("/app/framework-versions?frameworkId={}", row.id)), "{addresses:?}");
        assert!(addresses.contains(&&*format!("/app/findings?subjectResourceId={}", row.id)), "{addresses:?}");
        assert!(!addresses.iter().any(|address| address.contains("measurements")), "{addresses:?}");
        assert!(
            !addresses.iter().any(|address| address.contains("coverage-links")),
            "it covers nothing: {addresses:?}"
        );
        let control = Stored::new(Id::new(Ulid::nil()), Id::new(Ulid(7)), at, Control::example());
        let lists = related(&register_of::<Control>(), &Row::of(&control));
        assert!(lists.iter().any(|(title, _)| title == "Requirements that it covers"), "{lists:?}");
    }
}
