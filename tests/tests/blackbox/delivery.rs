//! Messages leave the outbox: to a mail server that others wrote, and to a gateway on a real socket.

use std::time::Duration;

use countersign_testkit::mail::Mail;
use countersign_testkit::sms::Behaviour;
use countersign_testkit::{Builder, MailServer, MailTls, Message, Server, SmsGateway, poll};
use serde_json::{Value, json};

use crate::case::{Case, on_both_engines, password};
use crate::ouser;
use crate::running::schema::sql;

on_both_engines! {
    a_mail_arrives_and_its_contents_are_gone
    links_of_all_documents_arrive
    an_sms_arrives_as_twilio_takes_it
    an_sms_arrives_as_json
    a_failed_message_is_tried_again
    a_hopeless_message_is_given_up_at_once
    dead_letters_wait_for_the_operator
    what_a_newer_node_writes_is_left_to_it
    sent_messages_can_be_purged
    without_a_provider_messages_stay
    a_restart_loses_nothing
    what_was_on_its_way_at_a_crash_is_sent_again
    a_hanging_mail_server_delays_no_request_and_no_sms
    a_code_that_has_expired_is_not_sent
    own_texts_are_used_and_wrong_ones_named
}

/// A server that sends its mail to `mail` and tries again quickly.
fn sending_to(mail: &MailServer) -> Builder {
    let delivery = "[delivery]\nfirst_retry = \"50ms\"\npoll = \"50ms\"\n";
    Server::builder().config(&mail.config()).config(delivery).env("SSL_CERT_FILE", mail.authority())
}

fn ask(case: &Case, identifier: &str, kind: &str) {
    case.post("/send", json!({"identifier": identifier, "identifier_type": kind})).expect(202);
}

/// The code in a text.
fn code_in(text: &str) -> String {
    let is_code = |word: &&str| {
        let groups: Vec<&str> = word.split('-').collect();
        groups.len() == 2
            && groups.iter().all(|g| g.len() == 5 && g.bytes().all(|b| b.is_ascii_alphanumeric()))
    };
    text.split_whitespace().find(is_code).unwrap_or_else(|| panic!("no code in {text}")).to_owned()
}

/// The outbox once its only message is in this state.
fn await_state(case: &Case, state: &str) -> Message {
    poll::until(&format!("a message that is {state}"), || {
        let messages = case.server().outbox();
        assert_eq!(messages.len(), 1, "{messages:?}");
        messages.into_iter().next().filter(|message| message.state == state)
    })
}

/// The outbox as an operator sees it, with ids.
fn listed(case: &Case) -> Vec<Value> {
    serde_json::from_str(&run(case, &["outbox", "list", "--json"])).expect("an array")
}

fn run(case: &Case, arguments: &[&str]) -> String {
    let done = case.server().command(arguments);
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{arguments:?}: {text}{}", String::from_utf8_lossy(&done.stderr));
    text
}

fn id_of(message: &Value) -> String {
    message["id"].as_str().map_or_else(|| message["id"].to_string(), str::to_owned)
}

fn message_id(mail: &Mail) -> String {
    mail.headers.iter().find(|(name, _)| name == "Message-ID").expect("a Message-ID").1.clone()
}

/// Over STARTTLS with a sign-in; then the outbox keeps that it was sent, and neither address nor code.
fn a_mail_arrives_and_its_contents_are_gone(case: &Case) {
    let mail = MailServer::start(MailTls::StartTls, Some(("countersign", "s3cret")));
    let case = case.with_own(sending_to(&mail));
    let email = case.email();
    ask(&case, &email, "email");
    let received = &mail.await_mails(1)[0];
    assert!(received.encrypted && received.authenticated);
    assert_eq!(received.to, std::slice::from_ref(&email));
    assert!(received.html.contains(&code_in(&received.text)));
    let message = await_state(&case, "sent");
    assert_eq!((message.to, message.code, message.link, message.attempts), (None, None, None, 1));
    ouser::redeem(&case, &code_in(&received.text), &password()).expect(201);
    assert!(!case.server().log().contains(&email), "the log names an address");
    assert!(!case.server().log().contains(&code_in(&received.text)), "the log holds a code");
}

