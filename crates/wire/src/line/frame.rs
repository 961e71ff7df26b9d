//! Lines out of a stream of bytes, within bounds of length and time (R120, R139).

use std::ops::Range;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;
use zeroize::Zeroizing;

/// The longest line, without its line feed.
pub const LINE_MAX_BYTES: usize = 8 * 1024;

/// How long a client may take.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// From the start of the connection to the last byte of the first line.
    pub opening: Duration,
    /// From one request to the first byte of the next.
    pub idle: Duration,
    /// From the first byte of a line to its last.
    pub line: Duration,
}

/// Why there is no next line.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The line is over [`LINE_MAX_BYTES`].
    #[error("line over {LINE_MAX_BYTES} bytes")]
    TooLong,
    /// The client let a deadline pass.
    #[error("deadline passed")]
    Late,
    /// The connection broke.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Holds what was received and not yet read as lines. It never holds more than one line and its
/// line feed: a client that sends requests faster than they are answered waits in its own socket.
pub struct Frames {
    /// Wiped when dropped, since lines hold passwords.
    buffer: Zeroizing<Vec<u8>>,
    start: usize,
    end: usize,
    deadlines: Deadlines,
    /// What is left of `deadlines.opening`, until the first line was read.
    opening: Option<Duration>,
}

// `start <= end <= buffer.len()`, whatever arrives.
#[allow(clippy::indexing_slicing)]
impl Frames {
    /// An empty buffer, on a connection that began so long ago.
    pub fn new(deadlines: Deadlines, age: Duration) -> Frames {
        let opening = Some(deadlines.opening.saturating_sub(age));
        Frames { buffer: Zeroizing::new(vec![0; LINE_MAX_BYTES + 1]), start: 0, end: 0, deadlines, opening }
    }

