use std::io::{Read, Write};
use std::net::TcpListener;

use countersign_model::ids::MessageId;
use countersign_model::message::{Channel, MessageState, Template};
use countersign_model::time::{Stopwatch, Timestamp};
use countersign_testkit::sms::Behaviour;
use countersign_testkit::{MailServer, MailTls, SmsGateway};

use super::*;

fn twilio() -> SmsSettings {
    SmsSettings {
        account_sid: Some("AC123".into()),
        auth_token: Some(Secret::new("token")),
        from: Some("+15005550006".into()),
        ..SmsSettings::default()
    }
}

fn json(url: &str, template: &str) -> SmsSettings {
    SmsSettings {
        url: Some(url.into()),
        format: SmsFormat::Json,
        template: Some(template.into()),
        ..SmsSettings::default()
    }
}

fn error_of(settings: &SmsSettings) -> String {
    Sms::new(settings).err().map_or_else(String::new, |error| error.to_string())
}

#[test]
fn twilio_itself_needs_no_url() {
    let sms = Sms::new(&twilio()).unwrap();
    assert_eq!(sms.url.as_str(), "https://api.twilio.com/2010-04-01/Accounts/AC123/Messages.json");
}

#[test]
fn settings_that_cannot_work_are_named() {
    let good = r#"{"to":"{{to}}","text":"{{text}}"}"#;
    let header = |name: &str, value: &str| SmsSettings {
        headers: BTreeMap::from([(name.to_owned(), Secret::new(value))]),
        ..json("https://sms.example.com", good)
    };
    for (settings, problem) in [
        (SmsSettings::default(), "`sms.account_sid` is missing"),
        (SmsSettings { auth_token: None, ..twilio() }, "`sms.auth_token` is missing"),
        (SmsSettings { from: Some(String::new()), ..twilio() }, "`sms.from` is missing"),
        (SmsSettings { account_sid: Some("A/../B".into()), ..twilio() }, "`sms.account_sid`: "),
        (SmsSettings { url: None, ..json("", good) }, "`sms.url` is missing"),
        (
            SmsSettings { template: None, ..json("https://sms.example.com", good) },
            "`sms.template` is missing",
        ),
        (json("https://sms.example.com", "{}"), "`sms.template`: "),
        (json("sms.example.com", good), "`sms.url`: "),
        (json("file:///etc/passwd", good), "`sms.url`: "),
        (json("http://sms.example.com", good), "sms.allow_plaintext = true"),
        (header("a b", "c"), "`sms.headers`: `a b`"),
        (header("x-key", "secret\r\nx: y"), "`sms.headers`: the value of `x-key`"),
    ] {
        let error = error_of(&settings);
        assert!(error.contains(problem) && !error.contains("secret"), "{error} for {problem}");
    }
    for url in ["https://sms.example.com", "http://127.0.0.1:9", "http://localhost"] {
        assert_eq!(error_of(&json(url, good)), "");
    }
}

#[test]
fn only_numbers_are_numbers() {
    assert!(is_number("+18885551212") && is_number("8885551212"));
    for text in ["", "+", "1+2", "888-555", "+1888\r\n", "888555121212345678901", "１２３４５６７"] {
        assert!(!is_number(text), "{text:?}");
    }
}

const GOOD: &str = r#"{"to":"{{to}}","text":"{{text}}"}"#;

async fn send(sms: &Sms) -> Result<(), Failure> {
    let message = Message {
        id: MessageId(42),
        channel: Channel::Sms.into(),
        template: Template::PhoneCode.into(),
        queued_at: Timestamp::from_micros(0),
        state: MessageState::Pending,
        attempts: 1,
        last_error: None,
        contents: None,
    };
    sms.send(&message, "+18885551212", "Code: \"7K2MQ\" & more").await
}

