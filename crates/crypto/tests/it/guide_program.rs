//! The program of the guide for auditors accepts what this program makes, and refuses what was changed.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use audit::{
    Checkpoint, Cosignature, ENTRY_REDACTED, Hash, Head, NoteSigner as _, RedactedEntry, Redaction, Seal,
    SignatureKind, SignatureLine, StoredEntry, VerifierKey, canonical_json, checkpoint_json, hash_entry, redacted_json,
};
use crypto::{CheckpointKey, NoteKey, verify_export};
use kernel::{
    Action, Actor, ActorKind, Change, Entry, FieldValue, Id, Organization, OrganizationId, Origin, Reason, Subject,
    Timestamp, Ulid,
};

use crate::log::{Log, master_key, seeded_master_key};

const GUIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guides/verifying-the-audit-log.md");

/// The program as it is in the guide, in a folder of its own.
struct Program {
    folder: tempfile::TempDir,
}

impl Program {
    fn new() -> Self {
        let guide = fs::read_to_string(GUIDE).expect("the guide");
        let (_, rest) = guide.split_once("cat > verify_log.py <<'EOF_PYTHON'\n").expect("the program begins");
        let (program, _) = rest.split_once("\nEOF_PYTHON\n").expect("the program ends");
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("verify_log.py"), program).expect("the program is written");
        Self { folder }
    }

    /// Runs the program with these files, and returns what it prints.
    fn run(&self, command: &str, files: &[&[u8]]) -> Result<String, String> {
        let folder: &Path = self.folder.path();
        let names: Vec<String> = (0..files.len()).map(|number| format!("{number}.file")).collect();
        for (name, bytes) in names.iter().zip(files) {
            fs::write(folder.join(name), bytes).expect("the file is written");
        }
        let mut python = Command::new("python3");
        let output =
            python.args(["verify_log.py", command]).args(&names).current_dir(folder).output().expect("python3 runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    fn entry(&self, entry: &str, proof: &str, key: &str) -> Result<String, String> {
        self.run("entry", &[entry.as_bytes(), proof.as_bytes(), key.as_bytes()])
    }
}

fn organization() -> OrganizationId {
    Id::<Organization>::new(Ulid(5))
}

fn entry(number: u64) -> Entry {
    let text = |field: &'static str, after| Change { field: field.into(), before: FieldValue::Null, after };
    Entry {
        id: Id::new(Ulid::from_parts(1_700_000_000_000 + number, 7)),
        organization: organization(),
        occurred_at: Timestamp::from_millis(1_700_000_000_000),
        wall_clock: number.is_multiple_of(2).then(|| Timestamp::from_millis(0)),
        actor: Actor {
            kind: ActorKind::ServiceAccount,
            id: Some("svc_1".into()),
            name: "scanner \"2\" \u{7}\t".into(),
        },
        action: Action::new("finding.updated"),
        subject: number.is_multiple_of(3).then(|| Subject { kind: "finding".into(), id: "find_1".into() }),
        reason: Reason::parse("línea 𝄞 / \u{2028}").ok(),
        changes: vec![
            text("due_at", FieldValue::Texts(vec!["a\\b".to_owned(), "\u{7f}".to_owned()])),
            text("count", FieldValue::Integer(-12)),
            text("open", FieldValue::Bool(true)),
        ],
        origin: Origin {
            request_id: Id::new(Ulid(9)),
            method: Some("PATCH".into()),
            route: None,
            source_address: None,
            user_agent: Some("curl/8\r\n".to_owned()),
        },
        status: Some(200),
    }
}

fn sealed(entries: impl IntoIterator<Item = Entry>, start: Head) -> Vec<StoredEntry> {
    let mut head = start;
    let seal = |entry: Entry| {
        let (sequence, previous_hash) = (head.sequence + 1, head.hash);
        let hash = hash_entry(&entry, sequence, previous_hash);
        head = Head { sequence, hash };
        StoredEntry { entry, seal: Some(Seal { sequence, previous_hash, hash }) }
    };
    entries.into_iter().map(seal).collect()
}

fn hash(stored: &StoredEntry) -> Hash {
    stored.seal.unwrap().hash
}

