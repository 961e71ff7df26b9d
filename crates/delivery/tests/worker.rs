//! The worker on a real store, a mail server that others wrote and a gateway on a real socket.
//! The clock stands still, so that what is due is decided by the test alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use countersign_delivery::{DeliverySettings, SmsFormat, SmsSettings, SmtpSecurity, SmtpSettings, Worker};
use countersign_model::identifier::Identifier;
use countersign_model::keyring::MasterKey;
use countersign_model::message::{Channel, Message, MessageState, Template};
use countersign_model::random::Random;
use countersign_model::time::{Clock, Timestamp};
use countersign_ops::hasher::{Hasher, HasherSettings};
use countersign_ops::send_code::SendCode;
use countersign_ops::{CodeUse, Core, CoreParts, Settings, Source};
use countersign_store::{Database, Store};
use countersign_testkit::sms::Behaviour;
use countersign_testkit::{MailServer, MailTls, SmsGateway, scratch};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// As long as anything may take that should happen at once.
const PATIENCE: Duration = Duration::from_secs(60);

/// Longer than any test: what arrives in time was not found by looking around.
const HOUR: Duration = Duration::from_secs(3600);

async fn core() -> Arc<Core> {
    let file = scratch::directory("worker").join("store.db");
    let store = Store::open(&Database::parse(&format!("sqlite:{}", file.display())).unwrap()).await.unwrap();
    store.migrate(Some(Timestamp::from_micros(1))).await.unwrap();
    let random = Random::System;
    let hasher =
        HasherSettings { threads: NonZeroUsize::new(1), memory_kib: 64, ..HasherSettings::default() };
    let parts = CoreParts {
        store,
        clock: Clock::fixed(Timestamp::from_micros(1_500_000_000_000_000)),
        hasher: Hasher::new(hasher).unwrap(),
        master_key: MasterKey::draw(&random),
        random,
        settings: Settings::default(),
    };
    Arc::new(Core::open(parts).await.unwrap())
}

fn mail_to(server: &MailServer) -> DeliverySettings {
    let smtp = SmtpSettings {
        host: "127.0.0.1".into(),
        port: Some(server.port()),
        security: SmtpSecurity::None,
        from: "accounts@example.org".into(),
        ..SmtpSettings::default()
    };
    DeliverySettings { smtp: Some(smtp), poll: HOUR, ..DeliverySettings::default() }
}

