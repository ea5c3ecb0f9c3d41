//! The random parts of identifiers that follow from others take no room.

use audit_runs::{decode, encode_waiting};
use kernel::{Entry, Id};
use ulid::Ulid;

use crate::{entries::organization, workload::reads};

const MILLIS: u64 = 1_700_000_000_000;

/// A number that no other is near to.
fn far(number: u64) -> u128 {
    (u128::from(number + 1) * 0x1234_5678_9abc_def1_3579) & ((1 << 79) - 1)
}

/// Returns the bytes that 256 entries like the first one take with these identifiers of request and entry, each.
fn bytes_per_entry(identifiers: impl Fn(u64) -> (Ulid, Ulid)) -> usize {
    let model = reads(1).remove(0);
    let entry = |number| {
        let (request, id) = identifiers(number);
        let mut entry: Entry = model.clone();
        (entry.origin.request_id, entry.id) = (Id::new(request), Id::new(id));
        entry.occurred_at = kernel::Timestamp::from_millis(id.timestamp_ms() as i64);
        entry
    };
    let entries: Vec<Entry> = (0..256).map(entry).collect();
    let bytes = encode_waiting(organization(), &entries.iter().collect::<Vec<_>>());
    assert_eq!(decode(&bytes).expect("a run that was just encoded").1, entries);
    bytes.len() / 256
}

#[test]
fn identifiers_that_are_counted_up_within_a_millisecond_take_no_random_bytes() {
    let counted = |number| Ulid::from_parts(MILLIS, far(0) + u128::from(number));
    assert_eq!(bytes_per_entry(|number| (counted(2 * number), counted(2 * number + 1))), 7);
}

#[test]
fn identifiers_that_up_to_four_servers_count_up_in_the_same_millisecond_take_no_random_bytes() {
    for (servers, expected) in [(2, 7), (4, 8), (5, 16)] {
        let counted =
            |number: u64, step| Ulid::from_parts(MILLIS, far(number % servers) + u128::from(2 * number + step));
        assert_eq!(bytes_per_entry(|number| (counted(number, 0), counted(number, 1))), expected, "{servers} servers");
    }
}

#[test]
fn an_entry_with_the_random_part_of_its_request_takes_no_random_bytes_of_its_own() {
    let at = |number: u64, late| Ulid::from_parts(MILLIS + 20 * number + late, far(number));
    assert_eq!(bytes_per_entry(|number| (at(number, 0), at(number, 3))), 16);
}

#[test]
fn other_identifiers_take_ten_random_bytes() {
    let at = |number: u64| Ulid::from_parts(MILLIS + 20 * number, far(number));
    assert_eq!(bytes_per_entry(|number| (at(2 * number), at(2 * number + 1))), 26);
}