/// What 001, 002 and 003 send holds a link to the configured URL.
fn links_of_all_documents_arrive(case: &Case) {
    let mail = MailServer::start(MailTls::Implicit, None);
    let wishes = sending_to(&mail).arg("--public-url").arg("http://127.0.0.1:9");
    let case = case.with_own(wishes);
    let body = json!({"email": case.email(), "password": password()});
    let host = case
        .http()
        .post("/v1/requests/accounts")
        .header("X-Forwarded-Host", "evil.example")
        .json(&body)
        .send();
    host.expect(201);
    let received = &mail.await_mails(1)[0];
    let link = "http://127.0.0.1:9/v1/requests/accounts/";
    assert!(received.text.contains(link), "{}", received.text);
    assert!(!received.text.contains("evil") && !received.html.contains("evil"));
    let member = json!({"email": case.email(), "password": password(), "username": case.username()});
    case.post("/auth/v1/registermember", member.clone()).expect(200);
    case.post("/auth/v1/passwordreset", json!({"email": member["email"]})).expect(200);
    let reset = poll::until("the mail with the reset link", || {
        mail.mails().into_iter().find(|mail| mail.text.contains("http://127.0.0.1:9/reset-password/"))
    });
    assert_eq!(reset.to, [member["email"].as_str().expect("text").to_owned()]);
}

fn an_sms_arrives_as_twilio_takes_it(case: &Case) {
    let gateway = SmsGateway::start();
    let case = case.with_config(&format!(
        "[sms]\nurl = \"{}\"\naccount_sid = \"AC1\"\nauth_token = \"t0ken\"\nfrom = \"+15005550006\"",
        gateway.url("/Messages.json")
    ));
    let phone = case.phone();
    ask(&case, &phone, "sms");
    let delivery = &gateway.await_deliveries(1)[0];
    let form = delivery.form();
    let field = |name: &str| form.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
    assert_eq!((field("To"), field("From")), (Some(phone.as_str()), Some("+15005550006")));
    assert!(delivery.header("authorization").is_some_and(|value| value.starts_with("Basic ")));
    let code = code_in(field("Body").expect("a body"));
    ouser::redeem(&case, &code, &password()).expect(201);
    assert!(!case.server().log().contains("t0ken"), "the log holds a secret");
}

fn an_sms_arrives_as_json(case: &Case) {
    let gateway = SmsGateway::start();
    let case = case.with_config(&format!(
        "[sms]\nurl = \"{}\"\nformat = \"json\"\ntemplate = '{{\"to\":\"{{{{to}}}}\",\"m\":[\"{{{{text}}}}\"]}}'\n\
         headers = {{ \"X-Api-Key\" = \"k3y\" }}",
        gateway.url("/")
    ));
    let phone = case.phone();
    ask(&case, &phone, "sms");
    let delivery = &gateway.await_deliveries(1)[0];
    let body: Value = serde_json::from_str(&delivery.body).expect("JSON");
    assert_eq!((body["to"].as_str(), delivery.header("x-api-key")), (Some(phone.as_str()), Some("k3y")));
    ouser::redeem(&case, &code_in(body["m"][0].as_str().expect("text")), &password()).expect(201);
}

fn a_failed_message_is_tried_again(case: &Case) {
    let mail = MailServer::start(MailTls::None, None);
    mail.refuse_with(Some("451 4.3.0 try later"));
    let case = case.with_own(sending_to(&mail));
    ask(&case, &case.email(), "email");
    poll::until("a second try", || case.server().outbox().iter().any(|m| m.attempts >= 2).then_some(()));
    assert!(mail.mails().is_empty());
    mail.refuse_with(None);
    let received = &mail.await_mails(1)[0];
    await_state(&case, "sent");
    assert_eq!(mail.mails().len(), 1, "one message, one mail");
    ouser::redeem(&case, &code_in(&received.text), &password()).expect(201);
}

fn a_hopeless_message_is_given_up_at_once(case: &Case) {
    let mail = MailServer::start(MailTls::None, None);
    mail.refuse_recipients_with("550 5.1.1 nobody here");
    let case = case.with_own(sending_to(&mail));
    ask(&case, &case.email(), "email");
    assert_eq!(await_state(&case, "dead").attempts, 1);
}

fn dead_letters_wait_for_the_operator(case: &Case) {
    let mail = MailServer::start(MailTls::None, None);
    mail.refuse_with(Some("451 4.3.0 try later"));
    let delivery = "[delivery]\nmax_attempts = 2\nfirst_retry = \"20ms\"\npoll = \"20ms\"\n";
    let case = case.with_own(Server::builder().config(&mail.config()).config(delivery));
    let email = case.email();
    ask(&case, &email, "email");
    let dead = await_state(&case, "dead");
    assert_eq!((dead.attempts, dead.to.as_deref()), (2, Some(email.as_str())));
    let id = id_of(&listed(&case)[0]);
    let shown = run(&case, &["outbox", "show", &id]);
    assert!(shown.contains(&email) && shown.contains("451 4.3.0"), "{shown}");
    mail.refuse_with(None);
    run(&case, &["outbox", "retry", &id]);
    let received = &mail.await_mails(1)[0];
    assert_eq!(code_in(&received.text), dead.code());
    await_state(&case, "sent");
    let again = case.server().command(&["outbox", "retry", &id]);
    assert!(!again.status.success(), "what was sent is not sent again");
}

