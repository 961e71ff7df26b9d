//! What can be found out about others, and what is left of what is no longer needed.

use countersign_testkit::http::Request;
use countersign_testkit::{Response, poll, scratch};
use serde_json::{Value, json};

use crate::case::{Case, on_both_engines, password, visible};
use crate::generous::generous;
use crate::oauth::provider::{Provider, User};
use crate::parity::{Surface, is_live, operate, register, reset, sign_in};
use crate::running::{failed, run, succeeded};
use crate::{authd, authv1, line, ouser, rest};

on_both_engines! {
    nobody_learns_why_a_sign_in_is_refused
    a_concealing_server_tells_owners_and_nobody_else
    whoever_proves_an_address_evicts_who_only_claimed_it
    what_a_claimer_allowed_goes_with_the_eviction
    who_controls_an_address_is_not_let_into_an_account_that_merely_claims_it
    whoever_proves_an_address_takes_it_from_who_merely_claims_it
    an_operator_takes_an_address_from_who_merely_claims_it
    a_code_for_a_stranger_tells_nothing
    a_reset_costs_as_much_for_an_address_that_nobody_has
    the_log_says_what_became_of_a_reset
}

/// Unknown, suspended, closed, without a password, not yet confirmed, or just a wrong password: one answer (R023).
fn nobody_learns_why_a_sign_in_is_refused(case: &Case) {
    let known = register(case, Surface::Rest).email;
    let suspended = register(case, Surface::Rest);
    operate(case, "suspend", &suspended.email);
    let closed = register(case, Surface::Rest);
    operate(case, "close", &closed.email);
    let pending = case.email();
    authd::create(case, &pending, "Tr0mbone-pending").expect(201);
    let passwordless = case.email();
    let added = case.server().command(&["account", "add", "--email", &passwordless]);
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    let tries = [
        (known, password()),
        (suspended.email, suspended.password),
        (closed.email, closed.password),
        (pending, "Tr0mbone-pending".to_owned()),
        (passwordless, password()),
        (case.email(), password()),
    ];
    let calls: [fn(&Case, &str, &str) -> Response; 4] =
        [ouser::login, authd::login, authv1::request_token, rest::login];
    for call in calls {
        let answers: Vec<_> = tries.iter().map(|(name, word)| visible(&call(case, name, word))).collect();
        assert!(
            (400..500).contains(&answers[0].0) && answers.iter().all(|answer| *answer == answers[0]),
            "{answers:?}"
        );
    }
    for (name, word) in &tries {
        assert_eq!(line::login(&mut case.line(), name, word), "nop credentials", "{name}");
    }
}

/// With `conceal_accounts` a registration that ends with proof by mail answers alike for taken and free addresses,
/// and writes to the owner of a taken one instead.
fn a_concealing_server_tells_owners_and_nobody_else(case: &Case) {
    let case = case.with_config("[privacy]\nconceal_accounts = true");
    let member = authd::register(&case);
    let (fresh, before) = (case.email(), case.server().messages_to(&member.email).len());
    let shown = |email: &str| {
        let response = authd::create(&case, email, "Tr0mbone-anybody").expect(201);
        let body = response.json();
        assert!(authd::is_uuid(&body["user"]["id"]), "{body}");
        assert_eq!((&body["user"]["email"], &body["user"]["active"]), (&json!(email), &json!(false)));
        let headers = visible(&response).1.into_iter().filter(|(name, _)| name != "content-length");
        headers.collect::<Vec<_>>()
    };
    assert_eq!(shown(&member.email), shown(&fresh));
    let message =
        case.server().await_messages(&member.email, before + 1).pop().expect("a message to the owner");
    assert_ne!(message.template, "confirm_account", "the owner is asked to confirm a stranger's password");
    authd::tokens(&case, &member);
    authd::login(&case, &member.email, "Tr0mbone-anybody").expect(401);
}

/// Somebody registers another's address without proving it. When the owner proves it, nothing is left of the claim
/// (acceptance decision 10).
fn whoever_proves_an_address_evicts_who_only_claimed_it(case: &Case) {
    let case = &generous(case);
    for claimed_on in [Surface::AuthV1, Surface::Rest] {
        for proven_on in [Surface::Ouser, Surface::Authd, Surface::AuthV1] {
            let thief = register(case, claimed_on);
            let held = sign_in(case, claimed_on, &thief.email, &thief.password).expect("signed in");
            let fresh = password();
            reset(case, proven_on, &thief.email, &fresh);
            assert!(!is_live(case, &held.access), "{claimed_on:?}, {proven_on:?}");
            for surface in Surface::ALL {
                assert_eq!(sign_in(case, surface, &thief.email, &thief.password), None, "{surface:?}");
                assert!(sign_in(case, surface, &thief.email, &fresh).is_some(), "{surface:?}");
            }
            if let Some(username) = &thief.username {
                assert_eq!(sign_in(case, Surface::AuthV1, username, &thief.password), None);
            }
        }
    }
}

