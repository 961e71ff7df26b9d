//! Paths and methods.

use serde_json::json;

use super::{obtain_token, posts, profile, register_user};
use crate::authd;
use crate::case::{Case, on_both_engines, password};
use crate::ouser;

on_both_engines! {
    seed_x_01
    seed_x_02
    seed_x_10
    seed_x_11
    seed_x_12
}

/// All HTTP surfaces share one origin: every path of every document answers, and one account uses them all.
fn seed_x_01(case: &Case) {
    for (path, _) in posts(case) {
        // An id that exists is needed for this one to answer anything but 404.
        if !path.starts_with("/v1/requests/credentials/3") {
            let status = case.post(path, json!({})).status;
            assert!(matches!(status, 400 | 401), "{path}: {status}");
        }
    }
    for path in ["/rest/auth/v1/tokenrequest", "/rest/auth/v1/passwordreset"] {
        assert_eq!(case.post(path, json!({})).status, 400, "{path}");
    }
    assert_eq!(case.get("/auth/profile/").status, 401);
    let member = ouser::register(case);
    authd::login(case, &member.email, &member.password).expect(200);
    let token = obtain_token(case, &member.email, &member.password).expect(200).string("token");
    profile(case, &token).expect(200);
    let id = authd::reset_id(case, &member.email);
    authd::reset(case, &id, &password()).expect(204);
    profile(case, &token).expect(401);
    ouser::login(case, &member.email, &member.password).expect(401);
}

/// An account has a UUID (001) and a positive integer (004), neither of which changes.
fn seed_x_02(case: &Case) {
    let member = authd::Member { email: case.email(), password: password() };
    let created = authd::create(case, &member.email, &member.password).expect(201).json();
    assert!(authd::is_uuid(&created["user"]["id"]), "{created}");
    authd::confirm(case, &authd::confirmation_id(case, &member.email)).expect(200);
    let token = obtain_token(case, &member.email, &member.password).expect(200).string("token");
    let id = profile(case, &token).expect(200).json()["id"].as_u64().expect("a positive integer");
    assert!(id > 0 && id < 1 << 53, "{id} is no exact number for every JSON reader");
    assert_eq!(profile(case, &token).json()["id"].as_u64(), Some(id));
    let other = register_user(case, &case.email(), &password()).expect(201).json()["id"].as_u64();
    assert!(other.is_some_and(|other| other != id));
}

/// A wrong method on a known path: 405 with `Allow`; an unknown path: 404.
fn seed_x_10(case: &Case) {
    let gets = ["/auth/profile/", "/v1/requests/accounts/c7719bb1-f640-4cd7-9025-01b5ba1a7ad3"];
    for path in posts(case).iter().map(|(path, _)| *path).chain(gets) {
        for method in ["GET", "POST", "PUT", "DELETE", "BREW"] {
            let allowed = if gets.contains(&path) { ["GET", "PUT"] } else { ["POST", "POST"] };
            if !allowed.contains(&method) {
                let response = case.http().request(method, path).send();
                assert_eq!(response.status, 405, "{method} {path}");
                let allow = response.header("allow").unwrap_or_default();
                assert!(
                    allow.split(", ").any(|known| known == allowed[0]),
                    "{method} {path}: Allow: {allow}"
                );
            }
        }
    }
    for path in [
        "/nothing",
        "/v1",
        "/v1/tokens/x",
        "/auth/v1/nothing",
        "/auth/",
        "/login/x",
        "//login",
        "/auth/v2/tokenrequest",
    ] {
        assert_eq!(case.get(path).status, 404, "{path}");
        assert_eq!(case.post(path, json!({})).status, 404, "{path}");
    }
}

/// Every path works with and without a last slash, and neither is a redirect.
fn seed_x_11(case: &Case) {
    for (path, body) in posts(case) {
        let (bare, slashed) = (path.trim_end_matches('/'), format!("{}/", path.trim_end_matches('/')));
        let one = case.post(bare, json!({})).status;
        assert_eq!(one, case.post(&slashed, json!({})).status, "{path} without fields");
        assert!(one >= 400 && one != 405, "{path}: {one}");
        // Unknown users, codes and tokens are refused by the same reasons on both.
        if !path.ends_with("accounts")
            && !path.ends_with("registermember")
            && !path.ends_with("auth/register/")
        {
            assert_eq!(case.post(bare, body.clone()).status, case.post(&slashed, body).status, "{path}");
        }
    }
    for path in ["/auth/profile", "/auth/profile/"] {
        assert_eq!(case.get(path).status, 401, "{path}");
    }
    let email = case.email();
    authd::create(case, &email, &password()).expect(201);
    case.get(&format!("/v1/requests/accounts/{}/", authd::confirmation_id(case, &email))).expect(200);
}

/// Every 401 says how to authenticate, and never `Basic`, at which a browser would open a window.
fn seed_x_12(case: &Case) {
    let mut seen = 0;
    for (path, body) in posts(case) {
        let response = case.post(path, body);
        if response.status == 401 {
            seen += 1;
            let challenge = response.header("www-authenticate").unwrap_or_default();
            assert!(
                !challenge.is_empty() && !challenge.to_lowercase().contains("basic"),
                "{path}: {challenge:?}"
            );
        }
    }
    assert!(seen >= 5, "000 and 001 login, 003 request and refresh, 004 layer: only {seen}");
    let response = case.get("/auth/profile/").expect(401);
    assert_eq!(response.header("www-authenticate"), Some("Token"));
    let response = profile(case, "unknown").expect(401);
    assert_eq!(response.header("www-authenticate"), Some("Token"));
}
