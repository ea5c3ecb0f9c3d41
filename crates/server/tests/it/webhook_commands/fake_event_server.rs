//! A fake server that sends one event to each listener and then ends the stream.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc::{self, Receiver as Queue, Sender},
    thread,
};

use crate::support::DEADLINE;

const TOKEN: &str = r#"{"access_token":"token"}"#;
const EVENT: &str = r#"{"headers":{"webhook-id":"evt_1"},"body":"{}"}"#;

pub(crate) struct FakeEventServer {
    pub(crate) url: String,
    secrets: Queue<String>,
}

impl FakeEventServer {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let (sender, secrets) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let _ = answer(stream, &sender);
            }
        });
        Self { url, secrets }
    }

    /// The `Webhook-Secret` header of the next listener: empty, or the secret of its previous stream.
    pub(crate) fn next_secret(&self) -> String {
        self.secrets.recv_timeout(DEADLINE).expect("a listener connects in time")
    }
}

fn answer(stream: TcpStream, sender: &Sender<String>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut line, mut secret) = (String::new(), String::new());
    reader.read_line(&mut line)?;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let header = header.trim_end().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("webhook-secret: ") {
            value.clone_into(&mut secret);
        }
    }
    let (kind, body) = if line.starts_with("POST /api/v1/auth/token ") {
        ("application/json", TOKEN.to_owned())
    } else {
        let _ = sender.send(secret);
        let secret_event = "event: secret\ndata: {\"secret\":\"whsec_1\"}\n\n";
        ("text/event-stream", format!("{secret_event}id: evt_1\nevent: finding.created\ndata: {EVENT}\n\n"))
    };
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n");
    reader.get_mut().write_all(format!("{head}{body}").as_bytes())
}
