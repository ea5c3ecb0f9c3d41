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
const PIECE: usize = 16 * 1024;

/// Number of tracked requests from which on finished ones are removed from the list. It exceeds the maximum number in
/// flight on one connection.
const MOST_LIVE: usize = 128;

/// The activity of one connection: its requests in flight and when it was last busy.
pub(crate) struct Calls(Mutex<Known>);

struct Known {
    live: Vec<Weak<Pace>>,
    /// When a request was last seen in flight, or when the connection began.
    busy_at: Instant,
    /// Whether the connection has had a request.
    called: bool,
}

/// The progress of the response to one request. It is dropped after the last byte of the response is written.
pub(crate) struct Pace(Mutex<Moved>);

struct Moved {
    at: Instant,
    /// Number of chunks that were handed to the connection and are not written yet.
    out: usize,
    /// Whether the server must act next: the response has not begun, or more of its body is being produced.
    ours: bool,
}

impl Calls {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Known { live: Vec::new(), busy_at: Instant::now(), called: false }))
    }

    /// Starts tracking a request.
    pub(crate) fn begin(&self) -> Arc<Pace> {
        let progress = Arc::new(Pace(Mutex::new(Moved { at: Instant::now(), out: 0, ours: true })));
        let mut state = lock(&self.0);
        state.called = true;
        state.busy_at = Instant::now();
        if state.live.len() >= MOST_LIVE {
            state.live.retain(|request| request.strong_count() > 0);
        }
        state.live.push(Arc::downgrade(&progress));
        progress
    }

    /// Whether the connection has had a request.
    pub(crate) fn any(&self) -> bool {
        lock(&self.0).called
    }

    /// Duration since a request was last in flight. Requests in flight are noticed only by calls of this method.
    pub(crate) fn idle_for(&self) -> Duration {
        let mut state = lock(&self.0);
        state.live.retain(|request| request.strong_count() > 0);
        if !state.live.is_empty() {
            state.busy_at = Instant::now();
        }
        state.busy_at.elapsed()
    }

    /// Duration since the client last read of a response, the longest of all responses in flight.
    pub(crate) fn stalled_for(&self) -> Duration {
        let live = lock(&self.0).live.clone();
        live.iter().filter_map(Weak::upgrade).map(|progress| progress.stalled_for()).max().unwrap_or_default()
    }
}

impl Pace {
    /// Wraps the body of the response so that its progress is tracked.
    pub(crate) fn watch(self: Arc<Self>, body: Body) -> Body {
        self.moved(|state| state.ours = false);
        Body::new(Watched { body, rest: Bytes::new(), progress: self })
    }

    fn moved(&self, change: impl FnOnce(&mut Moved)) {
        let mut state = lock(&self.0);
        state.at = Instant::now();
        change(&mut state);
    }

    fn stalled_for(&self) -> Duration {
        let state = lock(&self.0);
        if state.ours && state.out == 0 { Duration::ZERO } else { state.at.elapsed() }
    }
}

/// A response body that is handed to the connection in chunks.
struct Watched {
    body: Body,
    /// Data of the inner body that is not handed out yet.
    rest: Bytes,
    progress: Arc<Pace>,
}

/// A chunk of a response, dropped once it is written to the socket.
struct Piece {
    bytes: Bytes,
    progress: Arc<Pace>,
}

impl Watched {
    fn piece(&mut self) -> Frame<Bytes> {
        let bytes = self.rest.split_to(self.rest.len().min(PIECE));
        self.progress.moved(|state| state.out += 1);
        Frame::data(Bytes::from_owner(Piece { bytes, progress: Arc::clone(&self.progress) }))
    }
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.progress.moved(|state| state.out = state.out.saturating_sub(1));
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if !self.rest.is_empty() {
            return Poll::Ready(Some(Ok(self.piece())));
        }
        // The connection polls for more only after it has taken the previous chunk, so the server must act next.
        self.progress.moved(|state| state.ours = true);
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        self.progress.moved(|state| state.ours = false);
        Poll::Ready(match frame {
            Some(Ok(frame)) => Some(Ok(match frame.into_data() {
                Ok(bytes) if bytes.is_empty() => Frame::data(bytes),
                Ok(bytes) => {
                    self.rest = bytes;
                    self.piece()
                }
                Err(trailers) => trailers,
            })),
            end_or_error => end_or_error,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (mut hint, rest) = (self.body.size_hint(), self.rest.len() as u64);
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
