//! Exports that were made before lines had to have one spelling.

use std::collections::BTreeMap;

use crypto::{CheckpointPublicKey, verify_export};

/// Made by `audit export` of version 0.2.0, before the log was stored in runs.
#[test]
fn an_export_made_by_an_earlier_version_stays_valid() {
    let export = include_bytes!("../data/export_2026_12.jsonl");
    let key: CheckpointPublicKey = include_str!("../data/export_2026_12.pem").parse().unwrap();
    let verified = verify_export(export.as_slice(), &key, Vec::new(), BTreeMap::new()).unwrap();
    assert_eq!((verified.chain.entries, verified.chain.checkpoints), (2, 1));
}
