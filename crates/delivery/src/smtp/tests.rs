use std::path::PathBuf;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use countersign_model::ids::MessageId;
use countersign_model::message::{Channel, MessageState, Template};
use countersign_model::secret::Secret;
use countersign_model::time::Timestamp;
use countersign_testkit::{MailServer, MailTls};

use super::*;

fn settings() -> SmtpSettings {
    SmtpSettings { host: "mail.example.com".into(), from: "a@example.com".into(), ..SmtpSettings::default() }
}

fn error_of(settings: &SmtpSettings) -> String {
    Smtp::new(settings, "example.com").err().map_or_else(String::new, |error| error.to_string())
}

#[test]
fn settings_that_cannot_work_are_named() {
    let none = SmtpSecurity::None;
    assert_eq!(error_of(&settings()), "");
    assert_eq!(error_of(&SmtpSettings::default()), "`smtp.host` is missing");
    assert_eq!(error_of(&SmtpSettings { from: " ".into(), ..settings() }), "`smtp.from` is missing");
    assert!(error_of(&SmtpSettings { from: "Ann".into(), ..settings() }).starts_with("`smtp.from`: "));
    assert!(
        error_of(&SmtpSettings { from: "a@example.com\r\nBcc: b@x.org".into(), ..settings() })
            .starts_with("`smtp.from`: ")
    );
    assert_eq!(
        error_of(&SmtpSettings { username: Some("u".into()), ..settings() }),
        "`smtp.password` is missing"
    );
    assert_eq!(
        error_of(&SmtpSettings { password: Some(Secret::new("p")), ..settings() }),
        "`smtp.username` is missing"
    );
    let missing = SmtpSettings { ca_file: Some(PathBuf::from("/nowhere.pem")), ..settings() };
    assert!(error_of(&missing).starts_with("`smtp.ca_file`: /nowhere.pem: "));
    assert!(error_of(&SmtpSettings { security: none, ..settings() }).contains("smtp.allow_plaintext = true"));
    assert_eq!(error_of(&SmtpSettings { security: none, allow_plaintext: true, ..settings() }), "");
    assert_eq!(error_of(&SmtpSettings { security: none, host: "127.0.0.1".into(), ..settings() }), "");
}

#[test]
fn hello_says_a_domain_or_an_address() {
    assert_eq!(hello("accounts.example.com").to_string(), "accounts.example.com");
    for site in ["127.0.0.1", "localhost", "[::1]", "[2001:db8::1.2.3.4]"] {
        assert_eq!(hello(site).to_string(), "[127.0.0.1]", "{site}");
    }
}

/// The settings that fit a server: trusting its authority and protected as it is.
fn settings_for(server: &MailServer, security: SmtpSecurity) -> SmtpSettings {
    SmtpSettings {
        host: "localhost".into(),
        port: Some(server.port()),
        security,
        ca_file: Some(server.authority()),
        from: "Accounts <accounts@example.org>".into(),
        ..SmtpSettings::default()
    }
}

fn message(number: i64) -> Message {
    Message {
        id: MessageId(number),
        channel: Channel::Email.into(),
        template: Template::Login.into(),
        queued_at: Timestamp::from_micros(1_342_459_414_000_000),
        state: MessageState::Pending,
        attempts: 1,
        last_error: None,
        contents: None,
    }
}

async fn send(smtp: &Smtp, number: i64) -> Result<(), Failure> {
    let text = "Your code:\n.\n..\n.hidden\nEnd of it".to_owned();
    smtp.send(&message(number), "ann@example.com", "Your code", text, "<p>Your code</p>".to_owned()).await
}

fn smtp(settings: &SmtpSettings) -> Smtp {
    Smtp::new(settings, "accounts.example.org").unwrap()
}

/// Sends to a server that must refuse or be refused; the reason why it is to be tried again.
async fn reason(settings: &SmtpSettings) -> String {
    match send(&smtp(settings), 1).await {
        Err(Failure::Later { reason, .. }) => reason,
        outcome => panic!("{outcome:?}"),
    }
}

#[tokio::test]
async fn mail_arrives_whole_under_every_protection() {
    for (tls, security) in [
        (MailTls::StartTls, SmtpSecurity::StartTls),
        (MailTls::Implicit, SmtpSecurity::Tls),
        (MailTls::None, SmtpSecurity::None),
    ] {
        let server = MailServer::start(tls, None);
        send(&smtp(&settings_for(&server, security)), 7).await.unwrap();
        let mail = &server.await_mails(1)[0];
        assert_eq!(mail.encrypted, security != SmtpSecurity::None, "{tls:?}");
        assert_eq!(
            (mail.from.as_str(), mail.to.as_slice()),
            ("accounts@example.org", ["ann@example.com".to_owned()].as_slice())
        );
        assert_eq!(mail.text.replace("\r\n", "\n").trim_end(), "Your code:\n.\n..\n.hidden\nEnd of it");
        assert_eq!((mail.subject.as_str(), mail.html.trim_end()), ("Your code", "<p>Your code</p>"));
        let has = |name: &str, value: &str| mail.headers.iter().any(|(n, v)| n == name && v == value);
        assert!(
            has("Message-ID", "<7.1342459414000000@example.org>") && has("Auto-Submitted", "auto-generated")
        );
    }
}

