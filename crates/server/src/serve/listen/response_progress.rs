//! Tracking of whether clients read their responses. The socket does not show it: over HTTP/2, a client can read the
//! socket and still accept no data of a response.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio::time::Instant;

/// Maximum size of a chunk of a response in bytes. A client that reads less than a chunk within the write timeout is
/// disconnected.
const MAX_CHUNK_BYTES: usize = 16 * 1024;

/// Number of requests in the list at which finished ones are removed from it. It exceeds the maximum number in
/// flight on one connection.
const MAX_TRACKED: usize = 128;

/// The activity of one connection: its requests in flight and when it was last busy.
pub(crate) struct ConnectionActivity(Mutex<ActivityState>);

struct ActivityState {
    live: Vec<Weak<ResponseProgress>>,
    /// The time at which a request was last seen in flight, or the connection began.
    last_active_at: Instant,
    /// Whether the connection has had a request.
    had_request: bool,
}

/// The progress of the response to one request. It is dropped after the last byte of the response is written.
pub(crate) struct ResponseProgress(Mutex<ProgressState>);

struct ProgressState {
    last_progress_at: Instant,
    /// Number of chunks that were handed to the connection and are not written yet.
    chunks_in_flight: usize,
    /// Whether the server must act next: the response has not begun, or more of its body is being produced.
    awaits_server: bool,
}

impl ConnectionActivity {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(ActivityState { live: Vec::new(), last_active_at: Instant::now(), had_request: false }))
    }

    /// Starts tracking a request.
    pub(crate) fn start_request(&self) -> Arc<ResponseProgress> {
        let progress = Arc::new(ResponseProgress(Mutex::new(ProgressState {
            last_progress_at: Instant::now(),
            chunks_in_flight: 0,
            awaits_server: true,
        })));
        let mut state = lock(&self.0);
        state.had_request = true;
        state.last_active_at = Instant::now();
        if state.live.len() >= MAX_TRACKED {
            state.live.retain(|request| request.strong_count() > 0);
        }
        state.live.push(Arc::downgrade(&progress));
        progress
    }

    /// Whether the connection has had a request.
    pub(crate) fn had_request(&self) -> bool {
        lock(&self.0).had_request
    }

    /// Duration since a request was last in flight. Requests in flight are noticed only by calls of this method.
    pub(crate) fn idle_for(&self) -> Duration {
        let mut state = lock(&self.0);
        state.live.retain(|request| request.strong_count() > 0);
        if !state.live.is_empty() {
            state.last_active_at = Instant::now();
        }
        state.last_active_at.elapsed()
    }

    /// Duration since the client last read of a response, the longest of all responses in flight.
    pub(crate) fn stalled_for(&self) -> Duration {
        let live = lock(&self.0).live.clone();
        live.iter().filter_map(Weak::upgrade).map(|progress| progress.stalled_for()).max().unwrap_or_default()
    }
}

impl ResponseProgress {
    /// Wraps the body of the response so that its progress is tracked.
    pub(crate) fn track(self: Arc<Self>, body: Body) -> Body {
        self.record_progress(|state| state.awaits_server = false);
        Body::new(TrackedBody { body, buffered: Bytes::new(), progress: self })
    }

    fn record_progress(&self, change: impl FnOnce(&mut ProgressState)) {
        let mut state = lock(&self.0);
        state.last_progress_at = Instant::now();
        change(&mut state);
    }

    fn stalled_for(&self) -> Duration {
        let state = lock(&self.0);
        if state.awaits_server && state.chunks_in_flight == 0 {
            Duration::ZERO
        } else {
            state.last_progress_at.elapsed()
        }
    }
}

/// A response body that is handed to the connection in chunks.
struct TrackedBody {
    body: Body,
    /// Data of the inner body that is not handed out yet.
    buffered: Bytes,
    progress: Arc<ResponseProgress>,
}

/// A chunk of a response, dropped once it is written to the socket.
struct ResponseChunk {
    bytes: Bytes,
    progress: Arc<ResponseProgress>,
}

impl TrackedBody {
    fn next_chunk(&mut self) -> Frame<Bytes> {
        let bytes = self.buffered.split_to(self.buffered.len().min(MAX_CHUNK_BYTES));
        self.progress.record_progress(|state| state.chunks_in_flight += 1);
        Frame::data(Bytes::from_owner(ResponseChunk { bytes, progress: Arc::clone(&self.progress) }))
    }
}

impl AsRef<[u8]> for ResponseChunk {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for ResponseChunk {
    fn drop(&mut self) {
        self.progress.record_progress(|state| state.chunks_in_flight = state.chunks_in_flight.saturating_sub(1));
    }
}

impl HttpBody for TrackedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if !self.buffered.is_empty() {
            return Poll::Ready(Some(Ok(self.next_chunk())));
        }
        // The connection polls for more only after it has taken the previous chunk, so the server must act next.
        self.progress.record_progress(|state| state.awaits_server = true);
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        self.progress.record_progress(|state| state.awaits_server = false);
        Poll::Ready(match frame {
            Some(Ok(frame)) => Some(Ok(match frame.into_data() {
                Ok(bytes) if bytes.is_empty() => Frame::data(bytes),
                Ok(bytes) => {
                    self.buffered = bytes;
                    self.next_chunk()
                }
                Err(trailers) => trailers,
            })),
            end_or_error => end_or_error,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.buffered.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (mut hint, rest) = (self.body.size_hint(), self.buffered.len() as u64);
        let upper = hint.upper();
        hint.set_lower(hint.lower() + rest);
        if let Some(upper) = upper {
            hint.set_upper(upper + rest);
        }
        hint
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
