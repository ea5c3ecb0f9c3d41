//! A witness, written from C2SP `tlog-witness`, `tlog-cosignature` and `signed-note`, with the Merkle proofs and notes of
//! other people's crates: nothing of the program's own code.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
};
use axum::{Router, extract::State, http::StatusCode, response::IntoResponse, routing::post};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use signed_note::{Note, StandardVerifier, Verifier, VerifierList};
use tlog_tiles::{Checkpoint, Hash, check_tree};

/// A witness that listens on a port of this machine until it is dropped.
pub(crate) struct TestWitness {
    pub(crate) url: String,
    /// The verifier key of its cosignatures.
    pub(crate) vkey: String,
    pub(crate) memory: Arc<Mutex<Memory>>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
}

/// The state of a witness, and how it misbehaves.
pub(crate) struct Memory {
    name: String,
    key: Ed25519KeyPair,
    /// The verifier keys of the logs by their names.
    pub(crate) logs: BTreeMap<String, String>,
    /// The trees that it has cosigned last by the names of logs.
    pub(crate) trees: BTreeMap<String, (u64, Hash)>,
    /// The statuses of all answers.
    pub(crate) answers: Vec<u16>,
    /// Whether it signs something else than the head.
    pub(crate) signs_wrongly: bool,
    /// Whether it never answers.
    pub(crate) hangs: bool,
}

impl TestWitness {
    pub(crate) fn start(name: &str, seed: u8) -> Self {
        let key = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("any seed");
        let mut typed = vec![4];
        typed.extend_from_slice(key.public_key().as_ref());
        let id: String = key_id(name, &typed).iter().map(|byte| format!("{byte:02x}")).collect();
        let vkey = format!("{name}+{id}+{}", STANDARD.encode(&typed));
        let memory = Arc::new(Mutex::new(Memory {
            name: name.to_owned(),
            key,
            logs: BTreeMap::new(),
            trees: BTreeMap::new(),
            answers: Vec::new(),
            signs_wrongly: false,
            hangs: false,
        }));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a mode of sockets");
        let url = format!("http://{}/witness", listener.local_addr().expect("its address"));
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let router =
            Router::new().route("/witness/add-checkpoint", post(add_checkpoint)).with_state(Arc::clone(&memory));
        // It has a thread of its own, since tests block theirs while they wait for the program.
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                tokio::select! {
                    served = axum::serve(listener, router) => served.expect("the witness answers"),
                    _ = stopped => {}
                }
            });
        });
        Self { url, vkey, memory, stop: Some(stop) }
    }

    /// The value of the setting for this witness.
    pub(crate) fn setting(&self) -> String {
        format!("{} {}", self.url, self.vkey)
    }

    /// Lets the witness follow the log with this verifier key.
    pub(crate) fn follow(&self, vkey: &str) {
        let origin = vkey.split('+').next().expect("a name").to_owned();
        self.memory.lock().expect("no holder has panicked").logs.insert(origin, vkey.to_owned());
    }

    /// The number of entries that it has cosigned last of its only log; 0 if none.
    pub(crate) fn size(&self) -> u64 {
        self.memory.lock().expect("no holder has panicked").trees.values().next().map_or(0, |(size, _)| *size)
    }

    pub(crate) fn answers(&self) -> Vec<u16> {
        self.memory.lock().expect("no holder has panicked").answers.clone()
    }
}

impl Drop for TestWitness {
    fn drop(&mut self) {
        drop(self.stop.take());
    }
}

fn key_id(name: &str, typed_key: &[u8]) -> [u8; 4] {
    let hash = digest(&SHA256, &[name.as_bytes(), b"\n", typed_key].concat());
    hash.as_ref()[..4].try_into().expect("4 bytes")
}

async fn add_checkpoint(State(memory): State<Arc<Mutex<Memory>>>, body: String) -> axum::response::Response {
    if memory.lock().expect("no holder has panicked").hangs {
        std::future::pending::<()>().await;
    }
    let mut memory = memory.lock().expect("no holder has panicked");
    let (status, answer) = memory.decide(&body);
    memory.answers.push(status);
    let media = if status == 409 { "text/x.tlog.size" } else { "text/plain" };
    (StatusCode::from_u16(status).expect("a status"), [("content-type", media)], answer).into_response()
}

