use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use http::StatusCode;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::link::CONTINUE;
use super::*;

/// What takes longer will not come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Answers what it was asked; at `/never` never, at `/unread` without reading the body, at `/empty` nothing.
#[derive(Default)]
struct Echo {
    heads_begun: AtomicUsize,
    begun: AtomicUsize,
    given_up: AtomicUsize,
}

/// Counts an answer that was given up.
struct Begun<'e>(&'e Echo, bool);

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        if !self.1 {
            self.0.given_up.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Respond for Echo {
    fn head_has_begun(&self) {
        self.heads_begun.fetch_add(1, Ordering::SeqCst);
    }

    async fn respond<B: Incoming>(&self, request: Request<B>) -> Response<Full<Bytes>> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        let mut begun = Begun(self, false);
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        if path == "/never" {
            std::future::pending::<()>().await;
        }
        let body = match path {
            "/unread" => Ok(Bytes::new()),
            _ => Box::pin(body).collect().await.map(http_body_util::Collected::to_bytes),
        };
        begun.1 = true;
        let text = match body {
            Ok(body) => format!("{} {path} {}", parts.method, String::from_utf8_lossy(&body)),
            Err(error) => format!("broken: {}", error.into()),
        };
        let mut response = Response::new(Full::new(text.into()));
        if path == "/empty" {
            *response.status_mut() = StatusCode::NO_CONTENT;
        }
        response
    }
}

