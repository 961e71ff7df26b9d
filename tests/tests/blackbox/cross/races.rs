//! The same thing done many times at one moment.

use countersign_testkit::{Client, Server};
use serde_json::{Value, json};

use super::{register_member, register_user};
use crate::authd;
use crate::case::{Case, at_once, on_both_engines, password};
use crate::ouser;
use crate::rest::{self, User};

on_both_engines! {
    seed_x_14
    each_of_many_who_ask_at_once_gets_its_own_answer
}

/// POSTs `bodies` to `path` at once, each from a source of its own; the statuses.
fn race(server: &Server, path: &str, bodies: &[Value]) -> Vec<u16> {
    let clients: Vec<Client> = bodies.iter().map(|_| server.client()).collect();
    at_once(bodies.len(), |number| clients[number].post_json(path, &bodies[number]).status)
}

/// Exactly one is `won`; the others lost, or were turned away because too much was asked at once.
#[track_caller]
fn one_wins(what: &str, statuses: &[u16], won: u16, lost: &[u16]) {
    let winners = statuses.iter().filter(|status| **status == won).count();
    assert_eq!(winners, 1, "{what}: {statuses:?}");
    let proper = |status: &u16| *status == won || lost.contains(status) || matches!(*status, 429 | 503);
    assert!(statuses.iter().all(proper), "{what}: {statuses:?}");
}

/// Of many parallel uses of one code, link or token exactly one succeeds; so of parallel registrations of one
/// identifier.
fn seed_x_14(case: &Case) {
    // Limits of their own would make the contest smaller than it is meant to be.
    let limits = "[limits]\nmessages_per_target_burst = 1000\nmessages_per_source_burst = 1000\n\
        sign_in_per_account_burst = 1000\nsign_in_per_source_burst = 1000\n";
    let case = case.with_config(limits);
    for count in [16, 50] {
        race_on_codes(&case, count);
        race_on_links(&case, count);
        race_on_tokens(&case, count);
        race_on_registrations(&case, count);
    }
}

fn race_on_codes(case: &Case, count: usize) {
    let server = case.server();
    let code = ouser::code_for(case, &case.email());
    let body = json!({"verification_code": code, "password": password()});
    one_wins("/register", &race(server, "/register", &vec![body; count]), 201, &[409, 410]);
    let member = ouser::register(case);
    let code = ouser::code_for(case, &member.email);
    let body = json!({"identifier": member.email, "identifier_type": "email", "verification_code": code});
    one_wins("/login", &race(server, "/login", &vec![body; count]), 200, &[401]);
    let code = ouser::code_for(case, &member.email);
    let bodies: Vec<_> =
        (0..count).map(|_| json!({"verification_code": code, "password": password()})).collect();
    let statuses = race(server, "/reset_password", &bodies);
    one_wins("/reset_password", &statuses, 204, &[410]);
    let winner = statuses.iter().position(|status| *status == 204).expect("one won");
    let stored = bodies[winner]["password"].as_str().expect("a string");
    ouser::login(case, &member.email, stored).expect(200);
}

fn race_on_links(case: &Case, count: usize) {
    let server = case.server();
    let email = case.email();
    authd::create(case, &email, &password()).expect(201);
    let path = format!("/v1/requests/accounts/{}", authd::confirmation_id(case, &email));
    let statuses = at_once(count, |_| server.client().get(&path).send().status);
    one_wins("confirmation", &statuses, 200, &[404]);
    let path = format!("/v1/requests/credentials/{}", authd::reset_id(case, &email));
    let bodies: Vec<_> = (0..count).map(|_| json!({"password": password()})).collect();
    one_wins("001 reset", &race(server, &path, &bodies), 204, &[404]);
    // Several registrations of one address may wait for their confirmation; the first proof wins.
    let email = case.email();
    let bodies: Vec<_> = (0..count).map(|_| json!({"email": email, "password": password()})).collect();
    let statuses = race(server, "/v1/requests/accounts", &bodies);
    let open = statuses.iter().filter(|status| **status == 201).count();
    assert!(open >= 1 && statuses.iter().all(|status| matches!(status, 201 | 429 | 503)), "{statuses:?}");
    let links: Vec<_> =
        server.await_messages(&email, open).iter().map(|message| message.link_path()).collect();
    let statuses = at_once(links.len(), |number| server.client().get(&links[number]).send().status);
    one_wins("confirmations of one address", &statuses, 200, &[404]);
}

fn race_on_tokens(case: &Case, count: usize) {
    let server = case.server();
    let member = ouser::register(case);
    let session_token = ouser::session(case, &member);
    let body = json!({"session_token": session_token});
    one_wins("/refresh", &race(server, "/refresh", &vec![body.clone(); count]), 200, &[410]);
    let session_token = ouser::session(case, &member);
    let body = json!({"session_token": session_token});
    one_wins("/logout", &race(server, "/logout", &vec![body; count]), 204, &[410]);
    let refresh = authd::login(case, &member.email, &member.password).expect(200).string("refresh");
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    let statuses = at_once(count, |_| server.client().post("/v1/tokens/").form(&form).send().status);
    one_wins("001 refresh", &statuses, 200, &[400]);
    let registered = register_member(case, &case.username(), &case.email(), &password()).expect(200);
    let body = json!({"oauth_token": registered.string("oauth_token")});
    one_wins("003 refresh", &race(server, "/auth/v1/tokenrefresh", &vec![body; count]), 200, &[401]);
}

fn race_on_registrations(case: &Case, count: usize) {
    let server = case.server();
    let email = case.email();
    let register = |_| json!({"verification_code": ouser::code_for(case, &email), "password": password()});
    let bodies: Vec<_> = (0..count).map(register).collect();
    one_wins("000 registrations", &race(server, "/register", &bodies), 201, &[409, 410]);
    let username = case.username();
    let member =
        |email: String, username: &str| json!({"username": username, "email": email, "password": password()});
    let bodies: Vec<_> = (0..count).map(|_| member(case.email(), &username)).collect();
    one_wins("003 usernames", &race(server, "/auth/v1/registermember", &bodies), 200, &[409]);
    let email = case.email();
    let bodies: Vec<_> = (0..count).map(|_| member(email.clone(), &case.username())).collect();
    one_wins("003 addresses", &race(server, "/auth/v1/registermember", &bodies), 200, &[409]);
    let email = case.email();
    let statuses = at_once(count, |_| register_user(case, &email, &password()).status);
    one_wins("004 addresses", &statuses, 201, &[400]);
}

/// What is asked at one moment may go to the database together; the answers must not be mixed up, and a token that
/// nobody has must not spoil those of others.
fn each_of_many_who_ask_at_once_gets_its_own_answer(case: &Case) {
    let users: Vec<User> = (0..6).map(|_| User::new(case)).collect();
    let unknown = "0123456789abcdef0123456789abcdef01234567";
    for _ in 0..20 {
        let answers = at_once(48, |number| {
            let user = (number % 4 != 3).then(|| &users[number % users.len()]);
            let token = user.map_or(unknown, |user| &user.token);
            (user, rest::authorized(case, "GET", "/auth/profile/", &format!("Token {token}")).send())
        });
        for (user, response) in answers {
            match user {
                Some(user) => assert_eq!(response.expect(200).json()["email"], user.email.as_str()),
                None => drop(response.expect(401)),
            }
        }
    }
}
