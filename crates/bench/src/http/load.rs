//! Load: keep-alive connections that each send the next request when the last is answered.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};

use crate::{
    failure::{Context, Failure, Outcome},
    http::{head::Head, request::Request},
};

/// How long past its end a load may take to have its last answers.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is asked, over how many connections, and how it must be answered.
pub(crate) struct Load {
    pub(crate) host: SocketAddr,
    /// Taken in turns, each connection starting at another.
    pub(crate) requests: Vec<Request>,
    pub(crate) connections: usize,
    pub(crate) expected: u16,
}

/// What was answered.
#[derive(Debug, Default)]
pub(crate) struct Served {
    pub(crate) calls: u64,
    /// From the first request to the last answer.
    pub(crate) took: Duration,
    /// How long answers took, shortest first, in microseconds.
    latencies: Vec<u32>,
}

impl Served {
    /// Calls a second.
    pub(crate) fn rate(&self) -> f64 {
        self.calls as f64 / self.took.as_secs_f64()
    }

    /// How long half of the answers took at most, in microseconds.
    pub(crate) fn median_latency(&self) -> f64 {
        self.latencies.get(self.latencies.len() / 2).copied().map_or(f64::NAN, f64::from)
    }
}

impl Load {
    /// Keeps the server busy for a while. One thread does all of it, so that a core is left to the server.
    pub(crate) fn run(&self, window: Duration) -> Outcome<Served> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            timeout(window + PATIENCE, self.drive(window)).await.or_fail(|| "answers stayed out".to_owned())?
        })
    }

    async fn drive(&self, window: Duration) -> Outcome<Served> {
        let requests: Arc<[Vec<u8>]> = self.requests.iter().map(|request| request.bytes(self.host)).collect();
        let mut streams = Vec::new();
        for _ in 0..self.connections {
            let stream = TcpStream::connect(self.host).await.or_fail(|| format!("no connection to {}", self.host))?;
            stream.set_nodelay(true)?;
            streams.push(stream);
        }
        let began = Instant::now();
        let mut connections = JoinSet::new();
        for (place, stream) in streams.into_iter().enumerate() {
            let turns = Turns { requests: Arc::clone(&requests), next: place, step: self.connections };
            connections.spawn(converse(stream, turns, self.expected, began + window));
        }
        let mut served = Served::default();
        while let Some(latencies) = connections.join_next().await {
            served.latencies.extend(latencies??);
        }
        served.took = began.elapsed();
        served.calls = served.latencies.len() as u64;
        served.latencies.sort_unstable();
        if served.calls == 0 {
            return Err(Failure::new("nothing was answered"));
        }
        Ok(served)
    }
}

/// The requests of one connection.
struct Turns {
    requests: Arc<[Vec<u8>]>,
    next: usize,
    step: usize,
}

impl Turns {
    fn next(&mut self) -> &[u8] {
        let request = &self.requests[self.next % self.requests.len()];
        self.next += self.step;
        request
    }
}

async fn converse(mut stream: TcpStream, mut turns: Turns, expected: u16, end: Instant) -> Outcome<Vec<u32>> {
    let mut latencies = Vec::with_capacity(4096);
    let mut bytes = Vec::with_capacity(64 * 1024);
    let mut sent = Instant::now();
    while sent < end {
        stream.write_all(turns.next()).await?;
        let head = receive(&mut stream, &mut bytes).await?;
        if head.status != expected {
            let answer = String::from_utf8_lossy(&bytes);
            return Err(Failure::new(format!("expected {expected}, was answered with: {answer}")));
        }
        let answered = Instant::now();
        latencies.push(u32::try_from((answered - sent).as_micros()).unwrap_or(u32::MAX));
        sent = answered;
    }
    Ok(latencies)
}

/// Reads one whole answer into `bytes`.
async fn receive(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Outcome<Head> {
    bytes.clear();
    let mut known = None;
    loop {
        if stream.read_buf(bytes).await? == 0 {
            return Err(Failure::new("the server closed a connection in the middle of an answer"));
        }
        if known.is_none() {
            known = Head::read(bytes)?;
        }
        match known {
            Some(head) if bytes.len() == head.length() => return Ok(head),
            Some(head) if bytes.len() > head.length() => return Err(Failure::new("more was answered than asked")),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(next: usize, step: usize) -> Turns {
        Turns { requests: Arc::from([b"a".to_vec(), b"b".to_vec(), b"c".to_vec()]), next, step }
    }

    #[test]
    fn connections_start_at_different_requests_and_come_round_to_all() {
        let mut first = turns(0, 2);
        let taken: Vec<u8> = (0..4).flat_map(|_| first.next().to_vec()).collect();
        assert_eq!(taken, b"acba");
        assert_eq!(turns(4, 2).next(), b"b");
    }

    #[test]
    fn the_median_is_the_middle_of_what_was_seen() {
        let served = Served { calls: 3, took: Duration::from_secs(2), latencies: vec![10, 20, 90] };
        assert!((served.median_latency() - 20.0).abs() < f64::EPSILON);
        assert!((served.rate() - 1.5).abs() < f64::EPSILON);
    }
}