/// Nodes of two versions share a database until the last is replaced: texts, channels and keys that only the later one
/// knows stop nothing here, and stay as they are.
fn what_a_newer_node_writes_is_left_to_it(case: &Case) {
    let mail = MailServer::start(MailTls::None, None);
    let mut case = case.with_own(sending_to(&mail));
    case.server_mut().kill();
    let write = |statement: &str| sql(case.engine(), case.server().database_url(), statement);
    for (id, channel, template) in [(1, 1, 99), (2, 99, 1)] {
        write(&format!(
            "INSERT INTO outbox (id, channel, template, queued_at, due_at, state, attempts) \
             VALUES ({id}, {channel}, {template}, 1, 1, 1, 0)"
        ));
    }
    let columns = "state, created_at, jwk, private, changed_at";
    for (kid, purpose, algorithm) in [("newer-1", "purpose", "99"), ("newer-2", "99", "algorithm")] {
        write(&format!(
            "INSERT INTO signing_keys (kid, purpose, algorithm, {columns}) \
             SELECT '{kid}', {purpose}, {algorithm}, {columns} FROM signing_keys LIMIT 1"
        ));
    }
    case.server_mut().launch();
    ask(&case, &case.email(), "email");
    mail.await_mails(1);
    // By now the others were passed over.
    let all = listed(&case);
    let untouched: Vec<_> = all.iter().filter(|message| message["state"] == "pending").collect();
    assert_eq!(untouched.len(), 2, "{all:?}");
    assert!(untouched.iter().all(|message| message["attempts"] == 0), "{untouched:?}");
    assert_eq!(
        (&untouched[0]["channel"], &untouched[0]["template"]),
        (&json!("email"), &json!("unknown (99)"))
    );
    assert_eq!(untouched[1]["channel"], "unknown (99)");
    assert!(run(&case, &["outbox", "list"]).contains("unknown (99)"));
    assert!(run(&case, &["outbox", "show", "2"]).contains("unknown (99)"));
    assert!(!run(&case, &["keys", "list"]).contains("newer"));
    let doctor = case.server().command(&["doctor"]);
    assert!(!String::from_utf8_lossy(&doctor.stdout).contains("fault"), "{doctor:?}");
}

fn sent_messages_can_be_purged(case: &Case) {
    let mail = MailServer::start(MailTls::None, None);
    let case = case.with_own(sending_to(&mail));
    ask(&case, &case.email(), "email");
    await_state(&case, "sent");
    mail.refuse_recipients_with("550 no");
    ask(&case, &case.email(), "email");
    poll::until("a dead letter", || {
        case.server().outbox().iter().any(|message| message.state == "dead").then_some(())
    });
    run(&case, &["outbox", "purge", "--state", "sent"]);
    assert_eq!(await_state(&case, "dead").state, "dead");
}

fn without_a_provider_messages_stay(case: &Case) {
    let gateway = SmsGateway::start();
    let mut case = case.with_config(&format!(
        "[sms]\nurl = \"{}\"\naccount_sid = \"AC1\"\nauth_token = \"t\"\nfrom = \"+1\"\n[delivery]\npoll = \"20ms\"",
        gateway.url("/")
    ));
    let email = case.email();
    ask(&case, &email, "email");
    // The worker runs and has looked at the outbox: it takes the other channel's message.
    ask(&case, &case.phone(), "sms");
    gateway.await_deliveries(1);
    case.server_mut().restart();
    let waiting = case.server().latest_to(&email);
    assert_eq!((waiting.state.as_str(), waiting.attempts), ("pending", 0));
    ouser::redeem(&case, &waiting.code(), &password()).expect(201);
}

fn a_restart_loses_nothing(case: &Case) {
    let mail = MailServer::start(MailTls::None, None);
    mail.refuse_with(Some("421 4.3.2 closing"));
    // A message that was on its way at the kill goes again when its lease is over: four of these and half a minute.
    let mut case = case.with_own(sending_to(&mail).env("COUNTERSIGN_SMTP_TIMEOUT", "1s"));
    for _ in 0..5 {
        ask(&case, &case.email(), "email");
    }
    case.server_mut().restart();
    case.server_mut().kill();
    mail.refuse_with(None);
    case.server_mut().launch();
    let mut recipients: Vec<Vec<String>> = mail.await_mails(5).into_iter().map(|mail| mail.to).collect();
    recipients.sort();
    recipients.dedup();
    assert_eq!(recipients.len(), 5);
}

