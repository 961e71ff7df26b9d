//! How many messages are sent.

use std::time::{Duration, Instant};

use countersign_testkit::{Client, LineClient, source};
use serde_json::{Value, json};

use super::come_back;
use crate::case::{Case, on_both_engines, password};
use crate::{authd, authv1, line, ouser, rest};

on_both_engines! {
    an_address_gets_so_many_messages_and_no_more
    a_source_causes_so_many_messages_and_no_more
    a_hundred_sources_are_needed_to_use_up_the_messages_of_all
    a_registration_counts_for_each_message_that_it_causes
    a_source_makes_so_many_accounts_and_no_more
    a_source_asks_so_often_whether_a_name_is_taken_and_no_more
    the_whole_server_sends_so_many_messages_and_no_more
}

/// Whatever surface asks, however the address is written, whether or not it has an account (R026).
fn an_address_gets_so_many_messages_and_no_more(case: &Case) {
    let settings = "[limits]\nmessages_per_target_burst = 4\nmessages_per_target_interval = \"1h\"";
    let case = case.with_config(settings);
    let send = |email: &str| {
        let body = json!({ "identifier": email, "identifier_type": "email" });
        case.server().client().post_json("/send", &body)
    };
    let member = ouser::register(&case);
    send(&member.email).expect(202);
    authd::ask_for_reset(&case, &member.email).expect(204);
    send(&member.email.to_uppercase()).expect(202);
    come_back(&send(&member.email));
    come_back(&authd::ask_for_reset(&case, &member.email));
    assert_eq!(case.server().await_messages(&member.email, 4).len(), 4);

    let nobody = case.email();
    for _ in 0..4 {
        authd::ask_for_reset(&case, &nobody).expect(204);
    }
    come_back(&authd::ask_for_reset(&case, &nobody));
    send(&case.email()).expect(202);

    let phone = case.phone();
    let sms = |written: &str| {
        let body = json!({ "identifier": written, "identifier_type": "sms" });
        case.server().client().post_json("/send", &body)
    };
    let dashed = format!("{}-{}", &phone[..3], &phone[3..]);
    for written in [&phone, &dashed, &phone, &dashed] {
        sms(written).expect(202);
    }
    come_back(&sms(&phone));
    let who = line::Registration { phone, ..line::Registration::new(&case) };
    assert_eq!(case.line().ask(&who.request()), "nop unavailable");
}

fn a_source_causes_so_many_messages_and_no_more(case: &Case) {
    let settings = "[limits]\nmessages_per_source_burst = 5\nmessages_per_source_interval = \"1h\"";
    let case = case.with_config(settings);
    let http = case.server().client();
    let send = || {
        let body = json!({ "identifier": case.email(), "identifier_type": "email" });
        http.post_json("/send", &body)
    };
    for _ in 0..5 {
        send().expect(202);
    }
    come_back(&send());
    let body = json!({ "email": case.email(), "password": "Tr0mbone-another" });
    come_back(&http.post_json("/v1/requests/accounts", &body));
    let body = json!({ "identifier": case.email(), "identifier_type": "email" });
    case.server().client().post_json("/send", &body).expect(202);
}

/// Unless the operator has other wishes: the whole server sends 10000 at once and 10000 an hour, a source a hundredth.
fn a_hundred_sources_are_needed_to_use_up_the_messages_of_all(case: &Case) {
    let mut case = case.with_clock();
    let source = source::fresh();
    let sent = |case: &Case| {
        let http = Client::from_source(case.server().http_address(), source);
        let body = || json!({ "identifier": case.email(), "identifier_type": "email" });
        let answers = std::iter::repeat_with(|| http.post_json("/send", &body()));
        let started = Instant::now();
        let sent = answers.take_while(|response| response.status == 202).count() as u64;
        come_back(&http.post_json("/send", &body()));
        // What came back while they were sent.
        sent - (started.elapsed().as_secs() / 36).min(sent)
    };
    let at_once = sent(&case);
    assert!((99..=101).contains(&at_once), "{at_once}");
    case.server_mut().advance(Duration::from_secs(1800));
    let later = sent(&case);
    assert!((49..=51).contains(&later), "{later} in half an hour");
}

/// An SMS and a mail (002).
fn a_registration_counts_for_each_message_that_it_causes(case: &Case) {
    let settings = "[limits]\nmessages_per_source_burst = 4\nmessages_per_source_interval = \"1h\"";
    let case = case.with_config(settings);
    let mut line = case.line();
    for reply in ["ok", "ok", "nop unavailable"] {
        assert_eq!(line.ask(&line::Registration::with_email(&case).request()), reply);
    }
}

/// Where none costs a message (003, 004).
fn a_source_makes_so_many_accounts_and_no_more(case: &Case) {
    let settings = "[limits]\nregistrations_per_source_burst = 2\nregistrations_per_source_interval = \"1h\"";
    let case = case.with_config(settings);
    let rest = || case.post("/auth/register/", rest::registration(&case.email(), &password()));
    rest().expect(201);
    authv1::Member::register(&case);
    come_back(&rest());
    let elsewhere = rest::registration(&case.email(), &password());
    case.server().client().post_json("/auth/register/", &elsewhere).expect(201);
    ouser::register(&case);
}

/// R017: what tells whether a name is taken is counted before it tells.
fn a_source_asks_so_often_whether_a_name_is_taken_and_no_more(case: &Case) {
    let settings = "[limits]\nregistrations_per_source_burst = 2\nregistrations_per_source_interval = \"1h\"";
    let case = case.with_config(settings);
    let email = ouser::register(&case).email;
    let taken = line::Registration::new(&case).validated(&case);
    let asks = |path: &str, body: &Value, told: u16| {
        let http = Client::from_source(case.server().http_address(), source::fresh());
        let statuses: Vec<_> = (0..4).map(|_| http.post_json(path, body).status).collect();
        assert_eq!(statuses, [told, told, 429, 429], "{path}");
    };
    asks("/auth/register/", &rest::registration(&email, &password()), 400);
    asks("/v1/requests/accounts", &json!({ "email": email, "password": password() }), 400);
    let member = json!({ "username": taken.username, "email": case.email(), "password": password() });
    asks("/auth/v1/registermember", &member, 409);
    let mut stranger = LineClient::connect_from(source::fresh(), case.server().line_address());
    let request = line::Registration { username: taken.username, ..line::Registration::new(&case) }.request();
    let told = [(); 4].map(|()| stranger.ask(&request));
    assert_eq!(told, ["nop usernametaken", "nop usernametaken", "nop unavailable", "nop unavailable"]);
}

fn the_whole_server_sends_so_many_messages_and_no_more(case: &Case) {
    let case = case.with_config("[limits]\nmessages_per_hour = 6");
    let send = || {
        let body = json!({ "identifier": case.email(), "identifier_type": "email" });
        case.server().client().post_json("/send", &body)
    };
    let statuses: Vec<_> = (0..12).map(|_| send().status).collect();
    assert!(statuses.starts_with(&[202; 6]) && statuses.ends_with(&[429; 5]), "{statuses:?}");
}
