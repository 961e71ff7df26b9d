//! Clients hear of it when somebody's session ends (OpenID Connect Back-Channel Logout).

use std::time::Duration;

use countersign_testkit::sms::{Behaviour, Delivery};
use countersign_testkit::{Builder, Server, SmsGateway as Listener, poll};
use serde_json::{Value, json};

use super::browser::Browser;
use super::keys::verifies;
use super::provider::{Provider, RegisteredClient, SCOPE, User, decoded};
use crate::case::{Case, on_both_engines, password};
use crate::ouser;

on_both_engines! {
    a_client_hears_of_every_end
    a_client_hears_when_its_browser_signs_out_and_keeps_its_grant
    a_client_does_not_hear_of_what_it_did_itself
    a_logout_token_is_signed_for_its_client
    a_logout_token_opens_nothing
    a_client_that_fails_is_told_again
    a_client_that_refuses_is_not_told_again
    a_log_out_is_told_after_a_crash
    a_log_out_is_told_at_once
    no_private_address_is_told
    a_slow_client_delays_nobody
    slow_strangers_delay_no_client_of_an_operator
    who_registered_no_address_hears_nothing
}

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// A server that tells clients on this machine, and tries again quickly.
fn telling() -> Builder {
    let settings =
        "[oauth]\nfetch_allowed = ['127.0.0.0/8']\n[delivery]\nfirst_retry = \"50ms\"\npoll = \"50ms\"\n";
    Server::builder().config(settings)
}

/// A client that hears of log-outs, with what else is said of it. Its grants end with the browser's session.
fn listening(provider: &Provider<'_>, listener: &Listener, more: Value) -> RegisteredClient {
    let mut metadata = json!({
        "backchannel_logout_uri": listener.url("/logout"), "scope": "openid profile", "first_party": true,
    });
    for (name, value) in more.as_object().unwrap() {
        metadata[name] = value.clone();
    }
    provider.client(metadata)
}

/// Somebody who is signed in at a client.
struct SignedIn {
    user: User,
    browser: Browser,
    tokens: Value,
}

impl SignedIn {
    fn new(provider: &Provider<'_>, client: &RegisteredClient) -> SignedIn {
        let (user, mut browser) = (provider.user(), provider.browser());
        let granted = provider.grant_in(&mut browser, &provider.ask(client), &user);
        let tokens = provider.redeem(client, &granted).expect(200).json();
        SignedIn { user, browser, tokens }
    }