/// The export of these entries, with a checkpoint after every third one and the last one.
fn export(entries: &[StoredEntry]) -> String {
    let mut lines = String::new();
    for (number, stored) in entries.iter().enumerate() {
        lines.push_str(&format!("{{\"entry\":{}}}\n", canonical_json(stored)));
        if number % 3 == 2 || number + 1 == entries.len() {
            lines.push_str(&checkpoint(stored));
        }
    }
    lines
}

fn checkpoint(stored: &StoredEntry) -> String {
    let seal = stored.seal.unwrap();
    let at = Timestamp::from_millis(1_700_000_000_999);
    let key = CheckpointKey::new(&master_key());
    let checkpoint = Checkpoint::sign(&key, stored.entry.organization, seal.sequence, seal.hash, at);
    format!("{{\"checkpoint\":{}}}\n", checkpoint_json(&checkpoint))
}

fn pem() -> String {
    CheckpointKey::new(&master_key()).public_key().to_pem()
}

#[test]
fn the_program_of_the_guide_verifies_an_entry_by_its_proof() {
    let program = Program::new();
    let entries = sealed((0..11).map(entry), Head::EMPTY);
    let log = Log::new(entries.iter().map(hash).collect());
    let key = log.verifier_key().to_string();
    for index in [0, 5, 10] {
        let json = canonical_json(&entries[index]);
        let printed = program.entry(&json, &log.proof(index as u64).to_string(), &format!("{key}\n")).unwrap();
        assert_eq!(printed, format!("{} is entry {} of the 11 in the log\n", entries[index].entry.id, index + 1));
    }
    let (json, proof) = (canonical_json(&entries[5]), log.proof(5).to_string());
    let wrapped = format!("{{ \"entry\": {json} }}");
    assert!(program.entry(&wrapped, &proof.replace("index", "extra AAAA\nindex"), &key).is_ok());
    let refused = |json: &str, proof: &str, key: &str| program.entry(json, proof, key).expect_err("it is refused");
    assert!(refused(&json.replace("curl/8", "curl/9"), &proof, &key).contains("the entry was changed"));
    assert!(
        refused(&json.replace("\"reason\"", "\"reason\":null,\"reason\""), &proof, &key)
            .contains("a member occurs twice")
    );
    assert!(refused(&canonical_json(&entries[6]), &proof, &key).contains("the proof is of entry 6, not of 7"));
    assert!(refused(&json, &proof.replace("index 5", "index 4"), &key).contains("the proof is of entry 5, not of 6"));
    let mut other = Log::new(entries[..9].iter().map(hash).collect());
    assert!(program.entry(&json, &other.proof(5).to_string(), &key).is_ok());
    other.head.origin = "audit.example.com/other".parse().unwrap();
    assert!(refused(&json, &other.proof(5).to_string(), &key).contains("not signed by"));
    assert!(refused(&json, &proof, &other.verifier_key().to_string()).contains("not signed by"));
    assert!(refused(&json, &proof, &key.replace("AY2J", "AY2K")).contains("damaged"));
    // Without its hash member, the entry is as changed as with it.
    let forged = sealed((0..11).map(|number| Entry { status: None, ..entry(number) }), Head::EMPTY);
    let forged = canonical_json(&forged[5]);
    assert!(refused(&forged, &proof, &key).contains("the log does not contain this entry"));
    // A changed letter somewhere in each line of the proof.
    let start_of_lines = proof.match_indices('\n').map(|(index, _)| index + 1);
    for at in start_of_lines
        .filter(|index| proof[*index..].chars().next().is_some_and(|letter| letter.is_ascii_alphanumeric()))
    {
        let mut changed = proof.clone();
        let letter = if &proof[at..=at] == "B" { "C" } else { "B" };
        changed.replace_range(at..=at, letter);
        assert!(program.entry(&json, &changed, &key).is_err(), "{changed}");
    }
    let signature = proof.rfind(' ').unwrap() + 40;
    let letter = if &proof[signature..=signature] == "B" { "C" } else { "B" };
    let mut changed = proof.clone();
    changed.replace_range(signature..=signature, letter);
    assert!(refused(&json, &changed, &key).contains("the signature of the note by audit.example.com"));
}

