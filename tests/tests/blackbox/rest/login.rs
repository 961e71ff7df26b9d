//! `POST /auth/login/`, and what holds for all four paths.

use serde_json::json;

use super::{User, authorized, login, refused};
use crate::case::{Case, on_both_engines, password};

on_both_engines! {
    seed_004_09
    seed_004_10
    seed_004_11
    seed_004_12
    seed_004_13
    seed_004_15
    seed_004_28
    seed_004_29
}

/// The e-mail address as username, in any case, and the password get a token.
fn seed_004_09(case: &Case) {
    let user = User::new(case);
    for name in [user.email.clone(), user.email.to_uppercase()] {
        let body = login(case, &name, &user.password).expect(200).json();
        let fields = body.as_object().expect("an object");
        assert!(fields.len() == 1 && fields["token"].is_string(), "{body}");
    }
}

/// A wrong password and an unknown user get the same 400.
fn seed_004_10(case: &Case) {
    let user = User::new(case);
    let says = json!({ "non_field_errors": ["Unable to log in with provided credentials."] });
    refused(&login(case, &user.email, &password()), 400, &says);
    refused(&login(case, &case.email(), &user.password), 400, &says);
    refused(&login(case, "no address at all", &user.password), 400, &says);
}

/// Missing fields are named.
fn seed_004_11(case: &Case) {
    let required = json!(["This field is required."]);
    let post = |body| case.post("/auth/login/", body);
    refused(&post(json!({})), 400, &json!({ "username": required, "password": required }));
    refused(&post(json!({ "username": "a" })), 400, &json!({ "password": required }));
    refused(&post(json!({ "password": "a" })), 400, &json!({ "username": required }));
    let blank = json!(["This field may not be blank."]);
    refused(
        &post(json!({ "username": "", "password": "" })),
        400,
        &json!({ "username": blank, "password": blank }),
    );
}

/// The token opens the other endpoints; the keyword's case does not matter.
fn seed_004_12(case: &Case) {
    let user = User::new(case);
    for keyword in ["Token", "token", "TOKEN"] {
        let value = format!("{keyword} {}", user.token);
        authorized(case, "GET", "/auth/profile/", &value).send().expect(200);
        authorized(case, "POST", "/auth/layer/", &value).json(&json!({ "nonce": "n" })).send().expect(201);
    }
}

/// A token is 40 hexadecimal digits in lower case, and a second login leaves the first alone.
fn seed_004_13(case: &Case) {
    let user = User::new(case);
    let second = login(case, &user.email, &user.password).expect(200).string("token");
    for token in [&user.token, &second] {
        assert!(
            token.len() == 40 && token.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')),
            "{token}"
        );
        authorized(case, "GET", "/auth/profile/", &format!("Token {token}")).send().expect(200);
    }
}

/// Without credentials, and with ones that are none, the profile answers 401, says why and names the scheme.
fn seed_004_15(case: &Case) {
    let user = User::new(case);
    let not_provided = "Authentication credentials were not provided.";
    let spaces = "Invalid token header. Token string should not contain spaces.";
    let mut unknown = user.token.clone();
    unknown.replace_range(..4, if unknown.starts_with("dead") { "beef" } else { "dead" });
    for (credentials, detail) in [
        (String::new(), not_provided),
        (format!("Bearer {}", user.token), not_provided),
        ("Basic YTpi".to_owned(), not_provided),
        ("Token".to_owned(), "Invalid token header. No credentials provided."),
        (format!("Token {} more", user.token), spaces),
        (format!("Token {unknown}"), "Invalid token."),
        (format!("Token {}", user.token.to_uppercase()), "Invalid token."),
        (format!("Token {}", &user.token[..39]), "Invalid token."),
        (format!("Token {}0", user.token), "Invalid token."),
        ("Token x".to_owned(), "Invalid token."),
    ] {
        let request = match credentials.as_str() {
            "" => case.http().get("/auth/profile/"),
            value => authorized(case, "GET", "/auth/profile/", value),
        };
        let response = request.send();
        refused(&response, 401, &json!({ "detail": detail }));
        assert_eq!(response.header("www-authenticate"), Some("Token"), "{credentials}");
    }
}

/// A method that a path does not serve gets 405 with the ones it does.
fn seed_004_28(case: &Case) {
    let user = User::new(case);
    for (path, method, allowed) in [
        ("/auth/register/", "GET", "POST"),
        ("/auth/login/", "GET", "POST"),
        ("/auth/login/", "DELETE", "POST"),
        ("/auth/layer/", "GET", "POST"),
        ("/auth/profile/", "POST", "GET"),
    ] {
        // Registration is for those who are not signed in.
        let request = if path == "/auth/register/" {
            case.http().request(method, path)
        } else {
            user.request(case, method, path)
        };
        let response = request.send();
        refused(&response, 405, &json!({ "detail": format!("Method \"{method}\" not allowed.") }));
        let allow = response.header("allow").unwrap_or_default().to_owned();
        assert!(allow.split(',').any(|known| known.trim() == allowed), "{path}: {allow}");
        assert!(!allow.contains(method) || method == "GET", "{path}: {allow}");
    }
}

/// Forms, plain and multipart, are accepted like JSON; errors are `application/json` without a charset.
fn seed_004_29(case: &Case) {
    let user = User::new(case);
    let form = [("username", user.email.as_str()), ("password", user.password.as_str())];
    case.http().post("/auth/login/").form(&form).send().expect(200);
    let body = multipart(&form);
    let kind = "multipart/form-data; boundary=edge";
    case.http().post("/auth/login/").body(kind, body.as_str()).send().expect(200);
    let wrong = multipart(&[("username", &user.email), ("password", "wrong-password")]);
    for response in [
        case.http().post("/auth/login/").body(kind, wrong).send().expect(400),
        case.http().post("/auth/login/").form(&[("username", "a")]).send().expect(400),
        case.http().post("/auth/login/").body("application/json", "{").send().expect(400),
        case.http().get("/auth/login/").send().expect(405),
        case.get("/auth/profile/").expect(401),
    ] {
        assert_eq!(response.header("content-type"), Some("application/json"));
    }
}

fn multipart(fields: &[(&str, &str)]) -> String {
    let part = |(name, value): &(&str, &str)| {
        format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    fields.iter().map(part).collect::<String>() + "--edge--\r\n"
}