    fn token(&self, name: &str) -> &str {
        self.tokens[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", self.tokens))
    }

    fn sid(&self) -> Value {
        decoded(self.token("id_token")).1["sid"].clone()
    }

    fn sign_out(&mut self) {
        self.browser.open("/oauth2/logout").submit(&[("decision", "sign_out")]);
    }
}

fn logout_token(delivery: &Delivery) -> String {
    assert_eq!((delivery.method.as_str(), delivery.target.as_str()), ("POST", "/logout"));
    assert_eq!(delivery.header("content-type"), Some("application/x-www-form-urlencoded"));
    match &delivery.form()[..] {
        [(name, token)] if name == "logout_token" => token.clone(),
        other => panic!("{other:?}"),
    }
}

/// The claims of the tokens that have arrived, once there are so many.
fn heard(listener: &Listener, count: usize) -> Vec<Value> {
    let all = listener.await_deliveries(count);
    all.iter().map(|delivery| decoded(&logout_token(delivery)).1).collect()
}

/// What clients have not heard of.
fn waiting(case: &Case) -> Vec<Value> {
    let listed = Provider::new(case).command(&["outbox", "logouts", "--json"]);
    listed.as_array().expect("an array").clone()
}

/// Clients have heard of everything.
fn all_is_told(case: &Case) {
    poll::until("clients have heard of everything", || waiting(case).is_empty().then_some(()));
}

fn reset(case: &Case, user: &User) {
    let send = json!({"identifier": user.email, "identifier_type": "email", "message": "reset_password"});
    case.post("/send", send).expect(202);
    let code = case.server().latest_to(&user.email).code().to_owned();
    case.post("/reset_password", json!({"verification_code": code, "password": password()})).expect(204);
}

/// Nobody waits for the next look at what is due.
fn a_log_out_is_told_at_once(case: &Case) {
    let settings = "[oauth]\nfetch_allowed = ['127.0.0.0/8']\n[delivery]\npoll = \"1h\"\n";
    let case = &case.with_own(Server::builder().config(settings));
    let provider = Provider::new(case);
    let listener = Listener::start();
    let client = listening(&provider, &listener, json!({"first_party": false}));
    let signed_in = || SignedIn::new(&provider, &client);
    let (mut one, mut all, mut session, mut withdrawn) = (signed_in(), signed_in(), signed_in(), signed_in());
    one.sign_out();
    heard(&listener, 1);
    all.browser.open("/account").submit(&[("action", "sign_out_everywhere")]);
    heard(&listener, 2);
    withdrawn.browser.open("/account").submit(&[("action", "withdraw")]);
    heard(&listener, 3);
    let sid = session.sid();
    let sid = sid.as_str().expect("a session's id");
    session.browser.open("/account").submit(&[("session", sid), ("action", "end_session")]);
    heard(&listener, 4);
}

/// R114: one token for each end of a session, whoever ended it and wherever.
fn a_client_hears_of_every_end(case: &Case) {
    let case = &case.with_own(telling());
    let provider = Provider::new(case);
    let account = |verb: &[&str], user: &User| {
        let mut words = vec!["account"];
        words.extend([&[verb[0], user.email.as_str()], &verb[1..]].concat());
        let done = case.server().command(&words);
        assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
    };
    let ouser_session = |user: &User| {
        let body = json!({"identifier": user.email, "identifier_type": "email", "password": user.password});
        case.post("/login", body).expect(200).string("session_token")
    };
    let file = countersign_testkit::scratch::directory("password").join("password");
    std::fs::write(&file, password()).unwrap();
    let file = file.display().to_string();
    type End<'a> = &'a dyn Fn(&mut SignedIn);
    let ends: [(&str, End<'_>); 11] = [
        ("the application asks", &|one| one.sign_out()),
        ("signed out on the account's page", &|one| {
            one.browser.open("/account").submit(&[("action", "sign_out")]);
        }),
        ("signed out everywhere", &|one| {
            one.browser.open("/account").submit(&[("action", "sign_out_everywhere")]);
        }),
        ("a log-out of all by another surface", &|one| {
            let token = ouser_session(&one.user);
            case.post("/logout", json!({"session_token": token, "all": true})).expect(204);
        }),
        ("the password is changed", &|one| {
            let token = ouser_session(&one.user);
            ouser::change(case, &token, &one.user.password, &password()).expect(204);
        }),
        ("the password is reset", &|one| reset(case, &one.user)),
        ("an operator sets a password", &|one| {
            account(&["set-password", "--password-file", &file], &one.user)
        }),
        ("an operator ends the sessions", &|one| account(&["sessions", "--end-all"], &one.user)),
        ("an operator ends the session", &|one| {
            account(&["sessions", "--end", one.sid().as_str().unwrap()], &one.user);
        }),
        ("the account is suspended", &|one| account(&["suspend"], &one.user)),
        ("the account is closed", &|one| account(&["close"], &one.user)),
    ];
    for (cause, end) in ends {
        let listener = Listener::start();
        let client = listening(&provider, &listener, json!({}));
        let (mut one, other) = (SignedIn::new(&provider, &client), SignedIn::new(&provider, &client));
        end(&mut one);
        let told = heard(&listener, 1);
        assert_eq!(told[0]["sid"], one.sid(), "{cause}");
        assert!(!provider.is_active(&client, one.token("refresh_token")), "{cause}");
        assert!(provider.is_active(&client, other.token("refresh_token")), "{cause}: another's");
        all_is_told(case);
        assert_eq!(listener.deliveries().len(), 1, "{cause}: once, and of nobody else");
    }
    // What is stolen ends, too.
    let listener = Listener::start();
    let client = listening(&provider, &listener, json!({}));
    let (user, asked) = (provider.user(), provider.ask(&client));
    let granted = provider.grant_in(&mut provider.browser(), &asked, &user);
    provider.redeem(&client, &granted).expect(200);
    provider.redeem(&client, &granted).expect(400);
    heard(&listener, 1);
    // A consent that is taken back.
    let client = listening(&provider, &listener, json!({"first_party": false}));
    let mut one = SignedIn::new(&provider, &client);
    one.browser.open("/account").submit(&[("action", "withdraw")]);
    assert_eq!(heard(&listener, 2)[1]["sid"], one.sid());
    assert_eq!(case.server().outbox().iter().filter(|message| message.state == "dead").count(), 0);
}

/// Back-Channel Logout §2.7: with `offline_access` tokens live on, and who was signed in is not any more.
fn a_client_hears_when_its_browser_signs_out_and_keeps_its_grant(case: &Case) {
    let case = &case.with_own(telling());
    let provider = Provider::new(case);
    let listener = Listener::start();
    let client = listening(&provider, &listener, json!({"scope": SCOPE}));
    let mut one = SignedIn::new(&provider, &client);
    one.sign_out();
    assert_eq!(heard(&listener, 1)[0]["sid"], one.sid());
    assert!(provider.is_active(&client, one.token("refresh_token")));
    all_is_told(case);
    // And of the end of the grant itself.
    provider.command(&["account", "suspend", &one.user.email, "--json"]);
    assert_eq!(heard(&listener, 2)[1]["sid"], one.sid());
}

fn a_client_does_not_hear_of_what_it_did_itself(case: &Case) {
    let case = &case.with_own(telling());
    let provider = Provider::new(case);
    let listener = Listener::start();
    let client = listening(&provider, &listener, json!({}));
    let (one, mut other) = (SignedIn::new(&provider, &client), SignedIn::new(&provider, &client));
    provider.revoke(&client, one.token("refresh_token")).expect(200);
    assert!(!provider.is_active(&client, one.token("refresh_token")));
    other.sign_out();
    assert_eq!(heard(&listener, 1)[0]["sid"], other.sid());
    all_is_told(case);
    assert_eq!(listener.deliveries().len(), 1);
}

fn a_logout_token_is_signed_for_its_client(case: &Case) {
    let case = &case.with_own(telling());
    let provider = Provider::new(case);
    for (algorithm, subject_type) in [("ES256", "public"), ("RS256", "pairwise"), ("EdDSA", "pairwise")] {
        let listener = Listener::start();
        let client = listening(
            &provider,
            &listener,
            json!({"id_token_signed_response_alg": algorithm, "subject_type": subject_type}),
        );
        let mut one = SignedIn::new(&provider, &client);
        one.sign_out();
        let token = logout_token(&listener.await_deliveries(1)[0]);
        assert!(verifies(case, &token), "{algorithm}");
        let (header, claims) = decoded(&token);
        assert_eq!((&header["typ"], &header["alg"]), (&json!("logout+jwt"), &json!(algorithm)));
        let id_token = decoded(one.token("id_token")).1;
        // §2.4: no nonce, and nothing else.
        let mut names: Vec<_> = claims.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["aud", "events", "exp", "iat", "iss", "jti", "sid", "sub"]);
        for name in ["iss", "sub", "sid"] {
            assert_eq!(claims[name], id_token[name], "{name}");
        }
        assert_eq!(claims["aud"], client.id.as_str());
        assert_eq!(claims["events"], json!({ EVENT: {} }));
        let lifetime = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
        assert!((1..=120).contains(&lifetime), "{lifetime} s");
        assert!(claims["jti"].as_str().unwrap().len() >= 20);
    }
    let told = case.get("/.well-known/openid-configuration").expect(200).json();
    assert_eq!(told["backchannel_logout_supported"], true);
    assert_eq!(told["backchannel_logout_session_supported"], true);
}

/// R078: it stands for nothing else.
fn a_logout_token_opens_nothing(case: &Case) {
    let case = &case.with_own(telling());
    let provider = Provider::new(case);
    let listener = Listener::start();
    let client = listening(&provider, &listener, json!({"access_token_format": "jwt"}));
    SignedIn::new(&provider, &client).sign_out();
    let token = logout_token(&listener.await_deliveries(1)[0]);
    provider.userinfo(&token).expect(401);
    assert!(!provider.is_active(&client, &token));
    provider.refresh(&client, &token).expect(400);
    case.get(&format!("/oauth2/logout?id_token_hint={token}")).expect(400);
    let hinted = provider.ask(&client).with("id_token_hint", &token);
    assert_eq!(provider.browser().open(&hinted.target()).answer().error(), Some("invalid_request"));
}

fn a_client_that_fails_is_told_again(case: &Case) {
    let case = &case.with_own(telling());
    let provider = Provider::new(case);
    let listener = Listener::start();
    let client = listening(&provider, &listener, json!({}));
    for behaviour in [Behaviour::Refuse(500), Behaviour::Refuse(302), Behaviour::HangUp, Behaviour::Garbage] {
        let before = listener.deliveries().len();
        listener.behave(behaviour.clone());
        let mut one = SignedIn::new(&provider, &client);
        one.sign_out();
        listener.await_deliveries(before + 2);
        let listed = waiting(case);
        assert_eq!(listed.len(), 1, "{behaviour:?}: {listed:?}");
        assert_eq!((&listed[0]["state"], &listed[0]["client_id"]), (&json!("pending"), &json!(client.id)));
        listener.behave(Behaviour::Accept);
        all_is_told(case);
        let tokens: Vec<_> = listener.deliveries()[before..].iter().map(logout_token).collect();
        let ids: Vec<_> = tokens.iter().map(|token| decoded(token).1["jti"].clone()).collect();
        assert!(tokens.iter().all(|token| decoded(token).1["sid"] == one.sid()), "{behaviour:?}");
        assert!(ids.iter().enumerate().all(|(n, id)| !ids[..n].contains(id)), "each try has its own id");
    }
}

fn a_client_that_refuses_is_not_told_again(case: &Case) {
    let case = &case.with_own(telling());
    let provider = Provider::new(case);
    let listener = Listener::start();
    let client = listening(&provider, &listener, json!({}));
    listener.behave(Behaviour::Refuse(400));
    let mut one = SignedIn::new(&provider, &client);
    one.sign_out();
    let given_up =
        poll::until("it is given up", || waiting(case).into_iter().find(|logout| logout["state"] == "dead"));
    assert_eq!(given_up["attempts"], 1);
    assert_eq!(given_up["sid"], one.sid());
    assert!(given_up["last_error"].as_str().unwrap().contains("400"), "{given_up}");
    assert!(case.server().log().contains("given up"), "the log tells");
    // The next log-out is told, and the first one when an operator says so.
    listener.behave(Behaviour::Accept);
    SignedIn::new(&provider, &client).sign_out();
    listener.await_deliveries(2);
    let retried = case.server().command(&["outbox", "logouts", "--retry"]);
    assert_eq!(String::from_utf8_lossy(&retried.stdout), "1 log-out to be tried again\n");
    assert_eq!(heard(&listener, 3)[2]["sid"], one.sid());
    all_is_told(case);
    // The list of messages is as it was.
    let messages = provider.command(&["outbox", "list", "--json"]);
    assert!(messages.as_array().unwrap().iter().all(|message| message["template"].is_string()));
}

fn a_log_out_is_told_after_a_crash(case: &Case) {
    let listener = Listener::start();
    let mut case = case.with_own(telling().fake_clock());
    listener.behave(Behaviour::Slow(Duration::from_secs(3600)));
    let sids = {
        let provider = Provider::new(&case);
        let client = listening(&provider, &listener, json!({}));
        let (mut one, other) = (SignedIn::new(&provider, &client), SignedIn::new(&provider, &client));
        one.sign_out();
        // On its way.
        listener.await_deliveries(1);
        let sids = [one.sid(), other.sid()];
        case.server_mut().kill();
        // By the command line, while no server runs.
        let ended = case.server().command(&["account", "suspend", &other.user.email]);
        assert!(ended.status.success());
        sids
    };
    listener.behave(Behaviour::Accept);
    case.server_mut().advance(Duration::from_secs(300));
    case.server_mut().launch();
    let told = heard(&listener, 3);
    for sid in sids {
        assert!(told[1..].iter().any(|claims| claims["sid"] == sid), "{told:?}");
    }
    all_is_told(&case);
}

/// R131: who registers a client does not reach what this machine reaches.
fn no_private_address_is_told(case: &Case) {
    let case = &case.with_config("[delivery]\nfirst_retry = \"50ms\"\npoll = \"50ms\"\n");
    let provider = Provider::new(case);
    let listener = Listener::start();
    let port = listener.url("").rsplit(':').next().unwrap().to_owned();
    for host in ["http://127.0.0.1", "http://[::1]", "https://localhost", "https://127.0.0.1"] {
        let uri = format!("{host}:{port}/logout");
        let client = listening(&provider, &listener, json!({ "backchannel_logout_uri": uri }));
        SignedIn::new(&provider, &client).sign_out();
        let given_up = poll::until(&format!("{host} is given up"), || {
            waiting(case)
                .into_iter()
                .find(|logout| logout["client_id"] == client.id.as_str() && logout["state"] == "dead")
        });
        assert_eq!(
            given_up["last_error"], "its address is private, and not in oauth.fetch_allowed",
            "{host}"
        );
    }
    assert!(listener.deliveries().is_empty());
}

/// R157: requests are answered and others hear while a client takes an hour for each answer.
fn a_slow_client_delays_nobody(case: &Case) {
    let case = &case.with_own(telling());
    let provider = Provider::new(case);
    let (slow, quick) = (Listener::start(), Listener::start());
    slow.behave(Behaviour::Slow(Duration::from_secs(3600)));
    let client = listening(&provider, &slow, json!({}));
    let (user, mut browser) = (provider.user(), provider.browser());
    for _ in 0..40 {
        let granted = provider.grant_in(&mut browser, &provider.ask(&client), &user);
        provider.redeem(&client, &granted).expect(200);
    }
    browser.open("/oauth2/logout").submit(&[("decision", "sign_out")]);
    slow.await_deliveries(1);
    let client = listening(&provider, &quick, json!({}));
    for count in 1..=5 {
        SignedIn::new(&provider, &client).sign_out();
        quick.await_deliveries(count);
    }
    let at_once = slow.deliveries().len();
    assert!(at_once < 40, "{at_once} of 40 log-outs were told to one slow client before others heard");
}

/// Anybody can register any number of clients that never answer.
fn slow_strangers_delay_no_client_of_an_operator(case: &Case) {
    // As many as are told something at once, and some.
    const STRANGERS: usize = 40;
    let settings =
        "[oauth]\nfetch_allowed = ['127.0.0.0/8']\nregistration = 'open'\n[delivery]\npoll = \"50ms\"\n";
    let case = &case.with_own(Server::builder().config(settings));
    let provider = Provider::new(case);
    let (slow, quick) = (Listener::start(), Listener::start());
    slow.behave(Behaviour::Slow(Duration::from_secs(3600)));
    let mut known = SignedIn::new(&provider, &listening(&provider, &quick, json!({})));
    let (user, mut browser) = (provider.user(), provider.browser());
    for _ in 0..STRANGERS {
        let metadata = json!({
            "redirect_uris": [super::provider::REDIRECT_URI], "token_endpoint_auth_method": "none",
            "backchannel_logout_uri": slow.url("/logout"),
        });
        let id = case.http().post("/oauth2/register").json(&metadata).send().expect(201).string("client_id");
        let stranger = RegisteredClient {
            id,
            secret: None,
            redirect_uri: super::provider::REDIRECT_URI.to_owned(),
            method: "none".to_owned(),
            scope: "openid".to_owned(),
        };
        let granted = provider.grant_in(&mut browser, &provider.ask(&stranger), &user);
        provider.redeem(&stranger, &granted).expect(200);
    }
    browser.open("/oauth2/logout").submit(&[("decision", "sign_out")]);
    slow.await_deliveries(32);
    known.sign_out();
    quick.await_deliveries(1);
    assert_eq!(slow.deliveries().len(), 32, "it had to wait until strangers gave their places back");
}

fn who_registered_no_address_hears_nothing(case: &Case) {
    let case = &case.with_own(telling());
    let provider = Provider::new(case);
    let listener = Listener::start();
    let client = listening(&provider, &listener, json!({ "backchannel_logout_uri": null }));
    let mut one = SignedIn::new(&provider, &client);
    let mut other = SignedIn::new(&provider, &client);
    one.sign_out();
    // It gets one while somebody is signed in.
    let uri = listener.url("/logout");
    provider.command(&["client", "update", &client.id, "--backchannel-logout-uri", &uri, "--json"]);
    other.sign_out();
    assert_eq!(heard(&listener, 1)[0]["sid"], other.sid());
    all_is_told(case);
    assert_eq!(listener.deliveries().len(), 1);
}
