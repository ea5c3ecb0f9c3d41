//! Bytes that are not what they should be are refused, or read as something else, which hashes show.

use audit_runs::{
    Effort, Header, SegmentTerms, decode_with_stubs, encode_sealed, encode_waiting, merge_terms, merged_blocks,
};
use proptest::prelude::*;

use crate::{
    entries::{anchors, entries, organization},
    workload::mixed,
};

/// A compressed run and a stored one.
fn samples() -> [Vec<u8>; 2] {
    let list = mixed(300);
    [
        encode_sealed(organization(), 257, &list, &anchors(257, &list), Effort::Quick),
        encode_waiting(organization(), &list[..20].iter().collect::<Vec<_>>()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn changed_bytes_never_make_the_decoder_panic(
        list in entries(20),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        // Stored runs have no checksum of zstd that would hide what is behind it.
        let mut bytes = encode_waiting(organization(), &list.iter().collect::<Vec<_>>());
        for (index, byte) in changes {
            *index.get_mut(&mut bytes) = byte;
        }
        let _ = decode_with_stubs(&bytes);
    }

    #[test]
    fn random_bytes_behind_a_header_never_make_the_decoder_panic(tail in prop::collection::vec(any::<u8>(), 0..400)) {
        let list = mixed(3);
        let mut bytes = encode_waiting(organization(), &list.iter().collect::<Vec<_>>());
        let start = Header::parse(&bytes).unwrap().dictionary().start;
        let length = bytes.len();
        bytes.truncate(start);
        bytes.extend(tail.iter().cycle().take(if tail.is_empty() { 0 } else { length - start }));
        let _ = decode_with_stubs(&bytes);
    }

    #[test]
    fn any_bytes_never_make_the_index_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), form in 0_u8..3) {
        if let Some(first) = bytes.first_mut() {
            *first = form;
        }
        let _ = SegmentTerms::decode(&bytes).map(|terms| terms.blocks(audit_runs::Fingerprint(7)));
        let _ = merged_blocks(&bytes, audit_runs::Fingerprint(u32::MAX));
    }
}

#[test]
fn each_flipped_bit_of_a_stored_run_is_refused_or_read_as_something_else() {
    let [_, bytes] = samples();
    let original = decode_with_stubs(&bytes).unwrap();
    for index in 0..bytes.len() {
        if let Ok(read) = decode_with_stubs(&flipped(&bytes, index)) {
            assert!(read != original, "the byte {index} means nothing");
        }
    }
}

// Some bits of a zstd frame mean nothing, so what is read may be the same.
#[test]
fn no_flipped_bit_of_a_compressed_run_makes_the_decoder_panic() {
    let [bytes, _] = samples();
    for index in (0..bytes.len()).step_by(17) {
        let _ = decode_with_stubs(&flipped(&bytes, index));
    }
}

fn flipped(bytes: &[u8], index: usize) -> Vec<u8> {
    let mut flipped = bytes.to_vec();
    flipped[index] ^= 1 << (index % 8);
    flipped
}

#[test]
fn a_run_that_ends_early_or_late_is_refused() {
    for bytes in samples() {
        for length in 0..bytes.len() {
            assert!(decode_with_stubs(&bytes[..length]).is_err(), "{length} bytes of a run were read");
        }
        assert!(decode_with_stubs(&[bytes, vec![0]].concat()).is_err());
    }
}

#[test]
fn fingerprints_that_end_early_or_late_are_refused() {
    let terms = SegmentTerms::of(&mixed(300));
    let bytes = terms.encode();
    for length in 0..bytes.len() {
        assert!(SegmentTerms::decode(&bytes[..length]).is_err());
    }
    assert!(SegmentTerms::decode(&[bytes, vec![0]].concat()).is_err());
    for (_, row) in merge_terms(&[terms]) {
        assert!(merged_blocks(&row[..row.len() - 1], audit_runs::Fingerprint(u32::MAX)).is_err());
    }
}
