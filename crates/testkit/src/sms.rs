//! An SMS gateway: a real HTTP listener that keeps what it was sent and behaves as told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::poll;

/// How the gateway answers.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// 201 with a small JSON body.
    Accept,
    /// This status with an empty JSON object.
    Refuse(u16),
    /// Accepts, but only after this time.
    Slow(Duration),
    /// Bytes that are no HTTP.
    Garbage,
    /// Reads the request and closes without an answer.
    HangUp,
}

/// A request as received.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The method.
    pub method: String,
    /// The target.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Delivery {
    /// The fields of a form body.
    pub fn form(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(self.body.as_bytes()).into_owned().collect()
    }

    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// A listening gateway. Its thread ends with the process.
#[derive(Clone, Debug)]
pub struct SmsGateway {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    behaviour: Behaviour,
    deliveries: Vec<Delivery>,
}

impl SmsGateway {
    /// Listens on a free loopback port.
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new(State { behaviour: Behaviour::Accept, deliveries: Vec::new() }));
        let gateway = Self { address, state };
        let worker = gateway.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let worker = worker.clone();
                std::thread::spawn(move || worker.serve(stream));
            }
        });
        gateway
    }

    /// Where to send messages to.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Changes how it answers from now on.
    pub fn behave(&self, behaviour: Behaviour) {
        self.state.lock().expect("no panic while held").behaviour = behaviour;
    }

    /// What has arrived so far, refused or not.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.state.lock().expect("no panic while held").deliveries.clone()
    }

    /// The deliveries once there are `count` of them.
    pub fn await_deliveries(&self, count: usize) -> Vec<Delivery> {
        poll::until(&format!("{count} SMS"), || {
            let deliveries = self.deliveries();
            (deliveries.len() >= count).then_some(deliveries)
        })
    }

    fn serve(&self, mut stream: TcpStream) {
        let Some(delivery) = read_request(&stream) else { return };
        let behaviour = {
            let mut state = self.state.lock().expect("no panic while held");
            state.deliveries.push(delivery);
            state.behaviour.clone()
        };
        let answer = match behaviour {
            Behaviour::Accept => reply(201, r#"{"sid":"SM0","status":"queued"}"#),
            Behaviour::Refuse(status) => reply(status, "{}"),
            Behaviour::Slow(time) => {
                std::thread::sleep(time);
                reply(201, r#"{"sid":"SM0","status":"queued"}"#)
            }
            Behaviour::Garbage => "\u{1}\u{2} no HTTP at all".to_owned(),
            Behaviour::HangUp => return,
        };
        let _ = stream.write_all(answer.as_bytes());
    }
}

fn reply(status: u16, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    )
}

fn read_request(stream: &TcpStream) -> Option<Delivery> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Delivery { method, target, headers, body: String::from_utf8_lossy(&body).into_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Client;

    #[test]
    fn it_keeps_what_it_is_sent_and_behaves_as_told() {
        let gateway = SmsGateway::start();
        let client = Client::new(gateway.address);
        assert_eq!(client.post("/a").form(&[("To", "+1888"), ("Body", "x y")]).send().status, 201);
        gateway.behave(Behaviour::Refuse(503));
        assert_eq!(client.post("/b").send().status, 503);
        gateway.behave(Behaviour::Garbage);
        assert!(client.post("/c").try_send().is_none());
        gateway.behave(Behaviour::HangUp);
        assert!(client.post("/d").try_send().is_none());
        let deliveries = gateway.await_deliveries(4);
        assert_eq!(deliveries[0].form(), [("To".into(), "+1888".into()), ("Body".into(), "x y".into())]);
        assert_eq!(deliveries[3].target, "/d");
    }
}
