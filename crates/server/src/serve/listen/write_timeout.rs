//! A socket wrapper with a write timeout.

use std::{
    io::{self, ErrorKind, IoSlice},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// Reads and writes like `S`, but a write that makes no progress for `timeout` fails.
pub(crate) struct WriteTimeoutIo<S> {
    socket: S,
    timeout: Duration,
    /// The timer of a write that waits for the client.
    timer: Option<Pin<Box<Sleep>>>,
}

impl<S> WriteTimeoutIo<S> {
    pub(crate) fn new(socket: S, timeout: Duration) -> Self {
        Self { socket, timeout, timer: None }
    }

    /// Starts, checks or stops the timer after an operation. Only a write (`written`) stops it: a flush can succeed
    /// although the client reads nothing.
    fn check_timeout<T>(
        &mut self,
        context: &mut Context<'_>,
        written: bool,
        polled: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            if written {
                self.timer = None;
            }
            return polled;
        }
        let waiting = self.timer.get_or_insert_with(|| Box::pin(sleep(self.timeout)));
        match waiting.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteTimeoutIo<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteTimeoutIo<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.check_timeout(cx, true, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.socket).poll_write_vectored(cx, slices);
        self.check_timeout(cx, true, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.socket).poll_flush(cx);
        self.check_timeout(cx, false, polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.socket).poll_shutdown(cx);
        self.check_timeout(cx, false, polled)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, duplex},
        time::Instant,
    };

    use super::*;

    const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn a_write_without_progress_fails_after_the_timeout() {
        let (server, _client) = duplex(16);
        let began = Instant::now();
        let error = WriteTimeoutIo::new(server, WRITE_TIMEOUT).write_all(&[0; 17]).await.unwrap_err();
        assert_eq!((error.kind(), began.elapsed().as_secs()), (ErrorKind::TimedOut, 30));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_a_little_now_and_then_does_not_time_out() {
        let (server, mut client) = duplex(16);
        let mut server = WriteTimeoutIo::new(server, WRITE_TIMEOUT);
        let began = Instant::now();
        let slow = async {
            let mut ticks = tokio::time::interval(Duration::from_secs(29));
            for _ in 0..10 {
                ticks.tick().await;
                client.read_exact(&mut [0; 16]).await.unwrap();
            }
        };
        let (written, ()) = tokio::join!(server.write_all(&[0; 160]), slow);
        written.unwrap();
        assert!(began.elapsed() > WRITE_TIMEOUT * 5);
    }
}
