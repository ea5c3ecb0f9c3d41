//! A load: keep-alive connections that each send the next request when the last response has arrived.

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

/// The maximum time for which a load waits for the last responses after its end.
const GRACE_PERIOD: Duration = Duration::from_secs(30);

/// A load: the requests, the number of connections, and the expected status.
pub(crate) struct Load {
    pub(crate) host: SocketAddr,
    /// The requests, sent in turn; each connection starts at another one.
    pub(crate) requests: Vec<Request>,
    pub(crate) connections: usize,
    pub(crate) expected: u16,
}

/// The result of a load.
#[derive(Debug, Default)]
pub(crate) struct LoadResult {
    pub(crate) calls: u64,
    /// The time from the first request to the last response.
    pub(crate) elapsed: Duration,
    /// The latencies in microseconds, shortest first.
    latencies: Vec<u32>,
}

impl LoadResult {
    /// Returns the calls per second.
    pub(crate) fn rate(&self) -> f64 {
        self.calls as f64 / self.elapsed.as_secs_f64()
    }

    /// Returns the median latency in microseconds.
    pub(crate) fn median_latency(&self) -> f64 {
        self.latency_of(self.latencies.len() / 2)
    }

    /// Returns the latency that one call of a hundred exceeds, in microseconds.
    pub(crate) fn high_latency(&self) -> f64 {
        self.latency_of(self.latencies.len() * 99 / 100)
    }

    fn latency_of(&self, index: usize) -> f64 {
        self.latencies.get(index).copied().map_or(f64::NAN, f64::from)
    }
}

impl Load {
    /// Applies the load for `window`. It uses a single thread, so that one core is left to the server.
    pub(crate) fn run(&self, window: Duration) -> Outcome<LoadResult> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            timeout(window + GRACE_PERIOD, self.run_connections(window))
                .await
                .context(|| "the last responses are late".to_owned())?
        })
    }

    async fn run_connections(&self, window: Duration) -> Outcome<LoadResult> {
        let requests: Arc<[Vec<u8>]> = self.requests.iter().map(|request| request.to_bytes(self.host)).collect();
        let mut streams = Vec::new();
        for _ in 0..self.connections {
            let stream = TcpStream::connect(self.host).await.context(|| format!("can't connect to {}", self.host))?;
            stream.set_nodelay(true)?;
            streams.push(stream);
        }
        let started = Instant::now();
        let mut connections = JoinSet::new();
        for (index, stream) in streams.into_iter().enumerate() {
            let turns = RequestRotation { requests: Arc::clone(&requests), next: index, step: self.connections };
            connections.spawn(run_connection(stream, turns, self.expected, started + window));
        }
        let mut result = LoadResult::default();
        while let Some(latencies) = connections.join_next().await {
            result.latencies.extend(latencies??);
        }
        result.elapsed = started.elapsed();
        result.calls = result.latencies.len() as u64;
        result.latencies.sort_unstable();
        if result.calls == 0 {
            return Err(Failure::new("no response arrived"));
        }
        Ok(result)
    }
}

/// The requests of one connection.
struct RequestRotation {
    requests: Arc<[Vec<u8>]>,
    next: usize,
    step: usize,
}

impl RequestRotation {
    fn next(&mut self) -> &[u8] {
        let request = &self.requests[self.next % self.requests.len()];
        self.next += self.step;
        request
    }
}

async fn run_connection(
    mut stream: TcpStream,
    mut turns: RequestRotation,
    expected: u16,
    end: Instant,
) -> Outcome<Vec<u32>> {
    let mut latencies = Vec::with_capacity(4096);
    let mut bytes = Vec::with_capacity(64 * 1024);
    let mut sent = Instant::now();
    while sent < end {
        stream.write_all(turns.next()).await?;
        let head = receive(&mut stream, &mut bytes).await?;
        if head.status != expected {
            let response = String::from_utf8_lossy(&bytes);
            return Err(Failure::new(format!("expected status {expected}, got: {response}")));
        }
        let received = Instant::now();
        latencies.push(u32::try_from((received - sent).as_micros()).unwrap_or(u32::MAX));
        sent = received;
    }
    Ok(latencies)
}

/// Reads one complete response into `bytes`.
async fn receive(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Outcome<Head> {
    bytes.clear();
    let mut head = None;
    loop {
        if stream.read_buf(bytes).await? == 0 {
            return Err(Failure::new("the server closed a connection in the middle of a response"));
        }
        if head.is_none() {
            head = Head::parse(bytes)?;
        }
        match head {
            Some(head) if bytes.len() == head.length() => return Ok(head),
            Some(head) if bytes.len() > head.length() => return Err(Failure::new("two responses to one request")),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(next: usize, step: usize) -> RequestRotation {
        RequestRotation { requests: Arc::from([b"a".to_vec(), b"b".to_vec(), b"c".to_vec()]), next, step }
    }

    #[test]
    fn connections_start_at_different_requests_and_send_all_in_turn() {
        let mut first = turns(0, 2);
        let sent: Vec<u8> = (0..4).flat_map(|_| first.next().to_vec()).collect();
        assert_eq!(sent, b"acba");
        assert_eq!(turns(4, 2).next(), b"b");
    }

    #[test]
    fn the_median_latency_is_the_middle_of_all_latencies() {
        let result = LoadResult { calls: 3, elapsed: Duration::from_secs(2), latencies: vec![10, 20, 90] };
        assert!((result.median_latency() - 20.0).abs() < f64::EPSILON);
        assert!((result.rate() - 1.5).abs() < f64::EPSILON);
    }
}