/// At least once: nobody can know whether a mail had been taken when the server died, so it goes again, under the
/// same id.
fn what_was_on_its_way_at_a_crash_is_sent_again(case: &Case) {
    let mail = MailServer::start(MailTls::None, None);
    let mut case = case.with_own(sending_to(&mail).fake_clock());
    ask(&case, &case.email(), "email");
    let first = message_id(&mail.await_mails(1)[0]);
    await_state(&case, "sent");
    mail.refuse_with(Some("slow 3600"));
    let email = case.email();
    ask(&case, &email, "email");
    poll::until("a try", || {
        case.server().outbox().iter().any(|m| m.state == "pending" && m.attempts == 1).then_some(())
    });
    case.server_mut().kill();
    mail.refuse_with(None);
    case.server_mut().advance(Duration::from_secs(300));
    case.server_mut().launch();
    let second = &mail.await_mails(2)[1];
    assert_eq!(second.to, [email]);
    assert_ne!(message_id(second), first);
}

/// R157: requests are answered and SMS arrive while the mail server takes an hour over each mail.
fn a_hanging_mail_server_delays_no_request_and_no_sms(case: &Case) {
    let mail = MailServer::start(MailTls::None, None);
    mail.refuse_with(Some("slow 3600"));
    let gateway = SmsGateway::start();
    gateway.behave(Behaviour::Accept);
    let sms = format!(
        "[sms]\nurl = \"{}\"\naccount_sid = \"AC1\"\nauth_token = \"t\"\nfrom = \"+1\"",
        gateway.url("/")
    );
    let case = case.with_own(sending_to(&mail).config(&sms));
    for _ in 0..20 {
        ask(&case, &case.email(), "email");
    }
    for count in 1..=12 {
        ask(&case, &case.phone(), "sms");
        gateway.await_deliveries(count);
    }
    assert!(mail.mails().is_empty());
    let mut case = case;
    let ended = case.server_mut().terminate(Duration::from_secs(10));
    assert!(ended.is_some_and(|status| status.success()), "it stops within 10 s all the same");
}

fn a_code_that_has_expired_is_not_sent(case: &Case) {
    let mail = MailServer::start(MailTls::None, None);
    mail.refuse_with(Some("451 later"));
    // So long a pause that no try is under way when the clock jumps.
    let patient = "[delivery]\nfirst_retry = \"1m\"\npoll = \"50ms\"";
    let mut case = case.with_own(Server::builder().config(&mail.config()).config(patient).fake_clock());
    ask(&case, &case.email(), "email");
    let id = id_of(&listed(&case)[0]);
    // The try is counted before it is made: what is awaited is that it was refused.
    poll::until("a refusal", || run(&case, &["outbox", "show", &id]).contains("451").then_some(()));
    case.server_mut().advance(Duration::from_secs(3 * 3600));
    mail.refuse_with(None);
    await_state(&case, "dead");
    assert!(mail.mails().is_empty());
    assert!(run(&case, &["outbox", "show", &id]).contains("expired"));
}

fn own_texts_are_used_and_wrong_ones_named(case: &Case) {
    let folder = countersign_testkit::scratch::directory("templates");
    std::fs::write(folder.join("login.subject.txt"), "Hi from {{ site }}").expect("a file of our own");
    std::fs::write(folder.join("login.txt"), "Code {{ code }}").expect("a file of our own");
    let mail = MailServer::start(MailTls::None, None);
    let own = format!("[delivery]\ntemplates_dir = \"{}\"", folder.display());
    let mut case = case.with_own(Server::builder().config(&mail.config()).config(&own));
    let body = json!({"identifier": case.email(), "identifier_type": "email", "message": "login"});
    case.post("/send", body).expect(202);
    let received = &mail.await_mails(1)[0];
    assert_eq!(received.subject, "Hi from 127.0.0.1");
    assert_eq!(received.text.trim(), format!("Code {}", code_in(&received.text)));
    std::fs::write(folder.join("login.txt"), "Hello\n{{ kode }}").expect("a file of our own");
    case.server_mut().kill();
    assert!(case.server_mut().try_launch().is_err());
    let log = case.server().log();
    assert!(log.contains("login.txt:2: there is no variable `kode` here"), "{log}");
}