#[test]
fn the_program_of_the_guide_requires_the_cosignatures_that_it_is_to_require() {
    let program = Program::new();
    let entries = sealed((0..11).map(entry), Head::EMPTY);
    let log = Log::new(entries.iter().map(hash).collect());
    let (json, key) = (canonical_json(&entries[5]), log.verifier_key().to_string());
    let verify = |proof: &str, witnesses: &[&str]| {
        let witnesses = witnesses.join("\n");
        let mut files = vec![json.as_bytes(), proof.as_bytes(), key.as_bytes()];
        if !witnesses.is_empty() {
            files.push(witnesses.as_bytes());
        }
        program.run("entry", &files)
    };
    let [(one, one_line), (two, two_line)] = [("one.example", 1), ("two.example", 2)].map(|(name, seed)| {
        let witness = NoteKey::new(&seeded_master_key(seed));
        let vkey = VerifierKey {
            name: name.parse().unwrap(),
            kind: SignatureKind::Cosignature,
            public_key: witness.public_key(),
        };
        let signed_at = 1_700_000_000;
        let signature = witness.sign(audit::cosigned_message(signed_at, &log.head.text()).as_bytes());
        let bytes = Cosignature { signed_at, signature }.to_bytes();
        let line = SignatureLine { name: vkey.name.clone(), id: vkey.id(), signature: bytes };
        (vkey.to_string(), line)
    });
    let mut proof = log.proof(5);
    assert!(verify(&proof.to_string(), &[]).is_ok());
    assert!(verify(&proof.to_string(), &[&one]).unwrap_err().contains("not signed by one.example"));
    proof.head.add(one_line.clone());
    let by_one = proof.to_string();
    assert!(verify(&by_one, &[]).is_ok() && verify(&by_one, &[&one]).is_ok());
    assert!(verify(&by_one, &[&one, &two]).unwrap_err().contains("not signed by two.example"));
    proof.head.add(two_line);
    assert!(verify(&proof.to_string(), &[&one, &two]).is_ok());
    assert!(verify(&by_one, &[&key]).unwrap_err().contains("not for Ed25519 signatures of type 4"));
    let mut later = one_line;
    later.signature[7] ^= 1;
    let mut forged = log.proof(5);
    forged.head.add(later);
    assert!(verify(&forged.to_string(), &[]).is_ok(), "those of others do not matter");
    assert!(verify(&forged.to_string(), &[&one]).unwrap_err().contains("by one.example is invalid"));
}

