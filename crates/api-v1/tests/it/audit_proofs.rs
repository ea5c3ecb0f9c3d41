//! The audit log as a transparency log: proofs, signed heads and tiles, as standard clients compute with them.

use std::time::Duration;

use audit::{
    Hash, SignedNote, TlogProof, Tree, TreeHead, VerifierKey, leaf_hash,
    tables::{HeadChange, LeaseHold, SealingRound},
    verify_consistency,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use crypto::Ed25519NoteVerifier;
use scopes::Scope;
use store::Lease;

use crate::support::{Client, TestApi, findings_path};

const LOG: &str = "/api/v1/audit/log";

async fn setup() -> (TestApi, Client) {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    (api, client)
}

/// Makes this many calls, and seals their entries.
async fn grow(api: &TestApi, client: &Client, calls: usize) {
    for _ in 0..calls {
        api.get(findings_path()).auth(client).send().await.expect(200);
    }
    api.seal().await;
}

/// The newest head of the home organization's log, whose signature is verified.
async fn head(api: &TestApi, client: &Client) -> TreeHead {
    let note = api.get(&format!("{LOG}/checkpoint")).auth(client).send().await.expect(200);
    assert_eq!(note.header("content-type"), "text/plain; charset=utf-8");
    let note = SignedNote::parse(str::from_utf8(&note.body).unwrap()).unwrap();
    TreeHead::verify(&note, &key(api), &[], &Ed25519NoteVerifier).unwrap().head
}

fn key(api: &TestApi) -> VerifierKey {
    api.audit_log.verifier_key(api.home)
}

#[tokio::test]
async fn a_sealed_entry_is_proved_to_whoever_has_the_verifier_key() {
    let (api, client) = setup().await;
    grow(&api, &client, 300).await;
    let log = api.audit_log(api.home).await;
    for stored in log.iter().filter(|stored| stored.seal.is_some()).step_by(29) {
        let path = format!("/api/v1/audit/entries/{}/proof", stored.entry.id);
        let proof = api.get(&path).auth(&client).send().await.expect(200);
        let proof: TlogProof = str::from_utf8(&proof.body).unwrap().parse().unwrap();
        let seal = stored.seal.unwrap();
        assert_eq!(proof.index, u64::try_from(seal.sequence - 1).unwrap());
        proof.verify(seal.hash, &key(&api), &[], &Ed25519NoteVerifier).unwrap();
        assert!(proof.verify(seal.previous_hash, &key(&api), &[], &Ed25519NoteVerifier).is_err());
    }
}

#[tokio::test]
async fn an_entry_that_is_not_sealed_yet_has_no_proof_but_a_time_to_ask_again() {
    let (api, client) = setup().await;
    let checkpoint = format!("{LOG}/checkpoint");
    let early = api.get(&checkpoint).auth(&client).send().await.expect(404);
    assert_eq!((&*early.error_code(), early.header("retry-after")), ("not_found", "1"));
    let unsealed = api.audit_log(api.home).await.pop().unwrap();
    let path = format!("/api/v1/audit/entries/{}/proof", unsealed.entry.id);
    let early = api.get(&path).auth(&client).send().await.expect(404);
    assert!(early.message().contains("not sealed yet"), "{}", early.message());
    assert_eq!(early.header("retry-after"), "1");
    api.seal().await;
    api.get(&path).auth(&client).send().await.expect(200);
}

#[tokio::test]
async fn a_head_whose_note_somebody_changed_is_an_error_and_not_one_that_is_signed_soon() {
    let (api, client) = setup().await;
    grow(&api, &client, 3).await;
    let tables = api.fixture.store.audit_tables();
    let before = tables.heads(&[api.home]).await.unwrap().remove(0);
    let mut after = before.clone();
    after.signed.as_mut().unwrap().note.as_mut().unwrap().0[7] ^= 1;
    let (now, duration) = (api.fixture.now(), Duration::from_secs(15));
    assert!(api.fixture.store.acquire_lease(Lease::Sealer, "somebody", now, duration).await.unwrap());
    let change = SealingRound {
        lease: LeaseHold { lease: "sealer", owner: "somebody".into(), now, duration },
        heads: vec![HeadChange {
            before: before.head,
            after,
            replaced_runs: Vec::new(),
            runs: Vec::new(),
            checkpoint: None,
        }],
        sealed: Vec::new(),
        waiting: Vec::new(),
        old_waiting: Vec::new(),
        writers: Vec::new(),
        ended_writers: Vec::new(),
    };
    assert!(tables.seal(&change).await.unwrap());
    let answer = api.get(&format!("{LOG}/checkpoint")).auth(&client).send().await.expect(500);
    assert_eq!(answer.header("retry-after"), "");
}

#[tokio::test]
async fn each_head_is_proved_to_continue_each_earlier_one() {
    let (api, client) = setup().await;
    let mut heads = Vec::new();
    for calls in [1, 7, 260, 40] {
        grow(&api, &client, calls).await;
        heads.push(head(&api, &client).await);
    }
    for (index, to) in heads.iter().enumerate() {
        for from in &heads[..=index] {
            let path = format!("{LOG}/consistency?from={}&to={}", from.size, to.size);
            let answer = api.get(&path).auth(&client).send().await.expect(200);
            let lines = str::from_utf8(&answer.body).unwrap().lines();
            let proof: Vec<Hash> = lines.map(|line| Hash(STANDARD.decode(line).unwrap().try_into().unwrap())).collect();
            assert!(verify_consistency((from.size, from.root), (to.size, to.root), &proof), "{path}");
        }
    }
    let last = heads.last().unwrap().size;
    for (query, status) in [
        (format!("from=1&to={}", last + 100_000), 404),
        ("from=2&to=1".to_owned(), 400),
        ("from=-1&to=1".to_owned(), 400),
        ("from=1".to_owned(), 400),
    ] {
        api.get(&format!("{LOG}/consistency?{query}")).auth(&client).send().await.expect(status);
    }
}

#[tokio::test]
async fn the_tiles_of_the_tree_have_the_root_that_is_signed_and_full_ones_are_cached_for_good() {
    let (api, client) = setup().await;
    grow(&api, &client, 600).await;
    let head = head(&api, &client).await;
    let (mut leaves, mut tree) = (Vec::new(), Tree::default());
    for number in 0..head.size.div_ceil(256) {
        let width = (head.size - number * 256).min(256);
        let suffix = if width < 256 { format!(".p/{width}") } else { String::new() };
        let tile = async |level: &str| {
            let path = format!("{LOG}/tile/{level}/{number:03}{suffix}");
            let answer = api.get(&path).auth(&client).send().await.expect(200);
            assert_eq!(answer.header("content-type"), "application/octet-stream");
            let caching = if width == 256 { "private, max-age=31536000, immutable" } else { "private, no-cache" };
            assert_eq!(answer.header("cache-control"), caching, "{path}");
            answer.body
        };
        let (hashes, bundle) = (tile("0").await, tile("entries").await);
        for (leaf, entry) in hashes.chunks(32).zip(bundle.chunks(34)) {
            assert_eq!(entry[..2], [0, 32]);
            let hash = Hash(entry[2..].try_into().unwrap());
            assert_eq!(leaf, leaf_hash(hash).0);
            tree.push(hash);
            leaves.push(hash);
        }
    }
    assert_eq!((tree.size(), tree.root()), (head.size, head.root));
    let above = api.get(&format!("{LOG}/tile/1/000.p/2")).auth(&client).send().await.expect(200);
    let first: Tree = leaves[..256].iter().fold(Tree::default(), |mut tree, leaf| {
        tree.push(*leaf);
        tree
    });
    assert_eq!(above.body[..32], first.root().0);
    for absent in ["0/x001/000", "0/000.p/256", "0/000.p/0", "0/0", "64/000", "entries/900", "1/000", "x/000"] {
        api.get(&format!("{LOG}/tile/{absent}")).auth(&client).send().await.expect(404);
    }
}

#[tokio::test]
async fn the_log_that_is_read_is_that_of_the_callers_organization() {
    let (api, client) = setup().await;
    let elsewhere = api.fixture.create_organization("elsewhere").await;
    let other = api.client(elsewhere, &[Scope::AuditRead]).await;
    grow(&api, &client, 3).await;
    let path = format!("{LOG}/checkpoint");
    let note = api.get(&path).auth(&other).send().await.expect(200);
    let text = String::from_utf8(note.body.to_vec()).unwrap();
    assert!(text.lines().next().unwrap().ends_with(&elsewhere.to_string()), "{text}");
    let entry = api.audit_log(api.home).await.remove(0).entry.id;
    api.get(&format!("/api/v1/audit/entries/{entry}/proof")).auth(&other).send().await.expect(404);
}
