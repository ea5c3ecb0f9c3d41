//! A proxy before PostgreSQL that reads along, so that a test can say what goes over the wire.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test program uses the part it needs; a panic is how a test fails"
)]

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

/// What clients have asked so far, and how many answers are held back.
pub(crate) struct Proxy {
    address: String,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    /// Statements that were run, prepared ones too.
    executed: AtomicUsize,
    /// Statements sent as text: BEGIN, COMMIT and the like.
    texts: Mutex<Vec<String>>,
    /// The texts of prepared statements that were run.
    prepared: Mutex<Vec<String>>,
    /// Answers go on only once this many prepared statements were run.
    hold_until: watch::Sender<usize>,
    progress: watch::Sender<usize>,
}

impl Proxy {
    /// Begins to listen, before the server of this address.
    pub(crate) async fn before(address: &str) -> Self {
        let (scheme, rest) = address.split_once("://").unwrap();
        let (authority, path) = rest.split_once('/').unwrap();
        let (user, host) = authority.split_once('@').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let separator = if path.contains('?') { '&' } else { '?' };
        let address = format!("{scheme}://{user}@127.0.0.1:{port}/{path}{separator}sslmode=disable");
        let (seen, server) = (Arc::<Seen>::default(), host.to_owned());
        let proxy = Self { address, seen: Arc::clone(&seen) };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                client.set_nodelay(true).unwrap();
                server.set_nodelay(true).unwrap();
                let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
                tokio::spawn(ask(Arc::clone(&seen), from_client, to_server));
                tokio::spawn(answer(Arc::clone(&seen), from_server, to_client));
            }
        });
        proxy
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// How many prepared statements were run since this was last asked.
    pub(crate) fn executed(&self) -> usize {
        self.seen.executed.swap(0, Ordering::SeqCst)
    }

    /// What was sent as text since this was last asked.
    pub(crate) fn texts(&self) -> Vec<String> {
        std::mem::take(&mut *self.seen.texts.lock().unwrap())
    }

    /// The prepared statements that were run since this was last asked.
    pub(crate) fn prepared(&self) -> Vec<String> {
        std::mem::take(&mut *self.seen.prepared.lock().unwrap())
    }

    /// Waits until so many prepared statements were run since [`Self::executed`] was last asked.
    pub(crate) async fn reached(&self, statements: usize) {
        let mut progress = self.seen.progress.subscribe();
        let reached = progress.wait_for(|_| self.seen.executed.load(Ordering::SeqCst) >= statements);
        tokio::time::timeout(std::time::Duration::from_secs(20), reached).await.unwrap().unwrap();
    }

    /// Lets answers go on that are held back.
    pub(crate) fn let_go(&self) {
        self.seen.progress.send_modify(|progress| *progress = usize::MAX / 2);
    }

    /// Holds all answers back until so many more prepared statements were run.
    pub(crate) fn hold_answers(&self, more: usize) {
        let until = *self.seen.progress.borrow() + more;
        self.seen.hold_until.send_replace(until);
    }
}

/// Hands on what the client says, message by message.
async fn ask(seen: Arc<Seen>, mut client: OwnedReadHalf, mut server: OwnedWriteHalf) {
    // The first message has no type.
    let mut started = false;
    let mut heard: VecDeque<u8> = VecDeque::new();
    let mut statements = Statements::default();
    let mut chunk = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = client.read(&mut chunk).await {
        heard.extend(&chunk[..length]);
        while let Some(message) = message(&mut heard, started) {
            if started {
                seen.note(&message);
                seen.prepared.lock().unwrap().extend(statements.run_by(&message));
            }
            started = true;
            if server.write_all(&message).await.is_err() {
                return;
            }
        }
    }
}

async fn answer(seen: Arc<Seen>, mut server: OwnedReadHalf, mut client: OwnedWriteHalf) {
    let mut chunk = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = server.read(&mut chunk).await {
        let until = *seen.hold_until.borrow();
        let mut progress = seen.progress.subscribe();
        if progress.wait_for(|made| *made >= until).await.is_err() || client.write_all(&chunk[..length]).await.is_err()
        {
            return;
        }
    }
}

/// The next whole message, where there is one.
fn message(heard: &mut VecDeque<u8>, typed: bool) -> Option<Vec<u8>> {
    let head = usize::from(typed);
    let mut length = [0; 4];
    for (place, byte) in length.iter_mut().enumerate() {
        *byte = *heard.get(head + place)?;
    }
    let whole = head + usize::try_from(u32::from_be_bytes(length)).unwrap();
    if heard.len() < whole { None } else { Some(heard.drain(..whole).collect()) }
}

/// The statements that one client has prepared, by their names.
#[derive(Default)]
struct Statements {
    texts: HashMap<Vec<u8>, String>,
    bound: String,
}

impl Statements {
    /// The text of the statement that this message runs, if it runs one.
    fn run_by(&mut self, message: &[u8]) -> Option<String> {
        let mut parts = message[5..].split(|byte| *byte == 0);
        match message[0] {
            b'P' => {
                let (name, text) = (parts.next().unwrap().to_vec(), parts.next().unwrap());
                self.texts.insert(name, String::from_utf8_lossy(text).into_owned());
            }
            // A portal's name goes before the statement's.
            b'B' => self.bound = self.texts.get(parts.nth(1).unwrap()).cloned().unwrap_or_default(),
            b'E' => return Some(self.bound.clone()),
            _ => {}
        }
        None
    }
}

impl Seen {
    fn note(&self, message: &[u8]) {
        match message[0] {
            b'E' => {
                self.executed.fetch_add(1, Ordering::SeqCst);
                self.progress.send_modify(|made| *made += 1);
            }
            b'Q' => {
                let text = String::from_utf8_lossy(&message[5..message.len() - 1]).into_owned();
                self.texts.lock().unwrap().push(text);
            }
            _ => {}
        }
    }
}
