//! Notes, proofs and tiles against the crates `signed_note` and `tlog_tiles` of Cloudflare, a port of Go's `sumdb`.

use audit::{Hash, ProofPlan, verify_consistency, verify_inclusion};
use proptest::{prelude::*, sample::Index};
use signed_note::{Note, StandardVerifier, VerifierList};
use tlog_tiles::{
    Checkpoint, Error, Tile, TileHashReader, TileReader, check_record, check_tree, prove_record, prove_tree,
    record_hash,
};

use crate::log::{Log, ORIGIN};

/// A client of our static files.
struct Client<'log>(&'log Log);

impl TileReader for Client<'_> {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        let read = |tile: &Tile| self.0.file(&path(tile)).ok_or(Error::InvalidTile);
        tiles.iter().map(read).collect()
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

/// The path below `tile/`. The library's has the height in it, and another name for entries.
fn path(tile: &Tile) -> String {
    tile.path().strip_prefix("tile/8/").unwrap().replace("data/", "entries/")
}

fn theirs(hash: Hash) -> tlog_tiles::Hash {
    tlog_tiles::Hash(hash.0)
}

fn ours(hashes: Vec<tlog_tiles::Hash>) -> Vec<Hash> {
    hashes.into_iter().map(|hash| Hash(hash.0)).collect()
}

/// Checks the note as a client does, and returns the size and the root.
fn open(note: &[u8], key: &str) -> Option<(u64, tlog_tiles::Hash)> {
    let verifiers = VerifierList::new(vec![Box::new(StandardVerifier::new(key).ok()?)]);
    let note = Note::from_bytes(note).ok()?;
    note.verify(&verifiers).ok()?;
    let head = Checkpoint::from_bytes(note.text()).ok().filter(|head| head.origin() == ORIGIN)?;
    Some((head.size(), *head.hash()))
}

/// Everything that a client can check about one entry and one earlier tree.
fn check(log: &Log, index: u64, from: u64, bit: usize) {
    let key = log.verifier_key().to_string();
    let (size, root) = open(log.note().as_bytes(), &key).expect("the note is signed");
    let client = Client(log);
    let reader = TileHashReader::new(size, root, &client);
    let entry = log.entries[usize::try_from(index).unwrap()];
    let leaf = record_hash(&entry.0);

    let proof = prove_record(size, index, &reader).expect("the tiles have all nodes");
    assert_eq!(ours(proof.clone()), log.resolve(&ProofPlan::inclusion(index, size).unwrap()), "{index} in {size}");
    check_record(&proof, size, root, index, leaf).unwrap();
    assert!(verify_inclusion(audit::leaf_hash(entry), index, size, Hash(root.0), &ours(proof.clone())));
    for position in 0..proof.len() {
        let mut proof = proof.clone();
        proof[position].0[bit / 8] ^= 1 << (bit % 8);
        assert!(check_record(&proof, size, root, index, leaf).is_err());
        assert!(!verify_inclusion(audit::leaf_hash(entry), index, size, Hash(root.0), &ours(proof)));
    }

    let old = Log::new(log.entries[..usize::try_from(from).unwrap()].to_vec());
    let (_, old_root) = open(old.note().as_bytes(), &key).expect("the old note is signed");
    let proof = prove_tree(size, from, &reader).expect("the tiles have all nodes");
    assert_eq!(ours(proof.clone()), log.resolve(&ProofPlan::consistency(from, size).unwrap()), "{from} to {size}");
    check_tree(&proof, size, root, from, old_root).unwrap();
    assert!(verify_consistency((from, Hash(old_root.0)), (size, Hash(root.0)), &ours(proof.clone())));
    for position in 0..proof.len() {
        let mut proof = proof.clone();
        proof[position].0[bit / 8] ^= 1 << (bit % 8);
        assert!(check_tree(&proof, size, root, from, old_root).is_err());
        assert!(!verify_consistency((from, Hash(old_root.0)), (size, Hash(root.0)), &ours(proof)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn another_implementation_computes_the_same_proofs_from_the_tiles_and_accepts_them(
        size in prop_oneof![9 => 1_u64..600, 1 => 65_530_u64..66_100],
        index in any::<Index>(),
        from in any::<Index>(),
        bit in 0..256_usize,
    ) {
        let log = Log::of_size(size);
        let below = |index: Index| index.index(usize::try_from(size).unwrap()) as u64;
        check(&log, below(index), below(from) + 1, bit);
    }

    #[test]
    fn another_implementation_refuses_a_note_with_a_changed_bit(size in 0_u64..9, at in any::<Index>(), bit in 0..8_u32) {
        let log = Log::of_size(size);
        let key = log.verifier_key().to_string();
        let mut note = log.note().into_bytes();
        prop_assert_eq!(open(&note, &key), Some((size, theirs(log.head.root))));
        let at = at.index(note.len());
        note[at] ^= 1 << bit;
        prop_assert_eq!(open(&note, &key), None);
    }
}

#[test]
fn another_implementation_proves_every_entry_of_small_logs() {
    for size in [1, 2, 3, 255, 256, 257, 513] {
        let log = Log::of_size(size);
        for index in (0..size).step_by(if size < 9 { 1 } else { 37 }) {
            check(&log, index, index + 1, 77);
        }
    }
}

#[test]
fn each_tile_of_a_log_has_the_path_and_content_that_another_implementation_expects() {
    let log = Log::of_size(66_000);
    let (size, root) = (log.size(), theirs(log.head.root));
    let client = Client(&log);
    let reader = TileHashReader::new(size, root, &client);
    let tiles = Tile::new_tiles(8, 0, size);
    // 257 full tiles and a partial one of leaves, a full one and a partial one above them, and one on top.
    assert_eq!(tiles.len(), 257 + 1 + 1 + 1 + 1);
    for tile in &tiles {
        let parsed: audit::Tile = path(tile).parse().unwrap();
        assert_eq!(parsed.to_string(), path(tile));
        assert_eq!(log.file(&path(tile)), Some(tile.read_data(&reader).unwrap()), "{}", path(tile));
    }
    let bundle = log.file("entries/257.p/208").unwrap();
    for (number, entry) in bundle.chunks(34).enumerate() {
        let index = 257 * 256 + number as u64;
        let proof = prove_record(size, index, &reader).unwrap();
        check_record(&proof, size, root, index, record_hash(&entry[2..])).unwrap();
    }
    assert_eq!((log.file("entries/257"), log.file("0/257.p/209"), log.file("3/000")), (None, None, None));
}

#[test]
fn another_implementation_notices_a_changed_tile() {
    struct Forged<'log>(&'log Log);
    impl TileReader for Forged<'_> {
        fn height(&self) -> u8 {
            8
        }

        fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
            let mut read = Client(self.0).read_tiles(tiles)?;
            let forged = tiles.iter().position(|tile| path(tile) == "0/001");
            forged.into_iter().for_each(|position| read[position][0] ^= 1);
            Ok(read)
        }

        fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
    }
    // The library compares a tile with its parent only if the tree has few complete subtrees at its edge.
    let log = Log::of_size(1024);
    let forged = Forged(&log);
    let reader = TileHashReader::new(log.size(), theirs(log.head.root), &forged);
    assert!(prove_record(log.size(), 300, &reader).is_err());
    assert!(prove_record(log.size(), 600, &reader).is_ok());
}