/// Otherwise the claimer's application would get a code from the owner's browser, without a page.
fn what_a_claimer_allowed_goes_with_the_eviction(case: &Case) {
    let case = &generous(case);
    let provider = Provider::new(case);
    let application = provider.public_client();
    let target = provider.ask(&application).target();
    let open = |user: &User| {
        let mut browser = provider.browser();
        browser.open(&target).sign_in(user);
        browser
    };
    for proven_on in [Surface::Ouser, Surface::Authd, Surface::AuthV1] {
        let thief = register(case, Surface::AuthV1);
        let user = User { email: thief.email.clone(), password: thief.password };
        provider.grant(&application, &user);
        assert!(!open(&user).asks_for_consent(), "it was allowed");
        let owner = User { email: thief.email, password: password() };
        reset(case, proven_on, &owner.email, &owner.password);
        assert!(open(&owner).asks_for_consent(), "{proven_on:?}");
        // What the owner allows stays, whatever is proven later.
        provider.grant(&application, &owner);
        reset(case, proven_on, &owner.email, &owner.password);
        assert!(!open(&owner).asks_for_consent(), "{proven_on:?}");
    }
}

/// Somebody whose number is proven has written an address into the profile that nobody has proven.
pub struct Claimer {
    pub phone: String,
    pub email: String,
    pub password: String,
    token: String,
}

impl Claimer {
    pub fn new(case: &Case) -> Self {
        let (phone, email, password) = (case.phone(), case.email(), password());
        let code = ouser::code_of_type(case, &phone, "sms");
        ouser::redeem(case, &code, &password).expect(201);
        let token = ouser::token(Self::log_in(case, &phone, &password));
        let claimer = Self { phone, email, password, token };
        let claim = claimer.profile(case, "PATCH").json(&json!({ "email": claimer.email }));
        claim.send().expect(200);
        claimer
    }

    fn log_in(case: &Case, phone: &str, password: &str) -> Response {
        case.post("/login", json!({ "identifier": phone, "identifier_type": "sms", "password": password }))
    }

    pub fn profile(&self, case: &Case, method: &str) -> Request {
        rest::authorized(case, method, "/auth/profile/", &format!("Token {}", self.token))
    }

    pub fn shown_email(&self, case: &Case) -> String {
        self.profile(case, "GET").send().expect(200).string("email")
    }
}

/// An address is no proof of an account that has a proven number beside it: otherwise two people would have a way in
/// (decision 0006).
fn who_controls_an_address_is_not_let_into_an_account_that_merely_claims_it(case: &Case) {
    let claimer = Claimer::new(case);
    let code = ouser::code_for(case, &claimer.email);
    ouser::login_by_code(case, &claimer.email, &code).expect(401);
    ouser::reset(case, &code, &password()).expect(410);
    // As for an address that nobody has: no message.
    authd::ask_for_reset(case, &claimer.email).expect(204);
    case.post("/auth/v1/passwordreset", json!({ "email": claimer.email })).expect(200);
    ouser::code_for(case, &claimer.email);
    let messages = case.server().messages_to(&claimer.email);
    assert!(messages.iter().all(|message| message.template == "verification_code"), "{messages:?}");
    // Nothing has become of the account; its password is a proof under any of its names.
    assert_eq!(claimer.shown_email(case), claimer.email);
    assert!(sign_in(case, Surface::Rest, &claimer.email, &claimer.password).is_some());
    Claimer::log_in(case, &claimer.phone, &claimer.password).expect(200);
}

