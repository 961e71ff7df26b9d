//! Which scripts may read which answers (CVE-2026-37977, CVE-2024-41657).

use countersign_testkit::Response;
use serde_json::json;

use super::provider::Provider;
use crate::case::{Case, on_both_engines};

on_both_engines! {
    no_stranger_reads_an_answer
    an_application_reads_answers_for_itself_only
    an_application_pushes_and_starts_devices_for_itself_only
    any_script_registers_and_reads_what_is_public
}

/// What holds nobody's secrets is for everybody.
const PUBLIC: [&str; 4] = [
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
    "/.well-known/oauth-protected-resource",
    "/oauth2/jwks",
];

const PATHS: [&str; 22] = [
    "/oauth2/token",
    "/oauth2/introspect",
    "/oauth2/revoke",
    "/oauth2/userinfo",
    "/oauth2/par",
    "/oauth2/device_authorization",
    "/oauth2/register/x",
    "/oauth2/authorize",
    "/oauth2/continue",
    "/oauth2/logout",
    "/consent",
    "/sign-in",
    "/sign-in/code",
    "/sign-up",
    "/recover",
    "/device",
    "/account",
    "/verify-address",
    "/select-account",
    "/signed-out",
    "/health/live",
    "/auth/profile/",
];

fn allowed(response: &Response) -> Option<&str> {
    assert_eq!(response.header("access-control-allow-credentials"), None);
    response.header("access-control-allow-origin")
}

fn no_stranger_reads_an_answer(case: &Case) {
    let provider = Provider::new(case);
    // The origin of its redirect URI is its own.
    provider.client(json!({"redirect_uris": ["https://spa.example.com/callback"]}));
    let evil =
        ["https://evil.example", "https://spa.example.com.evil.example", "null", "http://spa.example.com"];
    for path in PATHS.into_iter().chain(PUBLIC) {
        for method in ["GET", "POST", "OPTIONS", "PUT", "DELETE"] {
            for origin in evil {
                let request = case.http().request(method, path).header("Origin", origin);
                let answer = request
                    .header("Access-Control-Request-Method", "POST")
                    .header("Access-Control-Request-Headers", "authorization")
                    .send();
                let expected = (answer.status == 200 && PUBLIC.contains(&path)).then_some("*");
                let told = allowed(&answer);
                assert!(
                    told == expected || (PUBLIC.contains(&path) && told == Some("*")),
                    "{method} {path} {origin}: {told:?}"
                );
            }
        }
    }
}

fn an_application_reads_answers_for_itself_only(case: &Case) {
    let provider = Provider::new(case);
    let mine = "https://spa.example.com";
    let other = "https://other-spa.example.com";
    let spa = |origin: &str| {
        provider.client(json!({
            "token_endpoint_auth_method": "none",
            "redirect_uris": [format!("{origin}/callback")],
        }))
    };
    let (client, _) = (spa(mine), spa(other));
    let user = provider.user();
    // Before it is known who asks, a registered origin may ask.
    let preflight = case.http().request("OPTIONS", "/oauth2/token").header("Origin", mine);
    let preflight = preflight.header("Access-Control-Request-Method", "POST").send();
    assert_eq!((preflight.status, allowed(&preflight)), (204, Some(mine)));
    let redeem = |origin: &str| {
        let granted = provider.grant(&client, &user);
        let request = case.http().post("/oauth2/token").header("Origin", origin);
        request
            .form(&[
                ("grant_type", "authorization_code"),
                ("code", granted.code.as_str()),
                ("redirect_uri", &client.redirect_uri),
                ("code_verifier", &granted.asked.verifier),
                ("client_id", &client.id),
            ])
            .send()
            .expect(200)
    };
    assert_eq!(allowed(&redeem(other)), None, "it is registered, but another client's");
    let answer = redeem(mine);
    assert_eq!(allowed(&answer), Some(mine));
    let access = answer.string("access_token");
    let who = |origin: &str| {
        let request =
            case.http().get("/oauth2/userinfo").header("Authorization", &format!("Bearer {access}"));
        request.header("Origin", origin).send().expect(200)
    };
    assert_eq!(allowed(&who(mine)), Some(mine));
    assert_eq!(allowed(&who(other)), None);
}

fn an_application_pushes_and_starts_devices_for_itself_only(case: &Case) {
    let provider = Provider::new(case);
    let (mine, other) = ("https://pushing.example.com", "https://other-pushing.example.com");
    let spa = |origin: &str| {
        provider.client(json!({
            "token_endpoint_auth_method": "none",
            "redirect_uris": [format!("{origin}/callback")],
            "grant_types": ["authorization_code", "urn:ietf:params:oauth:grant-type:device_code"],
        }))
    };
    let (client, _) = (spa(mine), spa(other));
    let asked = provider.ask(&client);
    for (path, good) in [("/oauth2/par", 201), ("/oauth2/device_authorization", 200)] {
        for (origin, expected) in [(mine, Some(mine)), (other, Some(other)), ("https://evil.example", None)] {
            let preflight = case.http().request("OPTIONS", path).header("Origin", origin);
            let preflight = preflight.header("Access-Control-Request-Method", "POST").send().expect(204);
            assert_eq!(allowed(&preflight), expected, "{path} {origin}");
        }
        let wrong = asked.clone().with("resource", "https://unregistered.example.com");
        for (asked, status) in [(&asked, good), (&wrong, 400)] {
            for (origin, expected) in [(mine, Some(mine)), (other, None)] {
                let request = case.http().post(path).header("Origin", origin);
                let answer = request.form(&asked.pairs()).send().expect(status);
                assert_eq!(allowed(&answer), expected, "{path} {origin} {status}");
            }
        }
    }
}

/// Clients of MCP servers run in browsers, find out what is there, and register: nobody knows them before.
fn any_script_registers_and_reads_what_is_public(case: &Case) {
    let case = &case.with_config("[oauth]\nregistration = 'open'\n");
    let anywhere = "https://tool.example.org";
    for path in PUBLIC.into_iter().chain(["/oauth2/status/0", "/oauth2/register"]) {
        let preflight = case.http().request("OPTIONS", path).header("Origin", anywhere);
        let preflight = preflight
            .header("Access-Control-Request-Method", "POST")
            .header("Access-Control-Request-Headers", "content-type, mcp-protocol-version")
            .send();
        assert_eq!((preflight.status, allowed(&preflight)), (204, Some("*")), "{path}");
        let headers = preflight.header("access-control-allow-headers").unwrap_or_default();
        // An asterisk does not stand for Authorization.
        assert!(headers.contains('*') && headers.contains("authorization"), "{path}: {headers}");
    }
    for (uri, status) in [("https://tool.example.org/callback", 201), ("no URI", 400)] {
        let request = case.http().post("/oauth2/register").header("Origin", anywhere);
        let answer = request.json(&json!({"redirect_uris": [uri]})).send().expect(status);
        assert_eq!(allowed(&answer), Some("*"), "{}", answer.text());
    }
    // What is registered is for who has its token.
    let managed = case.http().get("/oauth2/register/x").header("Origin", anywhere).send();
    assert_eq!(allowed(&managed), None);
}