/// All that comes back for bytes that are sent in pieces of so many, before the client says that it is done.
async fn talk(bytes: &[u8], piece: usize) -> String {
    let (mut client, server) = duplex(64 * 1024);
    let (echo, stop) = (Echo::default(), Stop::default());
    let mut said = Vec::new();
    let speak = async {
        for piece in bytes.chunks(piece) {
            if client.write_all(piece).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        let _ = client.shutdown().await;
        let _ = client.read_to_end(&mut said).await;
    };
    let (served, ()) = tokio::join!(serve(server, &echo, &stop), speak);
    // A client that closes early breaks nothing.
    let _ = served;
    String::from_utf8(said).unwrap()
}

/// The status of each answer and its body.
fn answers(said: &str) -> Vec<(u16, &str)> {
    said.split("HTTP/1.1 ")
        .skip(1)
        .map(|answer| {
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            (head.split(' ').next().unwrap().parse().unwrap(), body)
        })
        .collect()
}

#[tokio::test]
async fn requests_are_answered_in_turn_in_whatever_pieces_they_come() {
    let requests = "\r\nPOST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc\
        GET /b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nGET /\
        PUT /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n1;x=y\r\nf\r\n0\r\nT: t\r\n\r\n\
        GET /unread HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nxx\
        GET /empty HTTP/1.1\r\nHost: h\r\n\r\n";
    // One byte more, so that the end of the connection is not seen while the last answer is made.
    let sent = format!("{requests}G");
    let expected =
        [(200, "POST /a abc"), (200, "GET /b GET /"), (200, "PUT /c def"), (200, "GET /unread "), (204, "")];
    for piece in 1..sent.len() {
        let said = talk(sent.as_bytes(), piece).await;
        assert_eq!(answers(&said)[..3], expected[..3], "{piece} bytes at once");
        if answers(&said).len() > 4 {
            assert_eq!(answers(&said), expected, "{piece} bytes at once");
        }
    }
    let said = talk(sent.as_bytes(), sent.len()).await;
    assert_eq!(answers(&said), expected);
    assert!(!said.to_ascii_lowercase().contains("connection:"), "{said}");
}

#[tokio::test]
async fn what_is_malformed_is_answered_once_and_ends_the_connection() {
    let second = "GET /second HTTP/1.1\r\nHost: h\r\n\r\n";
    let fields = "a: b\r\n".repeat(101);
    let long = "a".repeat(head::MAX_BYTES);
    for (status, head) in [
        (400, "GET / HTTP/1.1\nHost: h\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\nHost: h\n\r\n"),
        (400, "GET / HTTP/1.1\r\nHost: h\r\n\n"),
        (400, "GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\nHost: h\r\n X: folded\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\nHost : h\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\nHost\r\n\r\n"),
        (400, "GET  / HTTP/1.1\r\nHost: h\r\n\r\n"),
        (400, "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n"),
        (400, "GET /\r\nHost: h\r\n\r\n"),
        (400, "G(T / HTTP/1.1\r\nHost: h\r\n\r\n"),
        (400, "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n"),
        (400, "GET http://a#b HTTP/1.1\r\nHost: h\r\n\r\n"),
        (400, "GET ftp://a/ HTTP/1.1\r\nHost: h\r\n\r\n"),
        (400, "GET a HTTP/1.1\r\nHost: h\r\n\r\n"),
        (400, "GET * HTTP/1.1\r\nHost: h\r\n\r\n"),
        (400, "CONNECT a:80 HTTP/1.1\r\nHost: h\r\n\r\n"),
        (400, "GET /\u{e4} HTTP/1.1\r\nHost: h\r\n\r\n"),
        (400, "\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"),
        (400, "GET / HTTP/2.0\r\nHost: h\r\n\r\n"),
        (400, "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na"),
        (400, "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na"),
        (400, "POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\na"),
        (400, "POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\na"),
        (400, "POST / HTTP/1.1\r\nContent-Length:\r\n\r\n"),
        (400, "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\na"),
        (400, "POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        (400, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
        (400, "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        (400, "POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        (400, "POST / HTTP/1.1\r\nTransfer-Encoding: identity\r\n\r\n"),
        (400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        (431, &format!("GET / HTTP/1.1\r\n{fields}\r\n")),
        (431, &format!("GET / HTTP/1.1\r\nX: {long}\r\n\r\n")),
        (431, &format!("GET /{long} HTTP/1.1\r\n\r\n")),
    ] {
        for piece in [1, 3, 100_000] {
            let said = talk(format!("{head}{second}").as_bytes(), piece).await;
            let statuses: Vec<u16> = answers(&said).iter().map(|(status, _)| *status).collect();
            assert_eq!(statuses, [status], "{head:.200}");
            assert!(said.contains("\r\nconnection: close\r\n"), "{said}");
        }
    }
}

#[tokio::test]
async fn a_broken_body_ends_the_connection_with_the_answer() {
    for body in ["3\nabc\r\n0\r\n\r\n", "3\r\nabcd\r\n0\r\n\r\n", "x\r\n0\r\n\r\n", "0\r\nno field\r\n\r\n"] {
        let sent = format!(
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{body}GET /second HTTP/1.1\r\n\r\n"
        );
        let said = talk(sent.as_bytes(), 100_000).await;
        assert_eq!(answers(&said), [(200, "broken: the chunks of the body are malformed")], "{body}");
        assert!(said.contains("\r\nconnection: close\r\n"), "{said}");
    }
}

#[tokio::test]
async fn old_clients_and_heads_get_what_they_can_read() {
    let one = |head: &'static str| async move { talk(format!("{head}\r\n\r\nG").as_bytes(), 1000).await };
    let said = one("HEAD /h HTTP/1.1").await;
    assert_eq!(answers(&said), [(200, "")]);
    assert!(said.contains("\r\ncontent-length: 8\r\n"), "{said}");
    let said = one("GET /empty HTTP/1.1").await;
    assert!(!said.contains("content-length"), "{said}");
    assert!(one("GET / HTTP/1.1\r\nConnection: x, Close").await.contains("\r\nconnection: close\r\n"));
    assert!(one("GET / HTTP/1.0").await.contains("\r\nconnection: close\r\n"));
    assert!(one("GET / HTTP/1.0\r\nConnection: Keep-Alive").await.contains("\r\nconnection: keep-alive\r\n"));
    let date = said.split("\r\ndate: ").nth(1).and_then(|rest| rest.split("\r\n").next()).unwrap();
    assert!(httpdate::parse_http_date(date).is_ok(), "{date}");
}

/// A client and the server's side of its connection, as a task.
fn connected(echo: &Arc<Echo>, stop: &Arc<Stop>) -> (DuplexStream, tokio::task::JoinHandle<io::Result<()>>) {
    let (client, server) = duplex(64 * 1024);
    let (echo, stop) = (Arc::clone(echo), Arc::clone(stop));
    (client, tokio::spawn(async move { serve(server, &*echo, &stop).await }))
}

async fn begun(echo: &Echo, count: usize) {
    tokio::time::timeout(PATIENCE, async {
        while echo.begun.load(Ordering::SeqCst) < count {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("an answer in the making");
}

#[tokio::test]
async fn who_waits_for_leave_to_send_a_body_gets_it_once_somebody_reads() {
    let (echo, stop) = (Arc::default(), Arc::default());
    let (mut client, _serving) = connected(&echo, &stop);
    let head = b"POST /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    client.write_all(head).await.unwrap();
    let mut leave = [0; CONTINUE.len()];
    client.read_exact(&mut leave).await.unwrap();
    assert_eq!(leave, CONTINUE);
    client
        .write_all(b"abcPOST /unread HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        .await
        .unwrap();
    let mut said = String::new();
    client.read_to_string(&mut said).await.unwrap();
    // The second is refused its body: nobody knows whether it will come.
    assert_eq!(answers(&said), [(200, "POST /a abc"), (200, "POST /unread ")]);
    assert!(said.ends_with("POST /unread ") && said.contains("\r\nconnection: close\r\n"), "{said}");
}

/// Also where its first bytes came with the request before it: it has a deadline of its own.
#[tokio::test]
async fn a_head_that_has_begun_is_told_of() {
    let (echo, stop) = (Arc::<Echo>::default(), Arc::default());
    let (mut client, _serving) = connected(&echo, &stop);
    let told = || echo.heads_begun.load(Ordering::SeqCst);
    client.write_all(b"GET /empty HTTP/1.1\r\n\r\n").await.unwrap();
    let mut said = vec![0; 1000];
    let count = client.read(&mut said).await.unwrap();
    assert!(count > 0 && told() == 0, "{}", told());
    client.write_all(b"GET /empty HTTP/1.1\r\n\r\nGET /").await.unwrap();
    assert!(client.read(&mut said).await.unwrap() > 0);
    tokio::time::timeout(PATIENCE, async {
        while told() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("to be told");
}

#[tokio::test]
async fn an_answer_that_nobody_waits_for_is_given_up() {
    let (echo, stop) = (Arc::<Echo>::default(), Arc::default());
    let (mut client, serving) = connected(&echo, &stop);
    client.write_all(b"GET /never HTTP/1.1\r\n\r\nGET /next HTTP/1.1\r\n\r\n").await.unwrap();
    begun(&echo, 1).await;
    assert_eq!(echo.given_up.load(Ordering::SeqCst), 0);
    drop(client);
    serving.await.unwrap().unwrap();
    assert_eq!(echo.given_up.load(Ordering::SeqCst), 1);
    assert_eq!(echo.begun.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn who_is_asked_to_stop_finishes_the_answer_in_the_making() {
    let (echo, stop) = (Arc::<Echo>::default(), Arc::<Stop>::default());
    let (mut client, serving) = connected(&echo, &stop);
    client.write_all(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\na").await.unwrap();
    begun(&echo, 1).await;
    stop.ask();
    client.write_all(b"bGET /next HTTP/1.1\r\n\r\n").await.unwrap();
    let mut said = String::new();
    client.read_to_string(&mut said).await.unwrap();
    assert_eq!(answers(&said), [(200, "POST / ab")]);
    assert!(said.contains("\r\nconnection: close\r\n"), "{said}");
    serving.await.unwrap().unwrap();

    let (mut client, serving) = connected(&echo, &stop);
    client.read_to_string(&mut said).await.unwrap();
    serving.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_stops_sending_is_left_after_a_while() {
    let (echo, stop) = (Arc::<Echo>::default(), Arc::default());
    let (mut client, serving) = connected(&echo, &stop);
    client.write_all(b"POST /unread HTTP/1.1\r\nContent-Length: 1000000000000\r\n\r\n").await.unwrap();
    let sending = tokio::spawn(async move {
        while client.write_all(&[b'a'; 1000]).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    serving.await.unwrap().unwrap();
    sending.await.unwrap();
}