#[tokio::test]
async fn twilio_gets_its_form() {
    let gateway = SmsGateway::start();
    let sms = Sms::new(&SmsSettings { url: Some(gateway.url("/Messages.json")), ..twilio() }).unwrap();
    send(&sms).await.unwrap();
    let delivery = &gateway.await_deliveries(1)[0];
    assert_eq!((delivery.method.as_str(), delivery.target.as_str()), ("POST", "/Messages.json"));
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let form =
        [pair("To", "+18885551212"), pair("From", "+15005550006"), pair("Body", "Code: \"7K2MQ\" & more")];
    assert_eq!(delivery.form(), form);
    assert_eq!(delivery.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(delivery.header("authorization"), Some("Basic QUMxMjM6dG9rZW4="));
    assert_eq!(delivery.header("idempotency-key"), Some("42"));
}

#[tokio::test]
async fn others_get_their_json_and_headers() {
    let gateway = SmsGateway::start();
    let headers = BTreeMap::from([("X-Api-Key".to_owned(), Secret::new("k e y"))]);
    let settings = SmsSettings { headers, ..json(&gateway.url("/send?v=1"), GOOD) };
    send(&Sms::new(&settings).unwrap()).await.unwrap();
    let delivery = &gateway.await_deliveries(1)[0];
    assert_eq!(delivery.target, "/send?v=1");
    assert_eq!(delivery.header("x-api-key"), Some("k e y"));
    assert_eq!(delivery.header("content-type"), Some("application/json"));
    let body: serde_json::Value = serde_json::from_str(&delivery.body).unwrap();
    assert_eq!(body, serde_json::json!({"to": "+18885551212", "text": "Code: \"7K2MQ\" & more"}));
}

#[tokio::test]
async fn statuses_decide_whether_to_try_again() {
    let gateway = SmsGateway::start();
    let sms = Sms::new(&json(&gateway.url("/"), GOOD)).unwrap();
    for (status, again) in [
        (400, false),
        (401, false),
        (404, false),
        (408, true),
        (429, true),
        (500, true),
        (503, true),
        (302, true),
    ] {
        gateway.behave(Behaviour::Refuse(status));
        let reason = format!("the SMS gateway said {status}");
        let expected = if again { Failure::later(reason) } else { Failure::never(reason) };
        assert_eq!(send(&sms).await, Err(expected));
    }
    for behaviour in [Behaviour::Garbage, Behaviour::HangUp] {
        gateway.behave(behaviour.clone());
        let outcome = send(&sms).await;
        assert!(matches!(outcome, Err(Failure::Later { .. })), "{behaviour:?}: {outcome:?}");
    }
    let outcome = send(&Sms::new(&json("http://127.0.0.1:1/?key=secret", GOOD)).unwrap()).await;
    let Err(Failure::Later { reason, .. }) = outcome else { panic!("{outcome:?}") };
    assert!(reason.contains("refused") && !reason.contains("secret"), "{reason}");
}

#[tokio::test]
async fn a_slow_gateway_is_given_up() {
    let gateway = SmsGateway::start();
    gateway.behave(Behaviour::Slow(Duration::from_secs(3600)));
    let timeout = Duration::from_millis(300);
    let sms = Sms::new(&SmsSettings { timeout, ..json(&gateway.url("/"), GOOD) }).unwrap();
    let watch = Stopwatch::start();
    let Err(Failure::Later { reason, .. }) = send(&sms).await else { panic!("it was not given up") };
    assert!(reason.contains("too slow"), "{reason}");
    assert!(watch.elapsed() >= timeout && watch.elapsed() < timeout * 20);
}

/// A listener that answers every request with these bytes.
fn answering(bytes: String) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(bytes.as_bytes());
        }
    });
    url
}

fn answer(head: &str, body: &str) -> String {
    format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn an_answer_is_judged_by_its_numbers() {
    let twilio =
        answer("400 Bad", r#"{"code": 21211, "message": "The 'To' number +18885551212 is not valid"}"#);
    let sms = |answer| Sms::new(&json(&answering(answer), GOOD)).unwrap();
    assert_eq!(send(&sms(twilio)).await, Err(Failure::never("the SMS gateway said 400 (its code 21211)")));
    let busy = answer("429 Slow down\r\nRetry-After: 17", "");
    let Err(Failure::Later { wait, .. }) = send(&sms(busy)).await else { panic!("429") };
    assert_eq!(wait, Some(Duration::from_secs(17)));
    assert_eq!(send(&sms(answer("200 OK", &"x".repeat(4_000_000)))).await, Ok(()));
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = SmsGateway::start();
    for status in [301, 302, 303, 307, 308] {
        let there = elsewhere.url("/stolen");
        let url = answering(answer(&format!("{status} There\r\nLocation: {there}"), ""));
        assert!(matches!(send(&Sms::new(&json(&url, GOOD)).unwrap()).await, Err(Failure::Later { .. })));
    }
    assert!(elsewhere.deliveries().is_empty());
}

/// Anything that speaks TLS serves: what counts is how far the handshake comes.
#[tokio::test]
async fn certificates_and_their_names_are_verified() {
    let reason = async |server: &MailServer, ca_file| {
        let settings =
            SmsSettings { ca_file, ..json(&format!("https://localhost:{}/", server.port()), GOOD) };
        match send(&Sms::new(&settings).unwrap()).await {
            Err(Failure::Later { reason, .. }) => reason,
            outcome => panic!("{outcome:?}"),
        }
    };
    let server = MailServer::start(MailTls::Implicit, None);
    let unknown = reason(&server, None).await;
    assert!(unknown.contains("UnknownIssuer"), "{unknown}");
    let spoken_to = reason(&server, Some(server.authority())).await;
    // A mail server greets before it is asked: that is no HTTP, or comes before there was a request.
    let is_past_tls = spoken_to.contains("HTTP") || spoken_to.contains("unexpected message");
    assert!(!spoken_to.contains("certificate") && is_past_tls, "{spoken_to}");
    let other = MailServer::start_named(MailTls::Implicit, None, &["sms.example.net"]);
    let misnamed = reason(&other, Some(other.authority())).await;
    assert!(misnamed.contains("not valid for name"), "{misnamed}");
}
