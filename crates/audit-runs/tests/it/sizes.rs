//! The number of bytes that entries take. The bounds leave room for other versions of zstd.

use audit_runs::{Effort, SegmentTerms, encode_sealed, merge_terms};
use kernel::Entry;

use crate::{
    entries::{anchors, organization},
    workload::{Workload, mixed, reads},
};

fn bytes_per_entry(entries: &[Entry], effort: Effort) -> f64 {
    let bytes = encode_sealed(organization(), 1, entries, &anchors(1, entries), effort);
    bytes.len() as f64 / entries.len() as f64
}

fn assert_size(name: &str, size: f64, bound: f64) {
    println!("{name}: {size:.2}");
    assert!(size <= bound, "{name}: {size:.2} bytes an entry, more than {bound}");
}

#[test]
fn an_entry_of_a_segment_takes_few_bytes() {
    assert_size("reads, segment", bytes_per_entry(&reads(4_096), Effort::Thorough), 24.0);
    assert_size("mixed, segment", bytes_per_entry(&mixed(4_096), Effort::Thorough), 33.0);
}

#[test]
fn an_entry_of_a_block_takes_few_bytes() {
    assert_size("reads, block", bytes_per_entry(&reads(256), Effort::Quick), 26.0);
    assert_size("mixed, block", bytes_per_entry(&mixed(256), Effort::Quick), 45.0);
}

#[test]
fn the_index_takes_few_bytes_for_each_entry() {
    let mut workload = Workload::mixed(3);
    let segments: Vec<SegmentTerms> = (0..8).map(|_| SegmentTerms::of(&workload.take(4_096))).collect();
    let entries = (segments.len() * 4_096) as f64;
    let unmerged: usize = segments.iter().map(|terms| terms.encode().len()).sum();
    assert_size("index of segments", unmerged as f64 / entries, 3.2);
    let merged: usize = merge_terms(&segments).iter().map(|(_, row)| row.len()).sum();
    assert_size("merged index", merged as f64 / entries, 3.2);
}
