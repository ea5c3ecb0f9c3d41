//! Objects of the archive.

use audit::Hash;
use audit_runs::{ArchiveObject, Effort, Header, encode_sealed};
use proptest::prelude::*;

use crate::{
    entries::{anchors, organization},
    samples::stated,
};

/// An object of the first version, which is read for ever.
const OBJECT: &[u8] = include_bytes!("samples/object.nva");

const NOTE: &str = "audit.example.org/org_1\n65536\nAAAA\n\n— audit.example.org/org_1 AAAA\n";

/// The last block of a tile, whose other entries were removed.
fn segment(first_sequence: i64, count: u64) -> Vec<u8> {
    let entries = stated(count);
    encode_sealed(organization(), first_sequence, &entries, &anchors(first_sequence, &entries), Effort::Thorough)
}

fn tile(segments: &[Vec<u8>]) -> Vec<Hash> {
    let mut tile = vec![Hash([9; 32]); 256];
    for header in segments.iter().map(|segment| Header::parse(segment).expect("a run")) {
        for (block, anchor) in header.anchors.iter().enumerate() {
            let index = usize::try_from((header.sequences(block).start - 1) % 65_536).expect("an index") / 256;
            tile[index] = anchor.root;
        }
    }
    tile
}

fn sample() -> Vec<u8> {
    let segments = [segment(65_537 - 256, 256)];
    ArchiveObject::encode(&segments, &tile(&segments), Some(NOTE)).expect("an object")
}

#[test]
fn an_object_of_the_first_version_is_read() {
    let object = ArchiveObject::parse(OBJECT).unwrap();
    assert_eq!((object.organization, object.first_sequence, object.last_sequence), (organization(), 65_281, 65_536));
    let [segment] = object.segments.as_slice() else { panic!("it has one segment") };
    assert_eq!((Hash::digest(segment.body), segment.last_sequence()), (segment.digest, 65_536));
    let (header, entries) = audit_runs::decode(segment.body).unwrap();
    assert_eq!(entries, stated(256));
    assert_eq!(object.tile[255], header.anchors[0].root);
    assert_eq!(object.note, Some(NOTE));
    // The footer has no compressed part, but for the digest.
    let written = sample();
    assert_eq!(written[written.len() - 8..], OBJECT[OBJECT.len() - 8..]);
    let bodies = [segment.body.to_vec()];
    assert_eq!(ArchiveObject::encode(&bodies, &object.tile, object.note).unwrap(), OBJECT);
}

#[test]
fn an_object_has_consecutive_segments_up_to_the_end_of_a_tile() {
    let (first, last) = (segment(65_536 - 4_096 - 255, 256), segment(65_536 - 4_095, 4_096));
    let segments = [first.clone(), last.clone()];
    let bytes = ArchiveObject::encode(&segments, &tile(&segments), None).unwrap();
    let object = ArchiveObject::parse(&bytes).unwrap();
    assert_eq!(object.segments.iter().map(|segment| segment.body).collect::<Vec<_>>(), [&first[..], &last[..]]);
    assert_eq!((object.segments[1].range.clone(), object.note), (first.len()..first.len() + last.len(), None));

    let refused = |segments: &[Vec<u8>], tile: &[Hash]| ArchiveObject::encode(segments, tile, None).unwrap_err().0;
    let right = tile(&segments);
    assert_eq!(refused(std::slice::from_ref(&first), &right), "the object does not end with a tile");
    assert_eq!(refused(&[last.clone(), first.clone()], &right), "the object does not end with a tile");
    assert_eq!(refused(&[last.clone(), last.clone()], &right), "the segments do not follow one another");
    assert_eq!(refused(&[], &right), "the object has a wrong number of segments");
    let mut other = right.clone();
    other[255] = Hash([1; 32]);
    assert_eq!(refused(&segments, &other), "the tile has another root for the sequences 65281 to 65536");
    assert_eq!(refused(&segments, &right[1..]), "the bytes end early");
    let tile_before = segment(65_537 - 256, 256);
    assert_eq!(refused(&[tile_before, segment(65_537, 1)], &right), "the object does not end with a tile");
}

#[test]
fn each_flipped_bit_of_an_object_is_refused_or_shows_in_a_digest_or_the_note_or_the_tile() {
    let bytes = sample();
    let intact = ArchiveObject::parse(&bytes).unwrap();
    for position in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[position] ^= 1 << (position % 8);
        let Ok(object) = ArchiveObject::parse(&flipped) else { continue };
        let has_digests = object.segments.iter().all(|segment| Hash::digest(segment.body) == segment.digest);
        assert!(
            !has_digests || object.note != intact.note || object.tile != intact.tile,
            "the changed byte {position} does not show"
        );
    }
}

#[test]
fn a_cut_object_is_refused() {
    let bytes = sample();
    for length in 0..bytes.len() {
        assert!(ArchiveObject::parse(&bytes[..length]).is_err(), "{length}");
    }
    assert!(ArchiveObject::parse(&[bytes.as_slice(), b"x"].concat()).is_err());
    assert!(ArchiveObject::parse(&[b"x", bytes.as_slice()].concat()).is_err());
}

proptest! {
    #[test]
    fn changed_bytes_never_make_the_reader_of_objects_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = OBJECT.to_vec();
        let footer = bytes.len() - 8_400;
        for (index, byte) in changes {
            *index.get_mut(&mut bytes[footer..]) = byte;
        }
        let _ = ArchiveObject::parse(&bytes);
    }
}
