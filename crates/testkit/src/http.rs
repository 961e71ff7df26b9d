//! A small HTTP/1.1 client: it sends what it is told, broken or not, follows nothing, and shows what came back.
//! One connection per request, read to its end, so that bytes after the announced body are seen too.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use serde_json::Value;

use crate::source;

/// A client with a source address of its own.
#[derive(Clone, Debug)]
pub struct Client {
    server: SocketAddr,
    source: Ipv4Addr,
    tls: Option<Arc<ClientConfig>>,
}

/// A request being written.
#[must_use]
#[derive(Clone, Debug)]
pub struct Request {
    client: Client,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

/// What the server answered.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Names in lower case, values trimmed, in the order of the answer.
    pub headers: Vec<(String, String)>,
    /// The body without its transfer coding.
    pub body: Vec<u8>,
}

/// A connection that is kept.
#[derive(Debug)]
pub struct Kept(TcpStream);

impl Kept {
    /// Sends a request and reads its answer, which says how long it is.
    pub fn exchange(&mut self, request: &Request) -> Response {
        self.0.write_all(&request.written("keep-alive")).expect("the server reads");
        let (mut answer, mut buffer) = (Vec::new(), [0; 16 * 1024]);
        loop {
            let count = self.0.read(&mut buffer).expect("the server answers");
            assert!(count > 0, "the server closed the connection");
            answer.extend_from_slice(&buffer[..count]);
            let whole = find(&answer, b"\r\n\r\n").and_then(|end| {
                let head = std::str::from_utf8(&answer[..end]).ok()?.to_ascii_lowercase();
                let length = head.split("\r\n").find_map(|line| line.strip_prefix("content-length:"))?;
                Some(end + 4 + length.trim().parse::<usize>().expect("a length"))
            });
            if whole.is_some_and(|whole| answer.len() >= whole) {
                return Response::parse(&answer, false).expect("an answer");
            }
        }
    }
}

impl Client {
    /// A client of `server`, from a fresh source address.
    pub fn new(server: SocketAddr) -> Self {
        Self { server, source: source::fresh(), tls: None }
    }

    /// The same client from a chosen source address.
    pub fn from_source(server: SocketAddr, source: Ipv4Addr) -> Self {
        Self { server, source, tls: None }
    }

    /// The same over TLS, with the certificate of the configuration if it has one.
    pub fn over_tls(self, config: Arc<ClientConfig>) -> Self {
        Self { tls: Some(config), ..self }
    }

    /// The address that the server sees.
    pub fn source(&self) -> Ipv4Addr {
        self.source
    }

    /// The address of the server.
    pub fn server(&self) -> SocketAddr {
        self.server
    }

    /// A request; `target` is sent as it is.
    pub fn request(&self, method: &str, target: &str) -> Request {
        Request {
            client: self.clone(),
            method: method.to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: None,
        }
    }

    /// A GET.
    pub fn get(&self, target: &str) -> Request {
        self.request("GET", target)
    }

    /// A POST without a body so far.
    pub fn post(&self, target: &str) -> Request {
        self.request("POST", target)
    }

    /// POSTs a JSON body.
    pub fn post_json(&self, target: &str, body: &Value) -> Response {
        self.post(target).json(body).send()
    }

    /// A connection to write on by hand.
    pub fn connect(&self) -> TcpStream {
        source::connect(self.source, self.server).expect("the server accepts connections")
    }

    /// A connection that is used again and again.
    pub fn keep(&self) -> Kept {
        Kept(self.connect())
    }

    /// Sends bytes as they are and reads until the server closes. `None` when no answer came.
    pub fn raw(&self, bytes: &[u8]) -> Option<Response> {
        let answer = match &self.tls {
            None => self.exchange(self.connect(), bytes),
            Some(config) => {
                let name = ServerName::try_from("localhost").expect("a name");
                let connection = ClientConnection::new(Arc::clone(config), name).expect("a configuration");
                self.exchange(StreamOwned::new(connection, self.connect()), bytes)
            }
        };
        Response::parse(&answer, bytes.starts_with(b"HEAD "))
    }

    fn exchange(&self, mut stream: impl Read + Write, bytes: &[u8]) -> Vec<u8> {
        // The server may answer and close before it has read everything.
        let _ = stream.write_all(bytes);
        let mut answer = Vec::new();
        let mut buffer = [0; 16 * 1024];
        loop {
            match stream.read(&mut buffer) {
                Ok(0) => return answer,
                Ok(count) => answer.extend_from_slice(&buffer[..count]),
                Err(error)
                    if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof) =>
                {
                    return answer;
                }
                Err(error) => panic!("reading from {}: {error}", self.server),
            }
        }
    }
}

