//! Bodies in chunks (RFC 9112 section 7.1).

use bytes::{Buf, BytesMut};
use http::HeaderName;

/// The longest line of a chunk's size with its extensions, and the longest trailer.
const LINE_MAX_BYTES: usize = 1024;
/// What a size of 64 bits needs; zeros before it count as what is spare.
const SIZE_DIGITS: usize = 16;
/// Extensions and trailers of a body together.
const SPARE_MAX_BYTES: usize = 16 * 1024;

/// Not chunks, or too much around them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

/// Takes the chunks off, in whatever pieces they come.
#[derive(Debug, Default)]
pub struct Chunks {
    next: Next,
    /// Bytes of extensions and trailers so far.
    spare: usize,
    trailers: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Next {
    #[default]
    Size,
    /// So many bytes are left.
    Data(u64),
    DataEnd,
    Trailer,
    Nothing,
    /// What follows what is broken belongs to nothing.
    Broken,
}

impl Chunks {
    /// Takes from `input` what is of this body and puts the data of it into `data`. Whether the body is complete:
    /// what is in `input` then belongs to the next request.
    ///
    /// # Errors
    /// [`Broken`], and again whenever it is asked after that.
    pub fn take(&mut self, input: &mut BytesMut, data: &mut BytesMut) -> Result<bool, Broken> {
        self.advance(input, data).inspect_err(|_| self.next = Next::Broken)
    }

    fn advance(&mut self, input: &mut BytesMut, data: &mut BytesMut) -> Result<bool, Broken> {
        loop {
            match self.next {
                Next::Nothing => return Ok(true),
                Next::Broken => return Err(Broken),
                Next::Data(left) => {
                    let count = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                    data.extend_from_slice(&input.split_to(count));
                    let left = left - count as u64;
                    self.next = if left == 0 { Next::DataEnd } else { Next::Data(left) };
                    if left > 0 {
                        return Ok(false);
                    }
                }
                Next::DataEnd => match input.get(..2) {
                    Some(b"\r\n") => {
                        input.advance(2);
                        self.next = Next::Size;
                    }
                    None if b"\r\n".starts_with(input) => return Ok(false),
                    _ => return Err(Broken),
                },
                Next::Size => {
                    let Some(line) = line(input)? else { return Ok(false) };
                    self.next = match self.size(&line)? {
                        0 => Next::Trailer,
                        size => Next::Data(size),
                    };
                }
                Next::Trailer => {
                    let Some(line) = line(input)? else { return Ok(false) };
                    self.count(line.len())?;
                    if line.is_empty() {
                        self.next = Next::Nothing;
                    } else {
                        self.trailer(&line)?;
                    }
                }
            }
        }
    }

    /// `1*HEXDIG [ chunk-ext ]`. What the extensions say is of no interest.
    fn size(&mut self, line: &[u8]) -> Result<u64, Broken> {
        let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let (digits, extensions) = line.split_at_checked(digits).ok_or(Broken)?;
        if !extensions.is_empty() && extensions.first() != Some(&b';') {
            return Err(Broken);
        }
        self.count(extensions.len() + digits.len().saturating_sub(SIZE_DIGITS))?;
        let digits = std::str::from_utf8(digits).map_err(|_| Broken)?;
        u64::from_str_radix(digits, 16).map_err(|_| Broken)
    }

    /// A header field, which is of no interest here either.
    fn trailer(&mut self, line: &[u8]) -> Result<(), Broken> {
        self.trailers += 1;
        let name = line.split(|byte| *byte == b':').next().filter(|name| name.len() < line.len());
        let is_field = name.is_some_and(|name| HeaderName::from_bytes(name).is_ok());
        if is_field && self.trailers <= super::head::FIELDS { Ok(()) } else { Err(Broken) }
    }