#[test]
fn the_program_of_the_guide_judges_exports_as_novantra_does() {
    let program = Program::new();
    let entries = sealed((0..7).map(entry), Head::EMPTY);
    let removal = audit::Removal {
        first_sequence: 1,
        last: Head { sequence: 2, hash: hash(&entries[1]) },
        first_at: Timestamp::from_millis(0),
        last_at: Timestamp::from_millis(1),
        tree_root: Some(Hash([8; 32])),
        policy: "x".to_owned(),
    };
    let record = Entry { action: audit::ENTRIES_REMOVED, changes: removal.changes(), ..entry(99) };
    let mut shortened = entries[2..5].to_vec();
    shortened.extend(sealed([record], Head { sequence: 5, hash: hash(&entries[4]) }));
    let whole = export(&entries);
    let seal = entries[1].seal.unwrap();
    let redaction = Redaction { id: entries[1].entry.id, entry: Head { sequence: 2, hash: seal.hash } };
    let record = |redaction: Redaction| Entry {
        action: ENTRY_REDACTED,
        subject: Some(redaction.subject()),
        changes: redaction.changes(),
        ..entry(98)
    };
    let redacted = |redaction: Option<Redaction>| {
        let mut entries = entries.clone();
        let head = Head { sequence: 7, hash: hash(&entries[6]) };
        entries.extend(sealed(redaction.map(record), head));
        let remains = RedactedEntry { id: entries[1].entry.id, organization: organization(), seal };
        let entry = format!("{{\"entry\":{}}}", canonical_json(&entries[1]));
        export(&entries).replace(&entry, &format!("{{\"redacted\":{}}}", redacted_json(&remains)))
    };
    let of_another = Redaction { entry: Head { sequence: 3, ..redaction.entry }, ..redaction };
    let line = |number: usize| format!("{}\n", whole.lines().nth(number).unwrap());
    let kept = |number: usize| checkpoint(&entries[number]);
    let foreign =
        checkpoint(&sealed([Entry { organization: OrganizationId::INSTALLATION, ..entry(1) }], Head::EMPTY)[0]);
    let cases = [
        ("whole", true, whole.clone(), String::new()),
        ("with checkpoints that were kept", true, whole.clone(), kept(0) + &foreign + &kept(5)),
        ("after a removal", true, export(&shortened), kept(0) + &kept(3)),
        ("after a removal that is not recorded", false, export(&entries[2..]), String::new()),
        ("with a redacted entry", true, redacted(Some(redaction)), kept(1) + &kept(5)),
        ("a redaction that is not recorded", false, redacted(None), String::new()),
        ("a redaction of another entry", false, redacted(Some(of_another)), String::new()),
        (
            "another hash of a redacted entry",
            false,
            redacted(Some(redaction)).replacen(&seal.hash.to_string(), &"1".repeat(64), 1),
            String::new(),
        ),
        (
            "another identifier of a redacted entry",
            false,
            redacted(Some(redaction)).replacen(
                &format!("\"id\":\"{}\",\"organizationId\"", entries[1].entry.id),
                &format!("\"id\":\"{}\",\"organizationId\"", entries[2].entry.id),
                1,
            ),
            String::new(),
        ),
        (
            "a redacted entry with another member",
            false,
            redacted(Some(redaction)).replacen("{\"redacted\":{", "{\"redacted\":{\"a\":1,", 1),
            String::new(),
        ),
        ("a changed value", false, whole.replacen("curl/8", "curl/9", 1), String::new()),
        ("a missing entry", false, whole.replace(&line(1), ""), String::new()),
        ("a missing start", false, whole.replace(&line(0), ""), String::new()),
        ("a doubled entry", false, whole.replace(&line(1), &line(1).repeat(2)), String::new()),
        ("an end that was cut", false, export(&entries[..3]), kept(5)),
        ("an end without a checkpoint", false, whole.replace(&line(9), ""), String::new()),
        ("a kept checkpoint of other entries", false, export(&sealed((10..17).map(entry), Head::EMPTY)), kept(4)),
        (
            "a checkpoint at another entry",
            false,
            whole.replace(&line(3), "").replace(&line(9), &(line(9) + &line(3))),
            String::new(),
        ),
        ("a checkpoint that was changed", false, whole.replace("22:13:20.999", "22:13:20.998"), String::new()),
        (
            "an entry of another log",
            false,
            export(&sealed([entry(1), Entry { organization: OrganizationId::INSTALLATION, ..entry(2) }], Head::EMPTY)),
            String::new(),
        ),
        (
            "a doubled member",
            false,
            whole.replacen("\"route\":null", "\"route\":null,\"route\":null", 1),
            String::new(),
        ),
        ("white space", false, whole.replacen("\"route\":null", "\"route\": null", 1), String::new()),
        ("an escaped letter", false, whole.replacen("curl", "cur\\u006c", 1), String::new()),
        ("an empty line", false, whole.replace(&line(3), &(line(3) + "\n")), String::new()),
        ("a carriage return", false, whole.replace('\n', "\r\n"), String::new()),
        ("no line feed at the end", false, whole.trim_end().to_owned(), String::new()),
        ("a member beside the entry", false, whole.replacen("}}\n", "},\"x\":1}\n", 1), String::new()),
    ];
    let key = CheckpointKey::new(&master_key()).public_key();
    for (name, is_valid, export, kept) in cases {
        let kept_checkpoints = if kept.is_empty() { Vec::new() } else { crypto::read_checkpoints(&kept).unwrap() };
        let ours = verify_export(export.as_bytes(), &key, kept_checkpoints, BTreeMap::new());
        let theirs = program.run("export", &[export.as_bytes(), pem().as_bytes(), kept.as_bytes()]);
        assert_eq!(ours.is_ok(), is_valid, "{name}: {ours:?}");
        assert_eq!(theirs.is_ok(), is_valid, "{name}: {theirs:?}");
        if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
            let chain = ours.chain;
            assert_eq!(
                theirs,
                format!("{} entries are chained and signed; the head is {}\n", chain.entries, chain.head.hash)
            );
        }
    }
}
