//! A fake endpoint with scripted responses.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// An endpoint that listens until it is dropped.
pub(crate) struct Endpoint {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Endpoint {
    /// Responds to each call with these bytes, and closes the connection.
    pub(crate) async fn responding_with(answer: impl Into<Vec<u8>>) -> Self {
        let answer = Arc::new(answer.into());
        Self::with_behaviour(move |mut stream, requests| {
            let answer = Arc::clone(&answer);
            async move {
                receive_request(&mut stream, &requests).await;
                let _ = stream.write_all(&answer).await;
                let _ = stream.shutdown().await;
            }
        })
        .await
    }

    /// Handles each connection with `behave`.
    pub(crate) async fn with_behaviour<F: Future<Output = ()> + Send + 'static>(
        behave: impl Fn(TcpStream, Requests) -> F + Send + 'static,
    ) -> Self {
        Self::with_listener(TcpListener::bind("127.0.0.1:0").await.expect("a port"), behave)
    }

    /// Handles each connection of an existing listener with `behave`.
    pub(crate) fn with_listener<F: Future<Output = ()> + Send + 'static>(
        listener: TcpListener,
        behave: impl Fn(TcpStream, Requests) -> F + Send + 'static,
    ) -> Self {
        let address = listener.local_addr().expect("an address");
        let (connections, requests) = (Arc::new(AtomicUsize::new(0)), Requests::default());
        let (connection_count, recorded) = (Arc::clone(&connections), Arc::clone(&requests));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connection_count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(behave(stream, Arc::clone(&recorded)));
            }
        });
        Self { address, connections, requests, task }
    }

    /// The number of accepted connections.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The received requests, with headers and body.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no panic").clone()
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) type Requests = Arc<Mutex<Vec<String>>>;

/// Reads a request to its end and records it.
pub(crate) async fn receive_request(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), requests: &Requests) {
    let mut text = Vec::new();
    let mut chunk = [0; 1024];
    while !text.ends_with(b"}") {
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(read) => text.extend_from_slice(&chunk[..read]),
        }
    }
    requests.lock().expect("no panic").push(String::from_utf8(text).expect("text"));
}

/// A response with this status, headers and body.
pub(crate) fn response(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}
