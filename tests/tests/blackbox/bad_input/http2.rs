//! HTTP/2, frame by frame (RFC 9113): what it is bounded by, and floods that only a broken client sends (R121).

use std::io::{Read, Write};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use countersign_testkit::{Server, scratch, source, tls};

use super::noise::resident_kib;
use crate::case::{Case, on_both_engines};

on_both_engines! {
    http2_is_served_within_announced_bounds
    a_request_of_http2_is_held_to_the_same_rules
    head_over_http2_gets_no_body
    bodies_that_do_not_end_take_a_bounded_part_of_the_memory
    floods_of_http2_end_their_connection_and_no_other
    http2_is_not_served_without_tls
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Types of frames (section 6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
/// Their flags.
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// Codes of errors (section 7).
const ENHANCE_YOUR_CALM: u32 = 11;

struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

struct Connection(Box<dyn Stream>);

trait Stream: Read + Write {}
impl<S: Read + Write> Stream for S {}

impl Connection {
    /// After both sides have sent their settings; those of the server.
    fn open(case: &Case) -> (Connection, Vec<(u16, u32)>) {
        Connection::open_from(source::fresh(), case)
    }

    fn open_from(source: Ipv4Addr, case: &Case) -> (Connection, Vec<(u16, u32)>) {
        let stream = tls::connect(source, case.server().http_address(), "h2").expect("a handshake");
        let mut connection = Connection(Box::new(stream));
        connection.0.write_all(PREFACE).expect("the server reads");
        connection.send(SETTINGS, 0, 0, &[]).expect("the server reads");
        let settings = connection.next_of(SETTINGS).expect("the settings of the server").payload;
        let number = |bytes: &[u8]| bytes.iter().fold(0_u32, |sum, byte| (sum << 8) | u32::from(*byte));
        let pair = |entry: &[u8]| (u16::try_from(number(&entry[..2])).expect("2 bytes"), number(&entry[2..]));
        (connection, settings.chunks(6).map(pair).collect())
    }

    fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> std::io::Result<()> {
        self.0.write_all(&frame(kind, flags, stream, payload))
    }

    /// The next frame; `None` at the end of the connection.
    fn next(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).ok()?;
        let [a, b, c, kind, flags, stream @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        self.0.read_exact(&mut payload).ok()?;
        Some(Frame { kind, flags, stream: u32::from_be_bytes(stream), payload })
    }

    fn next_of(&mut self, kind: u8) -> Option<Frame> {
        loop {
            let frame = self.next()?;
            if frame.kind == kind && (kind != SETTINGS || frame.flags & 1 == 0) {
                return Some(frame);
            }
        }
    }

    /// The status that a stream is answered with; `None` if the stream or the connection is ended instead.
    fn status(&mut self, stream: u32) -> Option<u16> {
        loop {
            let frame = self.next()?;
            match (frame.kind, frame.stream == stream) {
                // RFC 7541 appendix A: statuses of the static table, else a literal behind its index.
                (HEADERS, true) => {
                    return match frame.payload.as_slice() {
                        [0x88, ..] => Some(200),
                        [0x8c, ..] => Some(400),
                        [0x8d, ..] => Some(404),
                        [0x48, 3, a, b, c, ..] => std::str::from_utf8(&[*a, *b, *c]).ok()?.parse().ok(),
                        [0x48, 0x82, ..] => Some(0),
                        other => panic!("a block of headers that begins with {:x?}", &other[..4]),
                    };
                }
                (RST_STREAM, true) | (GOAWAY, _) => return None,
                _ => {}
            }
        }
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
    let mut bytes = vec![a, b, c, kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A literal header that is not indexed, without Huffman coding (RFC 7541 section 6.2.2).
fn literal(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0];
    for text in [name, value] {
        // Section 5.1: an integer with a prefix of 7 bits.
        match text.len() {
            short @ ..127 => bytes.push(short as u8),
            long => {
                bytes.push(127);
                let mut rest = long - 127;
                while rest >= 128 {
                    bytes.push((rest % 128) as u8 | 0x80);
                    rest /= 128;
                }
                bytes.push(rest as u8);
            }
        }
        bytes.extend(text.as_bytes());
    }
    bytes
}

fn headers(method: &str, path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let pseudo = [(":method", method), (":scheme", "https"), (":path", path), (":authority", "localhost")];
    pseudo.iter().chain(more).flat_map(|(name, value)| literal(name, value)).collect()
}

fn over_tls(case: &Case) -> Case {
    let files = tls::certificate_for_localhost(&scratch::directory("http2"));
    let (certificate, key) = (files.certificate.display(), files.key.display());
    let config = format!("[tls]\ncertificate = \"{certificate}\"\nkey = \"{key}\"");
    case.with_own(Server::builder().config(&config))
}

fn http2_is_served_within_announced_bounds(case: &Case) {
    let case = over_tls(case);
    let (mut connection, settings) = Connection::open(&case);
    let announced = |key: u16| settings.iter().find(|(name, _)| *name == key).map(|(_, value)| *value);
    // Section 6.5.2: streams, window, headers.
    assert_eq!((announced(3), announced(4), announced(6)), (Some(100), Some(65_536), Some(16_384)));
    let get = headers("GET", "/health/live", &[]);
    connection.send(HEADERS, END_STREAM | END_HEADERS, 1, &get).expect("the server reads");
    assert_eq!(connection.status(1), Some(200));
    // The stream beyond the bound is refused, those within it are not.
    let post = headers("POST", "/login", &[("content-type", "application/json")]);
    for number in 1..=101 {
        connection.send(HEADERS, END_HEADERS, 1 + 2 * number, &post).expect("the server reads");
    }
    let refused = connection.next_of(RST_STREAM).expect("a refusal");
    assert_eq!(refused.stream, 203);
    connection.send(DATA, END_STREAM, 3, b"{").expect("the server reads");
    assert_eq!(connection.status(3), Some(400));
}

fn a_request_of_http2_is_held_to_the_same_rules(case: &Case) {
    let case = over_tls(case);
    let ask = |method: &str, path: &str, more: &[(&str, &str)]| {
        let (mut connection, _) = Connection::open(&case);
        let block = headers(method, path, more);
        connection.send(HEADERS, END_STREAM | END_HEADERS, 1, &block).expect("the server reads");
        connection.status(1)
    };
    assert_eq!(ask("GET", "/health/live", &[("host", "localhost")]), Some(200));
    assert_eq!(ask("GET", "/health/live", &[("host", "a"), ("host", "b")]), Some(400));
    assert_eq!(ask("POST", "/login", &[]), Some(400));
    // RFC 9113 sections 8.2.1 and 8.2.2: what HTTP/1.1 would split, and what only it knows, is malformed.
    for broken in [
        ("x-a", "b\r\nc: d"),
        ("x-a", "b\nc"),
        ("x-a", "b\0c"),
        ("X-Upper", "a"),
        ("transfer-encoding", "chunked"),
    ] {
        assert_eq!(ask("GET", "/health/live", &[broken]), None, "{broken:?}");
    }
}

/// RFC 9113 section 8.1.1: with one it would be malformed. The length is that of the body that GET gets.
fn head_over_http2_gets_no_body(case: &Case) {
    let case = over_tls(case);
    for path in ["/health/ready", "/sign-in", "/nothing"] {
        let (mut connection, _) = Connection::open(&case);
        let head = headers("HEAD", path, &[]);
        connection.send(HEADERS, END_STREAM | END_HEADERS, 1, &head).expect("the server reads");
        let answer = connection.next_of(HEADERS).expect("an answer");
        assert_eq!(answer.flags & END_STREAM, END_STREAM, "{path}");
        let get = headers("GET", path, &[]);
        connection.send(HEADERS, END_STREAM | END_HEADERS, 3, &get).expect("the server reads");
        let body = connection.next_of(DATA).expect("a body");
        assert_eq!((body.stream, body.payload.is_empty()), (3, false), "{path}");
    }
}

/// A hundred streams of each of a few connections, which together would take 78 MB (R121).
fn bodies_that_do_not_end_take_a_bounded_part_of_the_memory(case: &Case) {
    const LENGTH: usize = 65_000;
    let case = over_tls(case);
    let (before, source) = (resident_kib(case.server().pid()), source::fresh());
    let post = headers("POST", "/login", &[("content-type", "application/json")]);
    let _held: Vec<Connection> = (0..12)
        .map(|_| {
            let (mut connection, _) = Connection::open_from(source, &case);
            // What the connection may still send (RFC 9113 section 6.9).
            let mut window = 65_535;
            for stream in (0..100).map(|number| 1 + 2 * number) {
                connection.send(HEADERS, END_HEADERS, stream, &post).expect("the server reads");
                for piece in [b' '; LENGTH].chunks(16_384) {
                    while window < piece.len() {
                        let update = connection.next_of(WINDOW_UPDATE).expect("more room");
                        let bytes = update.payload.try_into().expect("4 bytes");
                        window += if update.stream == 0 { u32::from_be_bytes(bytes) as usize } else { 0 };
                    }
                    connection.send(DATA, 0, stream, piece).expect("the server reads");
                    window -= piece.len();
                }
            }
            connection
        })
        .collect();
    let grown = resident_kib(case.server().pid()).saturating_sub(before);
    assert!(grown < 60 * 1024, "{grown} KiB more");
}

/// Each is answered by the end of the connection, and the server has not grown by what was sent.
fn floods_of_http2_end_their_connection_and_no_other(case: &Case) {
    let case = over_tls(case);
    let get = headers("GET", "/health/live", &[]);
    let (mut bystander, _) = Connection::open(&case);
    let rapid_reset: Vec<u8> = (0..20_000_u32)
        .flat_map(|number| {
            let open = frame(HEADERS, END_STREAM | END_HEADERS, 1 + 2 * number, &get);
            [open, frame(RST_STREAM, 0, 1 + 2 * number, &[0, 0, 0, 8])].concat()
        })
        .collect();
    let mut continuation = frame(HEADERS, 0, 1, &get);
    let piece = literal("x-more", &"a".repeat(16_000));
    (0..500).for_each(|_| continuation.extend(frame(CONTINUATION, 0, 1, &piece)));
    let mut empty_continuation = frame(HEADERS, 0, 1, &get);
    (0..100_000).for_each(|_| empty_continuation.extend(frame(CONTINUATION, 0, 1, &[])));
    for (what, flood, calm) in [
        ("rapid reset", rapid_reset, true),
        ("continuation", continuation, true),
        ("empty continuation", empty_continuation, true),
        ("a frame beyond 16 KiB", frame(DATA, 0, 1, &vec![0; 20_000]), false),
        ("a reply to nothing", frame(RST_STREAM, 0, 7, &[0; 4]), false),
    ] {
        let (mut connection, _) = Connection::open(&case);
        let started = Instant::now();
        let _ = connection.0.write_all(&flood);
        // A close with unread bytes behind it may cost the last words.
        if let Some(end) = connection.next_of(GOAWAY) {
            let code = end.payload[4..8].iter().fold(0, |sum, byte| (sum << 8) | u32::from(*byte));
            assert!(code != 0 && (!calm || code == ENHANCE_YOUR_CALM), "{what}: code {code}");
        }
        assert!(started.elapsed() < Duration::from_secs(30), "{what}: {:?}", started.elapsed());
    }
    bystander.send(PING, 0, 0, &[1; 8]).expect("the server reads");
    assert_eq!(bystander.next_of(PING).map(|pong| pong.payload), Some(vec![1; 8]));
    bystander.send(HEADERS, END_STREAM | END_HEADERS, 1, &get).expect("the server reads");
    assert_eq!(bystander.status(1), Some(200));
}

fn http2_is_not_served_without_tls(case: &Case) {
    let mut stream = case.http().connect();
    stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).expect("the server reads");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{answer:?}");
}