impl Memory {
    fn decide(&mut self, body: &str) -> (u16, String) {
        let Some((old, hashes, note)) = parse(body) else { return (400, String::new()) };
        let origin = note.split('\n').next().expect("a name");
        let Some(vkey) = self.logs.get(origin) else { return (404, String::new()) };
        let verifiers = VerifierList::new(vec![Box::new(StandardVerifier::new(vkey).expect("a verifier key"))]);
        let Ok(note) = Note::from_bytes(note.as_bytes()) else { return (400, String::new()) };
        if note.verify(&verifiers).is_err() {
            return (403, String::new());
        }
        let Ok(head) = Checkpoint::from_bytes(note.text()) else { return (400, String::new()) };
        let (size, root) = (head.size(), *head.hash());
        if old > size {
            return (400, String::new());
        }
        let (last_size, last_root) = self.trees.get(origin).copied().unwrap_or((0, Hash([0; 32])));
        if old != last_size || (old == size && old > 0 && root != last_root) {
            return (409, format!("{last_size}\n"));
        }
        let is_continued = match old {
            0 => hashes.is_empty(),
            _ if old == size => hashes.is_empty(),
            _ => check_tree(&hashes, size, root, old, last_root).is_ok(),
        };
        if !is_continued {
            return (422, String::new());
        }
        self.trees.insert(origin.to_owned(), (size, root));
        (200, self.cosign(std::str::from_utf8(note.text()).expect("UTF-8")))
    }

    fn cosign(&self, text: &str) -> String {
        let time = now().as_secs();
        let signed = if self.signs_wrongly { "another text\n" } else { text };
        let signature = self.key.sign(format!("cosignature/v1\ntime {time}\n{signed}").as_bytes());
        let mut typed = vec![4];
        typed.extend_from_slice(self.key.public_key().as_ref());
        let mut bytes = key_id(&self.name, &typed).to_vec();
        bytes.extend_from_slice(&time.to_be_bytes());
        bytes.extend_from_slice(signature.as_ref());
        // A line of a key that the log does not have must not matter.
        let other = STANDARD.encode([&[1, 2, 3, 4], [7_u8; 72].as_slice()].concat());
        format!("— another.example {other}\n— {} {}\n", self.name, STANDARD.encode(bytes))
    }
}

#[expect(clippy::disallowed_methods, reason = "a witness states the time")]
fn now() -> Duration {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time after 1970")
}

/// The old size, the proof and the note of a request.
fn parse(body: &str) -> Option<(u64, Vec<Hash>, &str)> {
    let (head, note) = body.split_once("\n\n")?;
    let mut lines = head.split('\n');
    let old = lines.next()?.strip_prefix("old ")?.parse().ok()?;
    let hash = |line: &str| Some(Hash(STANDARD.decode(line).ok()?.try_into().ok()?));
    let hashes: Option<Vec<Hash>> = lines.map(hash).collect();
    Some((old, hashes.filter(|hashes| hashes.len() <= 63)?, note))
}

/// Verifies the cosignatures of a witness for the crate `signed_note`, which knows only the signatures of logs.
struct CosignatureVerifier {
    name: String,
    id: u32,
    key: Vec<u8>,
}

impl Verifier for CosignatureVerifier {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        self.id
    }

    fn verify(&self, text: &[u8], signature: &[u8]) -> bool {
        let Some((time, signature)) = signature.split_first_chunk::<8>() else { return false };
        let time = u64::from_be_bytes(*time);
        let message = [format!("cosignature/v1\ntime {time}\n").as_bytes(), text].concat();
        UnparsedPublicKey::new(&ED25519, &self.key).verify(&message, signature).is_ok()
    }
}

/// Verifies a note with the keys of its log and of witnesses by the crates `signed_note` and `tlog_tiles`, and returns its
/// size and the number of valid signatures.
pub(crate) fn open_note(note: &str, log: &str, witnesses: &[&str]) -> (u64, usize) {
    let mut verifiers: Vec<Box<dyn Verifier>> = vec![Box::new(StandardVerifier::new(log).expect("a verifier key"))];
    for witness in witnesses {
        let parts: Vec<&str> = witness.splitn(3, '+').collect();
        let key = STANDARD.decode(parts[2]).expect("base64").split_off(1);
        let id = u32::from_str_radix(parts[1], 16).expect("hexadecimal digits");
        verifiers.push(Box::new(CosignatureVerifier { name: parts[0].to_owned(), id, key }));
    }
    let note = Note::from_bytes(note.as_bytes()).expect("a note");
    let (verified, _) = note.verify(&VerifierList::new(verifiers)).expect("valid signatures");
    let head = Checkpoint::from_bytes(note.text()).expect("a head");
    assert_eq!(head.origin(), log.split('+').next().expect("a name"));
    (head.size(), verified.len())
}