    fn count(&mut self, spare: usize) -> Result<(), Broken> {
        self.spare += spare;
        if self.spare <= SPARE_MAX_BYTES { Ok(()) } else { Err(Broken) }
    }
}

/// The next line without its CR LF, once it is there. Control characters are in no line that one may send.
fn line(input: &mut BytesMut) -> Result<Option<BytesMut>, Broken> {
    let Some(end) = memchr::memchr(b'\n', input) else {
        return if input.len() < LINE_MAX_BYTES { Ok(None) } else { Err(Broken) };
    };
    let mut line = input.split_to(end + 1);
    if !line.ends_with(b"\r\n") || line.len() > LINE_MAX_BYTES {
        return Err(Broken);
    }
    line.truncate(end - 1);
    let is_plain = line.iter().all(|byte| *byte == b'\t' || !byte.is_ascii_control());
    if is_plain { Ok(Some(line)) } else { Err(Broken) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The data of a body and what is left behind it.
    type Taken = (Vec<u8>, Vec<u8>);

    /// What comes of a body that arrives in pieces of so many bytes; nothing as long as it is not whole.
    fn taken(body: &[u8], piece: usize) -> Result<Option<Taken>, Broken> {
        let (mut chunks, mut input, mut data) = (Chunks::default(), BytesMut::new(), BytesMut::new());
        let mut pieces = body.chunks(piece);
        for next in pieces.by_ref() {
            input.extend_from_slice(next);
            if chunks.take(&mut input, &mut data)? {
                input.extend(pieces.flatten());
                return Ok(Some((data.to_vec(), input.to_vec())));
            }
        }
        Ok(None)
    }

    #[test]
    fn chunks_are_taken_off_in_whatever_pieces_they_come() {
        let body = b"3\r\nabc\r\n00A;name=\"value\"\r\n0123456789\r\n0\r\nTrailer: a\r\n\r\nGET /";
        for piece in 1..body.len() {
            let (data, rest) = taken(body, piece).unwrap().unwrap();
            assert_eq!((data.as_slice(), rest.as_slice()), (&b"abc0123456789"[..], &b"GET /"[..]), "{piece}");
        }
        for end in 0..body.len() - 5 {
            assert_eq!(taken(&body[..end], 7), Ok(None), "{end} bytes");
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_no_chunk() {
        for broken in [
            &b"3\nabc\r\n0\r\n\r\n"[..],
            b"3\r\nabc\n0\r\n\r\n",
            b"3\r\nabcd\r\n0\r\n\r\n",
            b"\r\nabc\r\n0\r\n\r\n",
            b"0x3\r\nabc\r\n0\r\n\r\n",
            b"+3\r\nabc\r\n0\r\n\r\n",
            b"3 \r\nabc\r\n0\r\n\r\n",
            b"3;\0\r\nabc\r\n0\r\n\r\n",
            b"3;a\rb\r\nabc\r\n0\r\n\r\n",
            b"10000000000000003\r\nabc\r\n0\r\n\r\n",
            b"3\r\nabc\r\n0\r\nTrailer: a\n\r\n",
            b"0\r\n\n",
            b"0\r\nGET / HTTP/1.1\r\n\r\n",
            b"0\r\n Trailer: folded\r\n\r\n",
            b"0\r\nTrailer : a\r\n\r\n",
            b"0\r\n: a\r\n\r\n",
        ] {
            for piece in [1, 2, 100] {
                assert_eq!(taken(broken, piece), Err(Broken), "{:?}", String::from_utf8_lossy(broken));
            }
        }
    }

    #[test]
    fn what_stands_around_the_data_is_bounded() {
        let long = format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(LINE_MAX_BYTES));
        assert_eq!(taken(long.as_bytes(), 1), Err(Broken));
        assert_eq!(taken(long.as_bytes(), 10_000), Err(Broken));
        let many = "1;xxxxxxxx\r\na\r\n".repeat(SPARE_MAX_BYTES / 9 + 1);
        assert_eq!(taken(many.as_bytes(), 10_000), Err(Broken));
        let zeros = format!("{}1\r\na\r\n", "0".repeat(1000)).repeat(SPARE_MAX_BYTES / 900);
        assert_eq!(taken(zeros.as_bytes(), 10_000), Err(Broken));
        let trailers = format!("0\r\n{}\r\n", "Trailer: 12345678\r\n".repeat(SPARE_MAX_BYTES / 17 + 1));
        assert_eq!(taken(trailers.as_bytes(), 10_000), Err(Broken));
        let trailers = |count| format!("0\r\n{}\r\n", "T:\r\n".repeat(count));
        assert!(taken(trailers(100).as_bytes(), 10_000).is_ok_and(|taken| taken.is_some()));
        assert_eq!(taken(trailers(101).as_bytes(), 10_000), Err(Broken));
    }
}