    /// The next line without its line feed; `None` once the client has closed its side. Bytes after
    /// the last line feed are no request: a line that was cut off must not be obeyed.
    ///
    /// # Errors
    /// [`FrameError`]; after it the connection is of no further use.
    pub async fn next_line<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
    ) -> Result<Option<&[u8]>, FrameError> {
        let line = match self.opening.take() {
            Some(left) => timeout(left, self.find_line(stream)).await.map_err(|_| FrameError::Late)??,
            None => self.find_line(stream).await?,
        };
        Ok(line.map(|line| &self.buffer[line]))
    }

    /// Where the next line is, which is taken for read.
    async fn find_line<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
    ) -> Result<Option<Range<usize>>, FrameError> {
        if self.start == self.end {
            let filled = timeout(self.deadlines.idle, self.fill(stream)).await;
            if !filled.map_err(|_| FrameError::Late)?? {
                return Ok(None);
            }
        }
        let complete = timeout(self.deadlines.line, self.fill_until_line(stream)).await;
        let Some(length) = complete.map_err(|_| FrameError::Late)?? else { return Ok(None) };
        let line = self.start..self.start + length;
        self.start = line.end + 1;
        Ok(Some(line))
    }

    /// The length of the line at `start`, once all of it is there; `None` at the end of the stream.
    async fn fill_until_line<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
    ) -> Result<Option<usize>, FrameError> {
        loop {
            let pending = &self.buffer[self.start..self.end];
            if let Some(length) = pending.iter().position(|byte| *byte == b'\n') {
                return Ok(Some(length));
            }
            if pending.len() > LINE_MAX_BYTES {
                return Err(FrameError::TooLong);
            }
            if !self.fill(stream).await? {
                return Ok(None);
            }
        }
    }

    /// Reads once; `false` at the end of the stream.
    async fn fill<S: AsyncRead + Unpin>(&mut self, stream: &mut S) -> Result<bool, FrameError> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let count = stream.read(&mut self.buffer[self.end..]).await?;
        self.end += count;
        Ok(count > 0)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    const DEADLINES: Deadlines = Deadlines {
        opening: Duration::from_secs(15),
        idle: Duration::from_secs(300),
        line: Duration::from_secs(15),
    };

    async fn lines_of(chunks: &[&[u8]]) -> (Vec<Vec<u8>>, Result<(), FrameError>) {
        let (mut client, mut server) = tokio::io::duplex(64 * 1024);
        for chunk in chunks {
            client.write_all(chunk).await.unwrap();
        }
        drop(client);
        let mut frames = Frames::new(DEADLINES, Duration::ZERO);
        let mut lines = Vec::new();
        loop {
            match frames.next_line(&mut server).await {
                Ok(Some(line)) => lines.push(line.to_vec()),
                Ok(None) => return (lines, Ok(())),
                Err(error) => return (lines, Err(error)),
            }
        }
    }

    #[tokio::test]
    async fn lines_are_found_wherever_the_bytes_are_cut() {
        let (lines, end) = lines_of(&[b"one\ntw", b"o\n", b"\nthree\r\nrest"]).await;
        assert_eq!(lines, [&b"one"[..], b"two", b"", b"three\r"]);
        assert!(end.is_ok());
    }

    #[tokio::test]
    async fn the_longest_line_is_read_and_a_longer_one_is_not() {
        let mut longest = vec![b'x'; LINE_MAX_BYTES];
        longest.push(b'\n');
        let (lines, end) = lines_of(&[b"short\n", &longest, &longest]).await;
        assert_eq!(lines.iter().map(Vec::len).collect::<Vec<_>>(), [5, LINE_MAX_BYTES, LINE_MAX_BYTES]);
        assert!(end.is_ok());
        let (lines, end) = lines_of(&[&vec![b'x'; LINE_MAX_BYTES + 1], b"\n"]).await;
        assert!(lines.is_empty() && matches!(end, Err(FrameError::TooLong)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_that_dribbles_in_is_late_from_its_first_byte() {
        let (mut client, mut server) = tokio::io::duplex(64);
        client.write_all(b"first\n").await.unwrap();
        let dribble = tokio::spawn(async move {
            for _ in 0..100 {
                tokio::time::sleep(Duration::from_secs(4)).await;
                if client.write_all(b"x").await.is_err() {
                    return;
                }
            }
        });
        let stopwatch = tokio::time::Instant::now();
        let mut frames = Frames::new(DEADLINES, Duration::ZERO);
        assert_eq!(frames.next_line(&mut server).await.unwrap(), Some(&b"first"[..]));
        let end = frames.next_line(&mut server).await.map(|_| ());
        assert!(matches!(end, Err(FrameError::Late)));
        assert_eq!(stopwatch.elapsed().as_secs(), 4 + 15);
        dribble.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_client_is_late_after_the_idle_time() {
        let (mut client, mut server) = tokio::io::duplex(64);
        client.write_all(b"first\n").await.unwrap();
        let stopwatch = tokio::time::Instant::now();
        let mut frames = Frames::new(DEADLINES, Duration::ZERO);
        assert!(frames.next_line(&mut server).await.unwrap().is_some());
        let end = frames.next_line(&mut server).await.map(|_| ());
        assert!(matches!(end, Err(FrameError::Late)));
        assert_eq!(stopwatch.elapsed(), DEADLINES.idle);
    }

    #[tokio::test(start_paused = true)]
    async fn a_first_line_has_what_the_handshake_has_left_of_its_time() {
        let (mut client, mut server) = tokio::io::duplex(64);
        let stopwatch = tokio::time::Instant::now();
        let handshake = Duration::from_secs(9);
        let end = Frames::new(DEADLINES, handshake).next_line(&mut server).await.map(|_| ());
        assert!(matches!(end, Err(FrameError::Late)));
        assert_eq!(stopwatch.elapsed(), DEADLINES.opening - handshake);
        // Nor does a beginning of a line give it more.
        client.write_all(b"begun").await.unwrap();
        let end = Frames::new(DEADLINES, Duration::ZERO).next_line(&mut server).await.map(|_| ());
        assert!(matches!(end, Err(FrameError::Late)));
        assert_eq!(stopwatch.elapsed(), DEADLINES.opening - handshake + DEADLINES.opening);
    }
}