impl Request {
    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A body with its content type.
    pub fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self.header("Content-Type", content_type)
    }

    /// A JSON body.
    pub fn json(self, value: &Value) -> Self {
        self.body("application/json", value.to_string())
    }

    /// A form body.
    pub fn form(self, pairs: &[(&str, &str)]) -> Self {
        self.body("application/x-www-form-urlencoded", urlencoded(pairs))
    }

    /// Parameters in the query string of the target.
    pub fn query(mut self, pairs: &[(&str, &str)]) -> Self {
        self.target = format!("{}?{}", self.target, urlencoded(pairs));
        self
    }

    /// Sends it; panics when the server gives no HTTP answer.
    pub fn send(self) -> Response {
        let what = format!("{} {}", self.method, self.target);
        self.try_send().unwrap_or_else(|| panic!("no answer to {what}"))
    }

    /// Sends it; `None` when the connection ended without an answer.
    pub fn try_send(self) -> Option<Response> {
        self.client.raw(&self.bytes())
    }

    /// The request as it goes over the wire.
    pub fn bytes(&self) -> Vec<u8> {
        self.written("close")
    }

    fn written(&self, connection: &str) -> Vec<u8> {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nHost: {}\r\nConnection: {connection}\r\n",
            self.method, self.target, self.client.server
        );
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let bodiless = matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS");
        if let Some(body) = &self.body {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        } else if !bodiless {
            head.push_str("Content-Length: 0\r\n");
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default());
        bytes
    }
}

/// Pairs as `application/x-www-form-urlencoded`.
pub fn urlencoded(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

impl Response {
    fn parse(bytes: &[u8], to_head: bool) -> Option<Self> {
        let end = find(bytes, b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..end]).expect("a head in ASCII");
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().expect("a status code");
        let headers: Vec<_> = lines
            .map(|line| line.split_once(':').expect("a header line"))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut response = Self { status, headers, body: bytes[end + 4..].to_vec() };
        if response.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            response.body = unchunk(&response.body);
        } else if let Some(length) = response.header("content-length").filter(|_| !to_head) {
            assert_eq!(length, response.body.len().to_string(), "announced and real length of the body");
        }
        Some(response)
    }

    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a body in UTF-8")
    }

    /// The body as JSON; panics when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!("status {} with a body that is no JSON ({error}): {:?}", self.status, self.text())
        })
    }

    /// The string at `key` of a JSON object.
    pub fn string(&self, key: &str) -> String {
        match self.json().get(key) {
            Some(Value::String(value)) => value.clone(),
            other => panic!("{key} is {other:?} in {}", self.text()),
        }
    }

    /// Panics unless the status is `expected`; gives the response back.
    #[track_caller]
    pub fn expect(self, expected: u16) -> Self {
        assert_eq!(self.status, expected, "status; body: {}", String::from_utf8_lossy(&self.body));
        self
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn unchunk(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let line = find(rest, b"\r\n").expect("a chunk size");
        let digits = std::str::from_utf8(&rest[..line]).expect("a chunk size in ASCII");
        let size =
            usize::from_str_radix(digits.split(';').next().unwrap_or_default().trim(), 16).expect("hex");
        rest = &rest[line + 2..];
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&rest[..size]);
        rest = &rest[size + 2..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_answer_is_taken_apart() {
        let bytes =
            b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":1}";
        let response = Response::parse(bytes, false).unwrap();
        assert_eq!((response.status, response.header("Content-TYPE")), (201, Some("application/json")));
        assert_eq!(response.json()["a"], 1);
    }

    #[test]
    fn chunks_are_joined() {
        let bytes =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
        assert_eq!(Response::parse(bytes, false).unwrap().text(), "abcde");
    }

    #[test]
    fn bytes_after_an_empty_answer_are_not_lost() {
        let response = Response::parse(b"HTTP/1.1 204 No Content\r\n\r\nsurprise", false).unwrap();
        assert_eq!(response.text(), "surprise");
    }

    #[test]
    #[should_panic(expected = "announced and real length")]
    fn a_wrong_length_is_noticed() {
        Response::parse(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", false);
    }

    #[test]
    fn a_request_is_written_as_told() {
        let client = Client::new("127.0.0.1:1".parse().unwrap());
        let request = client.post("/login").query(&[("a b", "c&d")]).header("X-Y", "z").form(&[("p", "ä")]);
        let text = String::from_utf8(request.bytes()).unwrap();
        assert!(text.starts_with("POST /login?a+b=c%26d HTTP/1.1\r\n"), "{text}");
        assert!(text.contains("X-Y: z\r\n") && text.ends_with("Content-Length: 8\r\n\r\np=%C3%A4"), "{text}");
    }
}
