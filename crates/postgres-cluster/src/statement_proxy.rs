//! A proxy in front of PostgreSQL that parses the traffic, so that a test can assert which statements are sent.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
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

/// The moment at which a connection is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitLoss {
    /// COMMIT does not arrive at the server.
    Request,
    /// The transaction is committed, but the answer does not arrive at the client.
    Answer,
}

/// A proxy that counts the statements of its clients, can hold back the server's responses, and can lose connections.
pub struct StatementProxy {
    url: String,
    traffic: Arc<Traffic>,
}

#[derive(Default)]
struct Traffic {
    /// The number of prepared statements that were executed.
    executed: AtomicUsize,
    /// The statements sent as simple queries: BEGIN, COMMIT and the like.
    simple_queries: Mutex<Vec<String>>,
    /// The texts of prepared statements that were executed.
    prepared: Mutex<Vec<String>>,
    /// Responses are held back until this many prepared statements were executed.
    hold_until: watch::Sender<usize>,
    progress: watch::Sender<usize>,
    /// How to lose the next COMMIT of a transaction in which a prepared statement with this part was executed.
    loss: Mutex<Option<(&'static str, CommitLoss)>>,
}

impl StatementProxy {
    /// Starts a proxy for the server and database of this URL.
    ///
    /// # Panics
    /// If the URL has no user.
    pub async fn start(url: &str) -> Self {
        let (scheme, rest) = url.split_once("://").unwrap();
        let (authority, path) = rest.split_once('/').unwrap();
        let (user, host) = authority.split_once('@').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let separator = if path.contains('?') { '&' } else { '?' };
        let url = format!("{scheme}://{user}@127.0.0.1:{port}/{path}{separator}sslmode=disable");
        let (seen, server) = (Arc::<Traffic>::default(), host.to_owned());
        let proxy = Self { url, traffic: Arc::clone(&seen) };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                client.set_nodelay(true).unwrap();
                server.set_nodelay(true).unwrap();
                let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
                let loses_answer = Arc::<AtomicBool>::default();
                let requests = forward_requests(Arc::clone(&seen), from_client, to_server, Arc::clone(&loses_answer));
                tokio::spawn(requests);
                tokio::spawn(forward_responses(Arc::clone(&seen), from_server, to_client, loses_answer));
            }
        });
        proxy
    }

    /// The URL of the database through the proxy.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns how many prepared statements were executed since the last call of this.
    pub fn take_executed(&self) -> usize {
        self.traffic.executed.swap(0, Ordering::SeqCst)
    }

    /// Returns the simple queries since the last call of this.
    pub fn take_simple_queries(&self) -> Vec<String> {
        std::mem::take(&mut *self.traffic.simple_queries.lock().unwrap())
    }

    /// Returns the prepared statements that were executed since the last call of this.
    pub fn take_prepared(&self) -> Vec<String> {
        std::mem::take(&mut *self.traffic.prepared.lock().unwrap())
    }

    /// Waits until this many prepared statements were executed since the last call of [`Self::take_executed`].
    ///
    /// # Panics
    /// If that takes longer than 20 s.
    pub async fn wait_for_executed(&self, statements: usize) {
        let mut progress = self.traffic.progress.subscribe();
        let reached = progress.wait_for(|_| self.traffic.executed.load(Ordering::SeqCst) >= statements);
        tokio::time::timeout(std::time::Duration::from_secs(20), reached).await.unwrap().unwrap();
    }

    /// Releases the responses that are held back.
    pub fn release_responses(&self) {
        self.traffic.progress.send_modify(|progress| *progress = usize::MAX / 2);
    }

    /// Loses the connection at the next COMMIT of a transaction in which a prepared statement with this part was executed.
    pub fn lose_commit_of(&self, statement: &'static str, loss: CommitLoss) {
        *self.traffic.loss.lock().unwrap() = Some((statement, loss));
    }

    /// Holds all responses back until this many more prepared statements were executed.
    pub fn hold_responses(&self, more: usize) {
        let until = *self.traffic.progress.borrow() + more;
        self.traffic.hold_until.send_replace(until);
    }
}