#[tokio::test]
async fn it_signs_in_and_a_wrong_password_is_a_matter_of_the_settings() {
    let server = MailServer::start(MailTls::StartTls, Some(("user", "pass word")));
    let mut settings = settings_for(&server, SmtpSecurity::StartTls);
    assert!(reason(&settings).await.starts_with("MAIL: the mail server said 530"));
    settings.username = Some("user".into());
    settings.password = Some(Secret::new("wrong"));
    assert_eq!(reason(&settings).await, "AUTH: the mail server said 535 5.7.8");
    settings.password = Some(Secret::new("pass word"));
    send(&smtp(&settings), 1).await.unwrap();
    assert!(server.await_mails(1)[0].authenticated);
    assert_eq!(server.mails().len(), 1);
}

/// CVE-2026-46428: a certificate that is good, but somebody else's.
#[tokio::test]
async fn cve_2026_46428_a_certificate_for_another_name_is_refused() {
    for (tls, security) in
        [(MailTls::StartTls, SmtpSecurity::StartTls), (MailTls::Implicit, SmtpSecurity::Tls)]
    {
        let server = MailServer::start_named(tls, None, &["mail.example.net"]);
        let reason = reason(&settings_for(&server, security)).await;
        assert!(reason.contains("certificate not valid for name \"localhost\""), "{reason}");
        assert!(server.mails().is_empty());
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    for (tls, security) in
        [(MailTls::StartTls, SmtpSecurity::StartTls), (MailTls::Implicit, SmtpSecurity::Tls)]
    {
        let server = MailServer::start(tls, None);
        let reason = reason(&SmtpSettings { ca_file: None, ..settings_for(&server, security) }).await;
        assert!(reason.contains("UnknownIssuer"), "{reason}");
        assert!(server.mails().is_empty());
    }
}

#[tokio::test]
async fn without_starttls_nothing_is_said() {
    let server = MailServer::start(MailTls::None, None);
    let reason = reason(&settings_for(&server, SmtpSecurity::StartTls)).await;
    assert!(reason.contains("offers no STARTTLS"), "{reason}");
    assert!(server.mails().is_empty());
}

/// Stands between client and server, and adds replies of its own to the one that starts TLS.
fn injecting_proxy(server_port: u16, replies: &'static str) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut server = TcpStream::connect(("127.0.0.1", server_port)).unwrap();
        let (mut client_reads, mut server_writes) =
            (client.try_clone().unwrap(), server.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut client_reads, &mut server_writes));
        let mut buffer = [0; 4096];
        let mut replies_220 = 0;
        while let Ok(read @ 1..) = server.read(&mut buffer) {
            let mut bytes = buffer[..read].to_vec();
            replies_220 += usize::from(bytes.starts_with(b"220 "));
            if replies_220 == 2 && bytes.starts_with(b"220 ") {
                bytes.extend(replies.as_bytes());
            }
            if client.write_all(&bytes).is_err() {
                break;
            }
        }
    });
    port
}

/// Replies that were slipped in before TLS (CVE-2021-33515 and its kind) must not pass for the server's.
#[tokio::test]
async fn replies_from_before_tls_make_no_delivery() {
    for replies in [
        "250-evil\r\n250 SIZE 1000000\r\n",
        "250-no end of line",
        "250 evil\r\n250 sender\r\n250 recipient\r\n354 go\r\n250 taken\r\n",
    ] {
        let server = MailServer::start(MailTls::StartTls, None);
        let port = Some(injecting_proxy(server.port(), replies));
        let reason = reason(&SmtpSettings { port, ..settings_for(&server, SmtpSecurity::StartTls) }).await;
        assert!(reason.starts_with("STARTTLS: Connection error"), "{reason}");
        assert!(server.mails().is_empty());
    }
}