/// The owner of the address is not kept out by the claim, and shares nothing with the claimer afterwards (R117).
fn whoever_proves_an_address_takes_it_from_who_merely_claims_it(case: &Case) {
    let case = &generous(case);
    let by_code = |email: &str, password: &str| {
        ouser::redeem(case, &ouser::code_for(case, email), password).expect(201);
    };
    let by_confirmation = |email: &str, password: &str| {
        authd::create(case, email, password).expect(201);
        authd::confirm(case, &authd::confirmation_id(case, email)).expect(200);
    };
    let on_the_line = |email: &str, password: &str| line::Registration {
        email: Some(email.to_owned()),
        password: password.to_owned(),
        ..line::Registration::new(case)
    };
    let number_first = |email: &str, password: &str| drop(on_the_line(email, password).verified(case));
    let address_first = |email: &str, password: &str| {
        let who = on_the_line(email, password).registered(case);
        case.http().post(&who.link(case.server())).form(&[]).send().expect(200);
        let code = who.code(case.server());
        assert_eq!(case.line().ask(&format!("validatephone p:{} c:{code}", who.phone)), "ok");
    };
    type Way<'a> = &'a dyn Fn(&str, &str);
    let ways: [Way<'_>; 4] = [&by_code, &by_confirmation, &number_first, &address_first];
    for (number, way) in ways.into_iter().enumerate() {
        let claimer = Claimer::new(case);
        let (email, owned) = (&claimer.email, password());
        way(email, &owned);
        for surface in Surface::ALL {
            assert!(sign_in(case, surface, email, &owned).is_some(), "{number} {surface:?}");
            assert_eq!(sign_in(case, surface, email, &claimer.password), None, "{number} {surface:?}");
        }
        assert_eq!(claimer.shown_email(case), "", "{number}");
        reset(case, Surface::Authd, email, &password());
        assert!(is_live(case, &claimer.token), "{number}: the claimer is another person");
        Claimer::log_in(case, &claimer.phone, &claimer.password).expect(200);
    }
    // An address that is its account's only one is no mere claim (acceptance decision 11).
    let only = register(case, Surface::Rest);
    ouser::redeem(case, &ouser::code_for(case, &only.email), &password()).expect(409);
}

/// What an operator adds is as good as proven.
fn an_operator_takes_an_address_from_who_merely_claims_it(case: &Case) {
    let claimer = Claimer::new(case);
    let add =
        |email: &str| case.server().command(&["account", "add", "--email", email, "--no-password", "--json"]);
    succeeded(&add(&claimer.email));
    assert_eq!(claimer.shown_email(case), "");
    Claimer::log_in(case, &claimer.phone, &claimer.password).expect(200);
    ouser::login_by_code(case, &claimer.email, &ouser::code_for(case, &claimer.email)).expect(200);
    // An account's only address is no mere claim: then it is said what to do.
    let only = register(case, Surface::Rest);
    let said = failed(&add(&only.email));
    assert!(said.contains("email already") && said.contains("account show"), "{said}");
    assert!(sign_in(case, Surface::Rest, &only.email, &only.password).is_some());
}

/// Asking for codes and resets answers the same whether or not there is an account.
fn a_code_for_a_stranger_tells_nothing(case: &Case) {
    let (known, unknown) = (register(case, Surface::Authd).email, case.email());
    for (path, field) in
        [("/send", "identifier"), ("/v1/requests/credentials/", "email"), ("/auth/v1/passwordreset", "email")]
    {
        let ask = |email: &String| case.post(path, json!({ field: email, "identifier_type": "email" }));
        let answers = [&known, &unknown].map(|email| visible(&ask(email)));
        assert!(answers[0].0 < 300 && answers[0] == answers[1], "{path}: {answers:?}");
    }
}

/// As many rows are written for an address with an account as for one without, so the time of the answer does not tell
/// (R024).
fn a_reset_costs_as_much_for_an_address_that_nobody_has(case: &Case) {
    let case = case.with_config("");
    for (path, status) in [("/v1/requests/credentials/", 204), ("/auth/v1/passwordreset", 200)] {
        let known = register(&case, Surface::Rest).email;
        let ask = |email: &str| {
            case.post(path, json!({ "email": email })).expect(status);
            rows(&case)
        };
        let (before, known, unknown) = (ask(&case.email()), ask(&known), ask(&case.email()));
        assert_eq!((known - before, unknown - known), (2, 2), "{path}");
    }
}

/// How many codes and messages there are.
fn rows(case: &Case) -> u64 {
    let folder = scratch::directory("rows");
    let to = format!("sqlite:{}", folder.join("copy.db").display());
    let copied = run(
        &folder,
        &["copy", "--from", case.server().database_url(), "--to", &to, "--from-running", "--json"],
    );
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
    let report: Value = serde_json::from_slice(&copied.stdout).expect("JSON");
    let tables = report["tables"].as_array().expect("tables");
    let written = tables.iter().filter(|table| table["table"] == "codes" || table["table"] == "outbox");
    written.filter_map(|table| table["rows"].as_u64()).sum()
}

/// "queued" stands in the log when a message is queued, and only then (R143).
fn the_log_says_what_became_of_a_reset(case: &Case) {
    let settings = "[log]\nformat = \"json\"\n[limits]\nmessages_per_target_burst = 1\nmessages_per_target_interval = \"1h\"";
    let case = case.with_config(settings);
    let known = register(&case, Surface::Rest).email;
    for (email, status) in [(&known, 204), (&known, 429), (&case.email(), 204)] {
        authd::ask_for_reset(&case, email).expect(status);
    }
    let outcomes = || {
        let log = case.server().log();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let resets = lines.filter(|line| line["event"] == "request_reset");
        resets.filter_map(|line| line["outcome"].as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    let outcomes = poll::until("three lines", || Some(outcomes()).filter(|outcomes| outcomes.len() >= 3));
    assert_eq!(outcomes, ["queued", "refused", "no account"]);
}
