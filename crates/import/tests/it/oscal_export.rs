//! Tests of exports as OSCAL that need no store.

use std::fs;

use kernel::{Description, Id, Kind, Organization, RecordKey, Slug, Stored, Timestamp, Title, Ulid, VersionKey};
use novantra_import::oscal::{
    ExportModel, FrameworkOptions,
    export::{CatalogRecords, DocumentHead, Losses, guide_table, made_up_table, write_catalog},
    read_catalog,
};
use proptest::prelude::*;
use registers::{DefinitionStatus, Framework, FrameworkNode, FrameworkSource, FrameworkVersion, NodeKind};

use crate::drafts::{assert_whole, field, of_kind};

const GUIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guides/importing-catalogues.md");

fn stored<R: kernel::HasIdPrefix>(number: u128, record: R) -> Stored<R> {
    Stored::new(Id::new(Ulid::from(1)), Id::new(Ulid::from(number)), Timestamp::from_millis(1_779_717_600_000), record)
}

/// Writes a catalog of one control with this text, and reads it. Returns the text that was read, and whether the export
/// counted it as lost.
fn round_trip(text: &str) -> (String, bool) {
    let framework = Framework {
        key: RecordKey::parse("f").expect("valid"),
        name: Title::parse("F").expect("valid"),
        description: Description::parse("").expect("valid"),
        source_kind: FrameworkSource::Internal,
        status: DefinitionStatus::Active,
    };
    let version = FrameworkVersion {
        framework_id: Id::new(Ulid::from(2)),
        key: VersionKey::parse("1").expect("valid"),
        version_label: Title::parse("1").expect("valid"),
        source_kind: FrameworkSource::Internal,
        status: DefinitionStatus::Active,
        effective_at: None,
    };
    let node = FrameworkNode {
        framework_version_id: Id::new(Ulid::from(3)),
        parent_node_id: None,
        node_kind: NodeKind::Requirement,
        key: RecordKey::parse("N-1").expect("valid"),
        title: Title::parse("N").expect("valid"),
        text: Description::parse(text).expect("valid"),
        position: 0,
    };
    let organization = Organization {
        slug: Slug::parse("o").expect("valid"),
        name: Title::parse("O").expect("valid"),
        locale: RecordKey::parse("en").expect("valid"),
        timezone: RecordKey::parse("UTC").expect("valid"),
    };
    let organization = stored(1, organization);
    let head = DocumentHead { organization: &organization, last_modified: organization.meta.updated_at };
    let records =
        CatalogRecords { framework: stored(2, framework), version: stored(3, version), nodes: vec![stored(4, node)] };
    let (mut losses, mut bytes) = (Losses::new(ExportModel::Catalog), Vec::new());
    write_catalog(&records, &head, &mut losses, &mut bytes).expect("valid");
    let document = read_catalog(&bytes, &FrameworkOptions::default()).expect("valid");
    assert_whole(&document);
    let read = field(of_kind(&document, Kind::FrameworkNode)[0], "text").to_owned();
    (read, losses.lost().iter().any(|loss| loss.field == Some("text")))
}

proptest! {
    #[test]
    fn a_text_is_read_again_as_it_was_or_counted_as_lost(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "a. ", "1. ", "(a) ", "iv) ", "\n", "\n  ", "\n    ", "word", " ", ".", ";", "; ", ": ", "[Assignment: ", "[Selection: ",
                "[Selection (one or more): ", "]", "[", "(x)", "](#a)", "{{", "}}", "{{ insert: param, p }}", "[Withdrawn: ", ".]",
                "Incorporated into ", "Moved to ", "N-1", ", ", "\t", "é", "\\",
            ]),
            0..14,
        ),
    ) {
        let text = pieces.concat();
        let (read, is_lost) = round_trip(&text);
        prop_assert_eq!(read == text, !is_lost, "{:?} was read as {:?}", text, read);
    }
}

#[test]
fn usual_texts_are_not_lost() {
    for text in ["", "Do it.", "Do [Assignment: this].", "a. One\nb. Two", "[Withdrawn: Moved to N-1.]", "[Withdrawn.]"]
    {
        assert_eq!(round_trip(text), (text.to_owned(), false));
    }
}

#[test]
fn the_guide_has_the_tables_of_what_the_formats_carry_and_of_what_is_made_up() {
    let guide = fs::read_to_string(GUIDE).expect("the guide");
    for table in [guide_table(), made_up_table()] {
        assert!(guide.contains(&table), "replace the table of {GUIDE} by:\n{table}");
    }
}
