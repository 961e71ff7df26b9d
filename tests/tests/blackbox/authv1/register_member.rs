//! `registermember`.

use serde_json::json;

use super::{Member, logoff, refresh, refused, request_token, token_of};
use crate::case::{Case, on_both_engines, password};

on_both_engines! {
    seed_003_10
    seed_003_11
    seed_003_12
    seed_003_13
}

/// E-mail address, password and username make a member and answer with a token.
fn seed_003_10(case: &Case) {
    let body = json!({ "email": case.email(), "password": password(), "username": case.username() });
    token_of(&case.post("/auth/v1/registermember", body));
    let short = json!({ "email": case.email(), "password": "s1x-ch", "username": case.username() });
    token_of(&case.post("/auth/v1/registermember", short));
}

/// Each of the three is required; a short password is refused, and nothing is left of a refused registration.
fn seed_003_11(case: &Case) {
    let full = json!({ "email": case.email(), "password": password(), "username": case.username() });
    for field in ["email", "password", "username"] {
        for value in [None, Some(json!(null)), Some(json!("")), Some(json!(7)), Some(json!({}))] {
            let mut body = full.clone();
            let object = body.as_object_mut().expect("an object");
            match value {
                Some(value) => object.insert(field.to_owned(), value),
                None => object.remove(field),
            };
            refused(case.post("/auth/v1/registermember", body), 400);
        }
    }
    let mut body = full.clone();
    body["password"] = json!("12345");
    refused(case.post("/auth/v1/registermember", body), 400);
    token_of(&case.post("/auth/v1/registermember", full));
}

/// The returned token works at once, and so do the new credentials.
fn seed_003_12(case: &Case) {
    let member = Member::register(case);
    let (token, _) = token_of(&refresh(case, &member.token));
    logoff(case, &token).expect(200);
    refused(refresh(case, &token), 401);
    token_of(&member.request_token(case));
    token_of(&request_token(case, &member.username.to_uppercase(), &member.password));
}

/// A malformed e-mail address is refused, a taken username or e-mail address is a conflict in whatever case.
fn seed_003_13(case: &Case) {
    let register = |username: &str, email: &str| {
        let body = json!({ "email": email, "password": password(), "username": username });
        case.post("/auth/v1/registermember", body)
    };
    for bad in ["nobody", "a@", "@b.example", "a@b@c.example", "a b@c.example"] {
        refused(register(&case.username(), bad), 400);
    }
    for bad in ["ab", "with space", "some@body.example", "nul\0name"] {
        refused(register(bad, &case.email()), 400);
    }
    let member = Member::register(case);
    for name in [member.username.clone(), member.username.to_uppercase()] {
        refused(register(&name, &case.email()), 409);
    }
    for email in [member.email.clone(), member.email.to_uppercase()] {
        refused(register(&case.username(), &email), 409);
    }
    token_of(&member.request_token(case));
}
