//! A web site over TLS: what is put on it stands there, and it keeps who asked for what.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::{scratch, tls};

/// What stands at a path.
#[derive(Clone, Debug)]
pub struct Page {
    /// The status.
    pub status: u16,
    /// Header lines without their ends.
    pub headers: Vec<String>,
    /// The body.
    pub body: String,
    /// How long the site takes.
    pub delay: Duration,
}

impl Page {
    /// JSON with status 200.
    pub fn json(body: impl ToString) -> Page {
        let headers = vec!["Content-Type: application/json".to_owned()];
        Page { status: 200, headers, body: body.to_string(), delay: Duration::ZERO }
    }

    /// With another status.
    pub fn status(self, status: u16) -> Page {
        Page { status, ..self }
    }

    /// With one more header line.
    pub fn header(mut self, line: &str) -> Page {
        self.headers.push(line.to_owned());
        self
    }

    /// Only after this time.
    pub fn delay(self, delay: Duration) -> Page {
        Page { delay, ..self }
    }
}

/// A listening site. Its thread ends with the process.
#[derive(Clone, Debug)]
pub struct HttpsSite {
    address: SocketAddr,
    authority: PathBuf,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    pages: HashMap<String, Page>,
    asked: Vec<String>,
}

impl HttpsSite {
    /// Listens on a free loopback port. Everything is 404 so far.
    pub fn start() -> HttpsSite {
        let files = tls::certificate_for_localhost(&scratch::directory("site"));
        let config = Arc::new(server_config(&files.certificate, &files.key));
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port");
        let address = listener.local_addr().expect("an address");
        let site = HttpsSite { address, authority: files.authority, state: Arc::default() };
        let worker = site.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (worker, config) = (worker.clone(), Arc::clone(&config));
                std::thread::spawn(move || worker.serve(stream, config));
            }
        });
        site
    }

    /// The address of a path, on the loopback address.
    pub fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.address)
    }

    /// The host and port.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// The certificate authority to be named in `SSL_CERT_FILE`.
    pub fn authority(&self) -> &Path {
        &self.authority
    }

    /// Puts a page at a path.
    pub fn put(&self, path: &str, page: Page) {
        self.state.lock().expect("no panic while held").pages.insert(path.to_owned(), page);
    }

    /// How often a path was asked for.
    pub fn asked(&self, path: &str) -> usize {
        let state = self.state.lock().expect("no panic while held");
        state.asked.iter().filter(|asked| *asked == path).count()
    }

    fn serve(&self, stream: TcpStream, config: Arc<ServerConfig>) {
        let Ok(connection) = ServerConnection::new(config) else { return };
        let mut stream = BufReader::new(StreamOwned::new(connection, stream));
        let mut head = String::new();
        // A client that does not trust the certificate goes away.
        while !head.ends_with("\r\n\r\n") {
            match stream.read_line(&mut head) {
                Ok(count) if count > 0 => {}
                _ => return,
            }
        }
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let page = {
            let mut state = self.state.lock().expect("no panic while held");
            state.asked.push(path.clone());
            state.pages.get(&path).cloned().unwrap_or_else(|| Page::json("{}").status(404))
        };
        std::thread::sleep(page.delay);
        let mut answer = format!("HTTP/1.1 {} Answer\r\nConnection: close\r\n", page.status);
        for line in &page.headers {
            answer.push_str(&format!("{line}\r\n"));
        }
        answer.push_str(&format!("Content-Length: {}\r\n\r\n{}", page.body.len(), page.body));
        let stream = stream.get_mut();
        let _ = stream.write_all(answer.as_bytes());
        stream.conn.send_close_notify();
        let _ = stream.flush();
    }
}

fn server_config(certificate: &Path, key: &Path) -> ServerConfig {
    let chain = CertificateDer::pem_file_iter(certificate).expect("a certificate");
    let chain = chain.collect::<Result<_, _>>().expect("PEM");
    let key = PrivateKeyDer::from_pem_file(key).expect("a key");
    ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the versions of the provider")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("a key of the certificate")
}
