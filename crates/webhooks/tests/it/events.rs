use std::str::FromStr as _;

use kernel::{Id, Timestamp, Ulid};
use scopes::Scope;
use webhooks::{EventType, Message, StoredEvent, TEST_EVENT, UnknownEventType};

use crate::harness::{NOW, outbox_event};

#[test]
fn every_event_type_is_parsed_from_its_name() {
    for event in EventType::ALL {
        assert_eq!(EventType::from_str(event.name()), Ok(*event));
        assert_eq!(event.to_string(), event.name());
    }
    assert_eq!(EventType::from_str("finding.vanished"), Err(UnknownEventType("finding.vanished".to_owned())));
    assert!(EventType::from_str(TEST_EVENT).is_err(), "nobody can subscribe to the test");
}

#[test]
fn every_event_type_about_findings_requires_the_scope_that_reads_them() {
    for event in EventType::ALL.iter().filter(|event| event.name().starts_with("finding.")) {
        assert_eq!(event.scope(), Scope::FindingsRead, "{event}");
        assert!(event.description().starts_with("A finding"), "{event}");
    }
}

#[test]
fn a_stored_event_has_the_fields_of_the_event_in_the_outbox() {
    let event = outbox_event("finding.created");
    let expected = StoredEvent {
        id: event.id,
        organization: event.organization,
        name: "finding.created".into(),
        subject: event.subject.1,
        revision: event.revision,
        created_at: NOW,
        body: event.body.clone(),
    };
    assert_eq!(StoredEvent::from(&event), expected);
}

#[test]
fn the_signed_content_is_the_identifier_the_seconds_and_the_body() {
    let at = Timestamp::from_millis(1_779_718_113_999);
    let content = Message::signed_content(Id::new(Ulid(1)), at, b"{\"a\":1}");
    assert_eq!(String::from_utf8(content).unwrap(), "evt_00000000000000000000000001.1779718113.{\"a\":1}");
}
