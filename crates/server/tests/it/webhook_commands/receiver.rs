//! A local HTTP server that receives webhooks.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc::{self, Receiver as Queue, Sender},
    thread,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use crypto::{HmacWebhookSigner, MasterKey, SystemEntropy};
use webhooks::{WebhookSecret, WebhookSigner as _};

use crate::support::DEADLINE;

/// A received request.
#[derive(Debug)]
pub(crate) struct Post {
    pub(crate) request_line: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Post {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(header, _)| header == name).map_or("", |(_, value)| value)
    }

    /// Asserts that the request is signed with this secret.
    pub(crate) fn expect_signature(&self, secret: &str) {
        let bytes = STANDARD.decode(secret.trim_start_matches("whsec_")).expect("base 64");
        let secret = WebhookSecret::from_bytes(&bytes).expect("32 bytes");
        let head = format!("{}.{}.", self.header("webhook-id"), self.header("webhook-timestamp"));
        let content = [head.as_bytes(), &self.body].concat();
        let signer = HmacWebhookSigner::new(&MasterKey::generate(&SystemEntropy::new()));
        assert_eq!(self.header("webhook-signature"), signer.sign_with(&secret, &content));
    }
}

/// Receives requests and answers them with 204.
pub(crate) struct WebhookReceiver {
    pub(crate) url: String,
    posts: Queue<Post>,
}

impl WebhookReceiver {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/hook", listener.local_addr().expect("its address"));
        let (sender, posts) = mpsc::channel();
        // The thread ends once the test has dropped the other end of the channel.
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if let Some(post) = read_post(stream)
                    && !forward(&sender, post)
                {
                    return;
                }
            }
        });
        Self { url, posts }
    }

    /// Waits for the next request.
    pub(crate) fn next_post(&self) -> Post {
        self.posts.recv_timeout(DEADLINE).expect("a request arrives in time")
    }
}

fn forward(sender: &Sender<Post>, post: Post) -> bool {
    sender.send(post).is_ok()
}

fn read_post(stream: TcpStream) -> Option<Post> {
    stream.set_read_timeout(Some(DEADLINE)).ok()?;
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let mut lines = lines.into_iter();
    let line = lines.next()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": ").map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length")?.1.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    reader.get_mut().write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").ok()?;
    Some(Post { request_line: line, headers, body })
}