#[tokio::test]
async fn replies_decide_whether_to_try_again() {
    let server = MailServer::start(MailTls::None, None);
    let smtp = smtp(&settings_for(&server, SmtpSecurity::None));
    for (reply, outcome) in [
        ("450 4.2.1 <ann@example.com> busy", Failure::later("the mail: the mail server said 450 4.2.1")),
        ("452 full", Failure::later("the mail: the mail server said 452")),
        ("550 5.7.1 ann@example.com is spam", Failure::never("the mail: the mail server said 550 5.7.1")),
        ("554 no", Failure::never("the mail: the mail server said 554")),
        ("530 5.7.0 sign in", Failure::later("the mail: the mail server said 530 5.7.0")),
    ] {
        server.refuse_with(Some(reply));
        assert_eq!(send(&smtp, 1).await, Err(outcome), "{reply}");
    }
    server.refuse_recipients_with("550 5.1.1 <ann@example.com>: unknown");
    assert_eq!(send(&smtp, 1).await, Err(Failure::never("RCPT: the mail server said 550 5.1.1")));
    server.refuse_recipients_with("450 4.1.1 later");
    assert_eq!(send(&smtp, 1).await, Err(Failure::later("RCPT: the mail server said 450 4.1.1")));
    server.refuse_with(None);
    send(&smtp, 1).await.unwrap();
    assert_eq!(server.mails().len(), 1);
}

#[tokio::test]
async fn a_connection_serves_many_mails_and_a_dead_one_is_replaced() {
    let server = MailServer::start(MailTls::Implicit, None);
    let smtp = smtp(&settings_for(&server, SmtpSecurity::Tls));
    for number in 0..3 {
        send(&smtp, number).await.unwrap();
    }
    let mails = server.await_mails(3);
    assert!(mails.iter().all(|mail| mail.client_port == mails[0].client_port));
    server.refuse_recipients_with("450 no");
    assert!(send(&smtp, 3).await.is_err());
    server.refuse_with(None);
    send(&smtp, 4).await.unwrap();
    assert_ne!(server.await_mails(4)[3].client_port, mails[0].client_port);
}

#[tokio::test]
async fn silence_ends_a_try_but_the_last_word_may_take_longer() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let quick = Duration::from_millis(300);
    let mut settings = SmtpSettings {
        host: "localhost".into(),
        port: Some(silent.local_addr().unwrap().port()),
        security: SmtpSecurity::None,
        timeout: quick,
        ..settings()
    };
    let watch = Stopwatch::start();
    assert!(reason(&settings).await.contains("too slow: no mail could be given"));
    assert!(watch.elapsed() >= quick && watch.elapsed() < quick * 20);

    let server = MailServer::start(MailTls::None, None);
    settings.port = Some(server.port());
    server.refuse_with(Some("slow 3600"));
    settings.timeout = Duration::from_secs(1);
    let watch = Stopwatch::start();
    assert!(reason(&settings).await.contains("too slow: the mail was given, but not acknowledged"));
    assert!(watch.elapsed() >= settings.timeout * LAST_WORD);
    server.refuse_with(Some("slow 1.5"));
    send(&smtp(&settings), 1).await.unwrap();
    assert_eq!(server.mails().len(), 1);
}

#[tokio::test]
async fn nobody_listening_is_said() {
    let closed = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let settings = SmtpSettings {
        host: "127.0.0.1".into(),
        port: Some(closed),
        security: SmtpSecurity::None,
        ..settings()
    };
    assert!(reason(&settings).await.contains("connecting: Connection error: Connection refused"));
}

/// What `doctor` says is what a mail would meet: nothing is good that could not be sent.
#[tokio::test]
async fn a_test_of_the_server_finds_what_would_stop_a_mail() {
    let patience = Duration::from_secs(20);
    let server = MailServer::start(MailTls::StartTls, Some(("user", "pass word")));
    let mut settings = settings_for(&server, SmtpSecurity::StartTls);
    settings.username = Some("user".into());
    settings.password = Some(Secret::new("pass word"));
    assert_eq!(test_mail_server(&settings, "accounts.example.org", patience).await, Ok(()));
    let wrong = SmtpSettings { password: Some(Secret::new("wrong")), ..settings.clone() };
    let found = test_mail_server(&wrong, "accounts.example.org", patience).await;
    assert_eq!(found, Err("AUTH: the mail server said 535 5.7.8".to_owned()));
    let untrusted = SmtpSettings { ca_file: None, ..settings.clone() };
    let found = test_mail_server(&untrusted, "accounts.example.org", patience).await;
    assert!(found.unwrap_err().starts_with("STARTTLS: "));
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = Some(silent.local_addr().unwrap().port());
    let silent = SmtpSettings { port, host: "127.0.0.1".into(), ..settings };
    let found = test_mail_server(&silent, "accounts.example.org", Duration::from_millis(50)).await;
    assert_eq!(found, Err("it does not answer in time".to_owned()));
    assert!(server.mails().is_empty());
}