fn sms_to(url: String) -> DeliverySettings {
    let sms = SmsSettings {
        url: Some(url),
        format: SmsFormat::Json,
        template: Some(r#"{"to":"{{to}}","text":"{{text}}"}"#.into()),
        ..SmsSettings::default()
    };
    DeliverySettings { sms: Some(sms), poll: HOUR, ..DeliverySettings::default() }
}

/// A worker that runs, and the way to stop it.
struct Running {
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

impl Running {
    fn start(core: &Arc<Core>, settings: &DeliverySettings) -> Running {
        let (stop, stopped) = oneshot::channel();
        let worker = Worker::new(settings, &core.settings.public_url).unwrap();
        let core = Arc::clone(core);
        let run = async move {
            worker
                .run(core, async {
                    let _ = stopped.await;
                })
                .await;
        };
        Running { stop, ended: tokio::spawn(run) }
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        timeout(PATIENCE, self.ended).await.expect("the worker stops").unwrap();
    }
}

async fn queue(core: &Core, target: Identifier) {
    let request =
        SendCode { target, template: Template::Login, code_use: CodeUse::Document, source: Source::Local };
    core.send_code(request).await.unwrap();
}

async fn queue_mail(core: &Core, number: usize) {
    queue(core, Identifier::email(&format!("person-{number}@example.com")).unwrap()).await;
}

async fn queue_sms(core: &Core, number: usize) {
    queue(core, Identifier::phone(&format!("+1888555{number:04}"), None).unwrap()).await;
}

/// All messages, once they are as wanted.
async fn await_messages(core: &Core, wanted: impl Fn(&[Message]) -> bool) -> Vec<Message> {
    let found = async {
        loop {
            let messages = core.list_messages(None).await.unwrap();
            if wanted(&messages) {
                return messages;
            }
            sleep(Duration::from_millis(5)).await;
        }
    };
    match timeout(PATIENCE, found).await {
        Ok(messages) => messages,
        Err(_) => panic!("not so: {:?}", core.list_messages(None).await),
    }
}

fn all(state: MessageState) -> impl Fn(&[Message]) -> bool {
    move |messages| messages.iter().all(|message| message.state == state)
}

/// The message of this channel: what was queued at one moment is listed in no particular order.
fn by(channel: Channel, messages: &[Message]) -> &Message {
    messages.iter().find(|message| message.channel == channel.into()).expect("a message of the channel")
}

/// Whether the outcome of a try of this message was this, and is noted: only then the next one may be due.
fn failed(place: usize, reason: &str) -> impl Fn(&[Message]) -> bool {
    move |messages| {
        messages
            .get(place)
            .and_then(|message| message.last_error.as_deref())
            .is_some_and(|said| said == reason)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_messages_leave_without_waiting_for_the_next_look() {
    let (server, core) = (MailServer::start(MailTls::None, None), core().await);
    for number in 0..30 {
        queue_mail(&core, number).await;
    }
    let running = Running::start(&core, &mail_to(&server));
    let messages = await_messages(&core, all(MessageState::Sent)).await;
    assert!(messages.iter().all(|message| message.contents.is_none() && message.attempts == 1));
    // The worker sleeps now, and is woken by the operation.
    queue_mail(&core, 30).await;
    await_messages(&core, all(MessageState::Sent)).await;
    assert_eq!(server.mails().len(), 31);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_send_nothing_twice() {
    let (server, core) = (MailServer::start(MailTls::None, None), core().await);
    for number in 0..60 {
        queue_mail(&core, number).await;
    }
    let workers = [Running::start(&core, &mail_to(&server)), Running::start(&core, &mail_to(&server))];
    await_messages(&core, all(MessageState::Sent)).await;
    let mut recipients: Vec<_> = server.mails().into_iter().map(|mail| mail.to).collect();
    recipients.sort();
    recipients.dedup();
    assert_eq!((recipients.len(), server.mails().len()), (60, 60));
    for worker in workers {
        worker.stop().await;
    }
}

/// Each try is refused in words of its own, so that a noted outcome is known from the one before it.
#[tokio::test(flavor = "multi_thread")]
async fn pauses_grow_until_a_message_is_given_up() {
    let (server, core) = (MailServer::start(MailTls::None, None), core().await);
    let minute = Duration::from_secs(60);
    let poll = Duration::from_millis(5);
    let settings = DeliverySettings { max_attempts: 3, first_retry: minute, poll, ..mail_to(&server) };
    let running = Running::start(&core, &settings);
    server.refuse_with(Some("451 4.3.0 later"));
    queue_mail(&core, 0).await;
    let first = "the mail: the mail server said 451 4.3.0";
    let messages = await_messages(&core, failed(0, first)).await;
    assert_eq!((messages[0].state, messages[0].attempts), (MessageState::Pending, 1));
    // Not due before 45 s: a mail that is queued in the meantime is tried, and this one is not.
    core.clock.advance(Duration::from_secs(44));
    queue_mail(&core, 1).await;
    let messages = await_messages(&core, failed(1, first)).await;
    assert_eq!(messages[0].attempts, 1);
    server.refuse_with(Some("452 4.3.1 later"));
    core.clock.advance(Duration::from_secs(75 - 44));
    let messages = await_messages(&core, failed(0, "the mail: the mail server said 452 4.3.1")).await;
    assert_eq!((messages[0].state, messages[0].attempts), (MessageState::Pending, 2));
    // Three times as long, so not before 135 s.
    core.clock.advance(Duration::from_secs(134));
    queue_mail(&core, 2).await;
    let messages = await_messages(&core, failed(2, "the mail: the mail server said 452 4.3.1")).await;
    assert_eq!(messages[0].attempts, 2);
    core.clock.advance(Duration::from_secs(225 - 134));
    let messages = await_messages(&core, |messages| messages[0].state == MessageState::Dead).await;
    assert_eq!(messages[0].attempts, 3);
    assert!(messages[0].contents.is_some(), "an operator can retry it");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_expired_is_not_sent() {
    let (server, core) = (MailServer::start(MailTls::None, None), core().await);
    queue_mail(&core, 0).await;
    core.clock.advance(core.settings.codes.verification);
    let running = Running::start(&core, &mail_to(&server));
    let messages = await_messages(&core, all(MessageState::Dead)).await;
    assert_eq!(messages[0].last_error.as_deref(), Some("expired"));
    assert!(server.mails().is_empty());
    running.stop().await;
}

/// R157, and the end of the server in the middle of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_provider_holds_up_neither_the_other_channel_nor_the_end() {
    let (server, gateway, core) = (MailServer::start(MailTls::None, None), SmsGateway::start(), core().await);
    server.refuse_with(Some("slow 3600"));
    let settings = DeliverySettings { sms: sms_to(gateway.url("/")).sms, ..mail_to(&server) };
    let running = Running::start(&core, &settings);
    for number in 0..10 {
        queue_mail(&core, number).await;
    }
    for number in 0..10 {
        queue_sms(&core, number).await;
    }
    let is_sms = |message: &&Message| message.channel == Channel::Sms.into();
    let messages = await_messages(&core, |messages| {
        messages.iter().filter(is_sms).all(|message| message.state == MessageState::Sent)
    })
    .await;
    assert_eq!(messages.iter().filter(is_sms).count(), 10);
    running.stop().await;
    let messages = core.list_messages(None).await.unwrap();
    assert_eq!(messages.iter().filter(|message| message.state == MessageState::Pending).count(), 10);
    // Their leases end, and the next worker sends them.
    server.refuse_with(None);
    core.clock.advance(Duration::from_secs(20 * 4 + 30));
    let running = Running::start(&core, &settings);
    await_messages(&core, all(MessageState::Sent)).await;
    // What the first worker had begun may have arrived as well.
    let recipients: BTreeSet<_> = server.mails().into_iter().flat_map(|mail| mail.to).collect();
    assert_eq!(recipients.len(), 10);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_without_a_provider_keeps_its_messages() {
    let (gateway, core) = (SmsGateway::start(), core().await);
    queue_mail(&core, 0).await;
    queue_sms(&core, 1).await;
    let running = Running::start(&core, &sms_to(gateway.url("/")));
    let sms_is_sent = |messages: &[Message]| by(Channel::Sms, messages).state == MessageState::Sent;
    let messages = await_messages(&core, sms_is_sent).await;
    let mail = by(Channel::Email, &messages);
    assert_eq!((mail.state, mail.attempts), (MessageState::Pending, 0));
    assert!(mail.contents.is_some());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_gateway_refuses_for_good_is_dead_at_once() {
    let (gateway, core) = (SmsGateway::start(), core().await);
    gateway.behave(Behaviour::Refuse(400));
    queue_sms(&core, 0).await;
    let running = Running::start(&core, &sms_to(gateway.url("/")));
    let messages = await_messages(&core, all(MessageState::Dead)).await;
    assert_eq!(
        (messages[0].attempts, messages[0].last_error.as_deref()),
        (1, Some("the SMS gateway said 400"))
    );
    // The operator sees to it, and it goes.
    gateway.behave(Behaviour::Accept);
    core.retry_message(messages[0].id).await.unwrap();
    queue_sms(&core, 1).await;
    await_messages(&core, all(MessageState::Sent)).await;
    running.stop().await;
}

/// Reads a request to its end: a connection that is closed before that may take the answer with it.
fn read_request(stream: &TcpStream) {
    let (mut reader, mut length) = (BufReader::new(stream), 0);
    for line in reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').unwrap_or_default();
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap();
        }
    }
    let _ = reader.read_exact(&mut vec![0; length]);
}

/// A gateway that asks for five minutes' rest gets them, though the first retry would be due after seconds.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_is_left_alone_for_as_long_as_it_says() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            read_request(&stream);
            let answer =
                "HTTP/1.1 503 Busy\r\nRetry-After: 300\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    let core = core().await;
    let settings = DeliverySettings { poll: Duration::from_millis(5), ..sms_to(url) };
    let running = Running::start(&core, &settings);
    queue_sms(&core, 0).await;
    let busy = "the SMS gateway said 503";
    await_messages(&core, failed(0, busy)).await;
    core.clock.advance(Duration::from_secs(299));
    queue_sms(&core, 1).await;
    let messages = await_messages(&core, failed(1, busy)).await;
    assert_eq!(messages[0].attempts, 1);
    core.clock.advance(Duration::from_secs(1));
    await_messages(&core, |messages| messages[0].attempts == 2).await;
    running.stop().await;
}