/// Forwards the client's messages one by one.
async fn forward_requests(
    seen: Arc<Traffic>,
    mut client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    loses_answer: Arc<AtomicBool>,
) {
    // The first message has no type.
    let mut started = false;
    let mut buffer: VecDeque<u8> = VecDeque::new();
    let mut statements = Statements::default();
    let mut transaction: Vec<String> = Vec::new();
    let mut chunk = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = client.read(&mut chunk).await {
        buffer.extend(&chunk[..length]);
        while let Some(message) = next_message(&mut buffer, started) {
            if started {
                seen.record(&message);
                let executed = statements.executed_by(&message);
                transaction.extend(executed.clone());
                seen.prepared.lock().unwrap().extend(executed);
                if message[0] == b'Q' && message[5..].starts_with(b"COMMIT") {
                    match seen.take_loss(&std::mem::take(&mut transaction)) {
                        Some(CommitLoss::Request) => return,
                        Some(CommitLoss::Answer) => loses_answer.store(true, Ordering::SeqCst),
                        None => {}
                    }
                }
            }
            started = true;
            if server.write_all(&message).await.is_err() {
                return;
            }
        }
    }
}

async fn forward_responses(
    seen: Arc<Traffic>,
    mut server: OwnedReadHalf,
    mut client: OwnedWriteHalf,
    loses_answer: Arc<AtomicBool>,
) {
    const COMMITTED: &[u8] = b"COMMIT\0";
    let mut chunk = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = server.read(&mut chunk).await {
        if loses_answer.load(Ordering::SeqCst) && chunk[..length].windows(COMMITTED.len()).any(|part| part == COMMITTED)
        {
            return;
        }
        let until = *seen.hold_until.borrow();
        let mut progress = seen.progress.subscribe();
        if progress.wait_for(|run| *run >= until).await.is_err() || client.write_all(&chunk[..length]).await.is_err() {
            return;
        }
    }
}

/// Removes the next complete message from the buffer, if there is one.
fn next_message(buffer: &mut VecDeque<u8>, typed: bool) -> Option<Vec<u8>> {
    let head = usize::from(typed);
    let mut length = [0; 4];
    for (index, byte) in length.iter_mut().enumerate() {
        *byte = *buffer.get(head + index)?;
    }
    let total = head + usize::try_from(u32::from_be_bytes(length)).unwrap();
    if buffer.len() < total { None } else { Some(buffer.drain(..total).collect()) }
}

/// The statements that a client has prepared, by name.
#[derive(Default)]
struct Statements {
    texts: HashMap<Vec<u8>, String>,
    bound_statement: String,
}

impl Statements {
    /// Returns the text of the statement that this message executes, if it executes one.
    fn executed_by(&mut self, message: &[u8]) -> Option<String> {
        let mut parts = message[5..].split(|byte| *byte == 0);
        match message[0] {
            b'P' => {
                let (name, text) = (parts.next().unwrap().to_vec(), parts.next().unwrap());
                self.texts.insert(name, String::from_utf8_lossy(text).into_owned());
            }
            // The portal's name precedes the statement's.
            b'B' => self.bound_statement = self.texts.get(parts.nth(1).unwrap()).cloned().unwrap_or_default(),
            b'E' => return Some(self.bound_statement.clone()),
            _ => {}
        }
        None
    }
}

impl Traffic {
    /// Takes the loss that the COMMIT of a transaction with these statements has.
    fn take_loss(&self, transaction: &[String]) -> Option<CommitLoss> {
        let mut loss = self.loss.lock().unwrap();
        let (part, _) = (*loss)?;
        if transaction.iter().any(|text| text.contains(part)) { loss.take().map(|(_, loss)| loss) } else { None }
    }

    fn record(&self, message: &[u8]) {
        match message[0] {
            b'E' => {
                self.executed.fetch_add(1, Ordering::SeqCst);
                self.progress.send_modify(|count| *count += 1);
            }
            b'Q' => {
                let text = String::from_utf8_lossy(&message[5..message.len() - 1]).into_owned();
                self.simple_queries.lock().unwrap().push(text);
            }
            _ => {}
        }
    }
}
