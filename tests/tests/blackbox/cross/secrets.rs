//! What is kept of secrets, and who may keep the answers.

use std::fs;
use std::path::Path;
use std::time::Duration;

use countersign_testkit::{Engine, Postgres, Server};
use serde_json::{Value, json};

use super::{obtain_token, register_member, register_user, request_token};
use crate::authd;
use crate::case::{Case, on_both_engines, password};
use crate::ouser;

on_both_engines! {
    seed_x_07
    seed_x_08
}

/// All bytes of the files below `directory`.
pub fn bytes_below(directory: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        let path = entry.path();
        all.extend(if path.is_dir() { bytes_below(&path) } else { fs::read(&path).unwrap_or_default() });
    }
    all
}

/// Whether the bytes stand there somewhere.
pub fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// The spellings under which a secret could lie about: as text, without dashes, as the bytes it stands for.
fn spellings(secret: &str) -> Vec<Vec<u8>> {
    let bare = secret.replace('-', "");
    let mut all = vec![secret.as_bytes().to_vec(), bare.as_bytes().to_vec()];
    let digits: Option<Vec<u8>> =
        bare.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    if let Some(digits) = digits.filter(|digits| digits.len() >= 32) {
        let bytes: Vec<u8> =
            digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect();
        // pg_dump writes bytes as lower-case hexadecimal digits, which is the second spelling.
        all.push(bytes);
    }
    if secret.len() >= 8 {
        all.push(hex(secret.as_bytes()).into_bytes());
    }
    all
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Neither the database nor the log holds a password, token or code; the log holds no query string and no body.
fn seed_x_07(case: &Case) {
    let wishes = Server::builder().config("[log]\nlevel = \"debug\"");
    let mut case = case.with_own(wishes);
    let mut secrets = Vec::new();
    let member = ouser::register(&case);
    let session_token = ouser::session(&case, &member);
    secrets.extend([
        member.password.clone(),
        ouser::token(ouser::refresh(&case, &session_token)),
        session_token,
    ]);
    let unused_code = ouser::code_for(&case, &member.email);
    secrets.push(unused_code);
    let (second, third) = (authd::register(&case), password());
    let tokens: Value = authd::tokens(&case, &second);
    secrets.extend(["access", "refresh"].map(|key| tokens[key].as_str().expect("a string").to_owned()));
    secrets.extend([second.password.clone(), authd::reset_id(&case, &second.email)]);
    let (username, email) = (case.username(), case.email());
    secrets.push(register_member(&case, &username, &email, &third).expect(200).string("oauth_token"));
    secrets.push(obtain_token(&case, &email, &third).expect(200).string("token"));
    let pairs = [("identifier", email.as_str()), ("identifier_type", "email"), ("password", third.as_str())];
    secrets.push(ouser::token(case.http().post("/login").query(&pairs).send()));
    case.http().post("/login?password=Quite-secret-query").send().expect(400);
    case.http()
        .post("/login")
        .body("application/json", r#"{"password": "Broken-body-secret"#)
        .send()
        .expect(400);
    case.line().ask(&format!("login u:{username} p:{third}"));
    secrets.extend([third, "Quite-secret-query".to_owned(), "Broken-body-secret".to_owned()]);
    let addresses = [member.email, second.email, email];

    let mut stored = match case.engine() {
        Engine::Sqlite => Vec::new(),
        Engine::Postgres => Postgres::shared().dump(case.server().database_url()),
    };
    let status = case.server_mut().terminate(Duration::from_secs(60)).expect("the server ends at SIGTERM");
    assert!(status.success());
    stored.extend(bytes_below(&case.server().data_dir()));
    assert!(stored.len() > 10_000, "there is something to look at");
    let log = case.server().log();
    for secret in secrets {
        for spelling in spellings(&secret) {
            assert!(
                !contains(&stored, &spelling),
                "{secret} is stored as {:?}",
                String::from_utf8_lossy(&spelling)
            );
            assert!(!contains(log.as_bytes(), &spelling), "{secret} is in the log:\n{log}");
        }
    }
    for address in addresses {
        assert!(!contains(&stored, address.as_bytes()), "{address} is stored as it is");
        assert!(!log.contains(&address), "{address} is in the log:\n{log}");
    }
    assert!(!log.contains("identifier_type"), "a query string is in the log:\n{log}");
}

/// Every answer that bears a token forbids to store it.
fn seed_x_08(case: &Case) {
    let member = ouser::register(case);
    let (email, username, right) = (case.email(), case.username(), password());
    authd::create(case, &case.email(), &right).expect(201);
    let confirmed = {
        let email = case.email();
        authd::create(case, &email, &right).expect(201);
        authd::confirm(case, &authd::confirmation_id(case, &email)).expect(200)
    };
    let registered = register_member(case, &username, &email, &right).expect(200);
    let oauth_token = registered.string("oauth_token");
    let logged_in = ouser::login(case, &member.email, &member.password).expect(200);
    let refreshed = ouser::refresh(case, &logged_in.string("session_token")).expect(200);
    register_user(case, &case.email(), &right).expect(201);
    let rest = obtain_token(case, &email, &right).expect(200);
    let authorization = format!("Token {}", rest.string("token"));
    let layer = case.http().post("/auth/layer/").header("Authorization", &authorization);
    let form =
        [("grant_type", "password"), ("username", member.email.as_str()), ("password", &member.password)];
    let answers = [
        ("000 login", logged_in),
        ("000 refresh", refreshed),
        ("001 confirmation", confirmed),
        ("001 tokens", authd::login(case, &member.email, &member.password).expect(200)),
        ("001 grant", case.http().post("/v1/tokens/").form(&form).send().expect(200)),
        ("003 registermember", registered),
        ("003 tokenrequest", request_token(case, &username, &right).expect(200)),
        (
            "003 tokenrefresh",
            case.post("/auth/v1/tokenrefresh", json!({"oauth_token": oauth_token})).expect(200),
        ),
        ("004 login", rest),
        ("004 layer", layer.json(&json!({"nonce": "abc"})).send().expect(201)),
    ];
    for (what, answer) in answers {
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
    }
}
