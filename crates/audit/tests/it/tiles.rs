//! The static files of a tree.

use audit::{Node, Tile, TileContent, entry_bundle, hash_tile, subtree_root};
use proptest::prelude::*;

use crate::proofs::{Nodes, entries};

#[test]
fn a_path_has_three_digits_in_each_part() {
    for (path, content, number, width) in [
        ("0/000", TileContent::Hashes(0), 0, 256),
        ("0/x001/x234/067", TileContent::Hashes(0), 1_234_067, 256),
        ("1/000.p/17", TileContent::Hashes(1), 0, 17),
        ("7/999.p/255", TileContent::Hashes(7), 999, 255),
        ("entries/x001/000.p/1", TileContent::Entries, 1000, 1),
        ("entries/273", TileContent::Entries, 273, 256),
    ] {
        let tile = Tile { content, number, width };
        assert_eq!(tile.to_string(), path);
        assert_eq!(path.parse(), Ok(tile));
    }
}

#[test]
fn a_path_with_another_spelling_is_refused() {
    for path in [
        "",
        "0",
        "0/",
        "0/0",
        "0/00",
        "00/000",
        "8/000",
        "-1/000",
        "0/0000",
        "0/x000/001",
        "0/001/002",
        "0/x001",
        "0/000.p/0",
        "0/000.p/256",
        "0/000.p/01",
        "0/000.p",
        "0/000/",
        "0/x001/x002",
        "entries",
        "data/000",
        "0/000.p/1/2",
        "0/+01",
        "0/x999/x999/x999/x999/x999/x999/x999/999",
        "0/x1/001",
        "0/00x",
    ] {
        assert!(path.parse::<Tile>().is_err(), "{path:?}");
    }
}

/// The example of `tlog-tiles` § Partial Tiles.
#[test]
fn a_tree_of_70_000_entries_has_the_tiles_of_the_specification() {
    let tiles = |content, size| (0..).map_while(move |number| Tile::widest(content, number, size));
    let widths = |level, size| {
        let widths: Vec<u64> = tiles(TileContent::Hashes(level), size).map(|tile| tile.width).collect();
        (widths.iter().filter(|width| **width == 256).count(), widths.last().copied())
    };
    assert_eq!(widths(0, 70_000), (273, Some(112)));
    assert_eq!(widths(1, 70_000), (1, Some(17)));
    assert_eq!(widths(2, 70_000), (0, Some(1)));
    assert_eq!(widths(3, 70_000), (0, None));
    assert_eq!((widths(0, 256), widths(1, 256)), ((1, Some(256)), (0, Some(1))));
    assert_eq!(tiles(TileContent::Entries, 70_000).count(), 274);
    let tile: Tile = "0/273.p/112".parse().unwrap();
    assert_eq!((tile.is_within(70_000), tile.is_within(69_999)), (true, false));
    assert_eq!(tile.leaves(), Some(69_888..70_000));
    assert_eq!("1/001".parse::<Tile>().unwrap().leaves(), Some(65_536..131_072));
    assert_eq!(Tile { content: TileContent::Hashes(9), number: 0, width: 1 }.leaves(), None);
    assert_eq!(Tile::widest(TileContent::Hashes(u32::MAX), 0, u64::MAX), None);
    assert_eq!(Tile::widest(TileContent::Hashes(0), u64::MAX, u64::MAX), None);
}

#[test]
fn a_tile_is_its_hashes_and_a_bundle_has_their_lengths() {
    let entries = entries(2);
    assert_eq!(hash_tile(&entries), [entries[0].0, entries[1].0].concat());
    let bundle = entry_bundle(&entries);
    assert_eq!((bundle.len(), &bundle[..2], &bundle[34..36]), (68, [0, 32].as_slice(), [0, 32].as_slice()));
    assert_eq!(bundle[36..], entries[1].0);
}

proptest! {
    #[test]
    fn each_node_is_the_root_of_nodes_of_one_tile(size in 1_u64..140_000, level in 0_u32..18, index: u64) {
        let count = size >> level;
        prop_assume!(count > 0);
        let node = Node { level, index: index % count };
        let (tile, positions) = Tile::containing(node);
        let needed = Tile { width: positions.end as u64, ..tile };
        prop_assert!(needed.is_within(size));
        let TileContent::Hashes(tile_level) = tile.content else { panic!("a node is a hash") };
        let leaves = needed.leaves().unwrap();
        prop_assert_eq!(leaves.end, (node.index + 1) << level);
        prop_assert_eq!(tile_level, level / 8);
        if size < 3000 {
            let nodes = Nodes::new(&entries(size));
            let first = usize::try_from(tile.number * 256).unwrap();
            let below = &nodes.level(tile_level * 8)[first + positions.start..first + positions.end];
            prop_assert_eq!(Some(subtree_root(below)), nodes.get(node));
        }
    }

    #[test]
    fn a_path_parses_to_its_tile(level in 0_u32..8, number in 0..u64::MAX / 1000, width in 1_u64..=256, is_entries: bool) {
        let content = if is_entries { TileContent::Entries } else { TileContent::Hashes(level) };
        let tile = Tile { content, number, width };
        prop_assert_eq!(tile.to_string().parse(), Ok(tile));
    }
}
