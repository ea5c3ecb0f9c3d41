//! Proofs as files, verified with the key of the log.

use audit::{Hash, ProofFault, ProofPlan, TlogProof, TreeHead, leaf_hash, tree_root};
use proptest::{prelude::*, sample::Index};

use crate::{
    notes::{TestVerifier, cosignature, log_key, name, signed, witness_key},
    proofs::{Nodes, entries},
};

fn proof(index: u64, size: u64) -> TlogProof {
    let entries = entries(size);
    let nodes = Nodes::new(&entries);
    let head = TreeHead { origin: name("log.example.com/a"), size, root: tree_root(entries) };
    let hashes = ProofPlan::inclusion(index, size).unwrap().resolve(|node| nodes.get(node)).unwrap();
    TlogProof { extra: None, index, hashes, head: signed(&head) }
}

#[test]
fn a_proof_has_the_lines_of_the_specification() {
    let proof = proof(2, 3);
    let text = proof.to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..2], ["c2sp.org/tlog-proof@v1", "index 2"]);
    assert_eq!((lines[3], lines[4], lines[5], lines[7]), ("", "log.example.com/a", "3", ""));
    assert_eq!(text.parse(), Ok(proof.clone()));
    let extra = TlogProof { extra: Some(b"context".to_vec()), ..proof };
    assert!(extra.to_string().starts_with("c2sp.org/tlog-proof@v1\nextra Y29udGV4dA==\nindex 2\n"));
    assert_eq!(extra.to_string().parse(), Ok(extra));
}

#[test]
fn a_text_of_another_form_is_no_proof() {
    let text = proof(2, 3).to_string();
    let hash = text.lines().nth(2).unwrap().to_owned();
    for text in [
        String::new(),
        text.replace("@v1", "@v2"),
        text.replace("index 2", "index 02"),
        text.replace("index 2\n", ""),
        text.replace("index 2", "extra x\nindex 2"),
        text.replace("index 2", "extra \nextra \nindex 2"),
        text.replace("index 2", &format!("extra {}\nindex 2", "AAAA".repeat(20_000))),
        text.replace(&hash, &hash[1..]),
        text.replace(&hash, &vec![hash.as_str(); 64].join("\n")),
        text.replace('\n', "\r\n"),
        format!("{text}\n"),
    ] {
        assert!(text.parse::<TlogProof>().is_err(), "{text}");
    }
}

#[test]
fn a_proof_of_another_entry_or_with_another_key_is_refused() {
    let mut proof = proof(5, 11);
    let entry = entries(6)[5];
    proof.head.add(cosignature(4, 99, &proof.head));
    let witnesses = [witness_key(4)];
    let verified = proof.verify(entry, &log_key(1), &witnesses, &TestVerifier).unwrap();
    assert_eq!((verified.head.size, verified.cosignatures[0].signed_at), (11, Some(99)));
    let refused = |entry, key| proof.verify(entry, &log_key(key), &[], &TestVerifier).unwrap_err();
    assert_eq!(refused(entries(5)[4], 1), ProofFault::NotIncluded { index: 5 });
    assert_eq!(refused(leaf_hash(entry), 1), ProofFault::NotIncluded { index: 5 });
    assert!(matches!(refused(entry, 2), ProofFault::Note(_)));
}

proptest! {
    #[test]
    fn a_proof_verifies_and_is_refused_with_any_changed_bit(size in 1_u64..300, index in any::<Index>(), at in any::<Index>(), bit in 0..8_u32) {
        let index = index.index(usize::try_from(size).unwrap()) as u64;
        let entry = Hash::digest(&index.to_be_bytes());
        let verifies = |text: &str| {
            text.parse::<TlogProof>().is_ok_and(|proof| {
                assert_eq!(proof.to_string(), text);
                proof.verify(entry, &log_key(1), &[], &TestVerifier).is_ok()
            })
        };
        let text = proof(index, size).to_string();
        prop_assert!(verifies(&text));
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(!str::from_utf8(&bytes).is_ok_and(verifies));
    }
}
