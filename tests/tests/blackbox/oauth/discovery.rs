//! Discovery tells what is there, all of it and nothing more (OpenID Connect Discovery, RFC 8414).

use std::collections::BTreeSet;

use countersign_testkit::scratch;
use serde_json::{Value, json};

use super::provider::{Provider, User, decoded};
use crate::case::{Case, on_both_engines, password};

on_both_engines! {
    discovery_tells_what_is_there
    the_claims_are_those_of_an_account_that_has_everything
    discovery_follows_the_configuration
}

fn configuration(case: &Case) -> Value {
    case.get("/.well-known/openid-configuration").expect(200).json()
}

fn names(metadata: &Value, member: &str) -> Vec<String> {
    let list = metadata[member].as_array().unwrap_or_else(|| panic!("no {member} in {metadata}"));
    list.iter().map(|name| name.as_str().expect("a name").to_owned()).collect()
}

fn discovery_tells_what_is_there(case: &Case) {
    let provider = Provider::new(case);
    let told = configuration(case);
    assert_eq!(told["issuer"], provider.issuer());
    let again = case.get("/.well-known/oauth-authorization-server").expect(200);
    assert_eq!(again.json(), told, "both documents are one");
    assert_eq!(again.header("access-control-allow-origin"), Some("*"));
    for (name, endpoint) in told.as_object().unwrap() {
        let is_endpoint = name.ends_with("_endpoint") || name == "jwks_uri";
        let Some(url) = endpoint.as_str().filter(|_| is_endpoint) else { continue };
        let path =
            url.strip_prefix(&provider.issuer()).unwrap_or_else(|| panic!("{name} is elsewhere: {url}"));
        let statuses = [case.get(path), case.http().post(path).form(&[]).send()].map(|answer| answer.status);
        assert!(statuses.iter().all(|status| *status < 500), "{name}: {statuses:?}");
        assert!(statuses.iter().any(|status| !matches!(status, 404 | 405)), "{name}: {statuses:?}");
    }
    // What is promised is taken, what is not promised is refused.
    let every_grant = [
        "authorization_code",
        "refresh_token",
        "client_credentials",
        "password",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
    ];
    let client = provider.client(json!({}));
    let promised = names(&told, "grant_types_supported");
    for grant in every_grant {
        let error = provider.token(&client, &[("grant_type", grant)]).string("error");
        assert_eq!(
            error != "unsupported_grant_type",
            promised.iter().any(|p| p == grant),
            "{grant}: {error}"
        );
    }
    let user = provider.user();
    for mode in ["query", "fragment", "form_post", "jwt", "query.jwt", "fragment.jwt", "form_post.jwt"] {
        let mut browser = provider.browser();
        browser.open(&provider.ask(&client).with("response_mode", mode).target());
        let is_promised = names(&told, "response_modes_supported").iter().any(|known| known == mode);
        assert_eq!(browser.asks_for_password(), is_promised, "{mode}: {browser}");
    }
    for algorithm in names(&told, "id_token_signing_alg_values_supported") {
        let client = provider.client(json!({ "id_token_signed_response_alg": algorithm }));
        let tokens = provider.code_flow(&client, &user);
        let (header, _) = decoded(tokens["id_token"].as_str().unwrap());
        assert_eq!(header["alg"], algorithm.as_str());
    }
    for method in names(&told, "token_endpoint_auth_methods_supported") {
        if matches!(method.as_str(), "client_secret_basic" | "client_secret_post" | "none") {
            let client = provider.client(json!({ "token_endpoint_auth_method": method }));
            assert!(provider.code_flow(&client, &user)["access_token"].is_string(), "{method}");
        }
    }
    assert_eq!(told["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(told["request_uri_parameter_supported"], false);
    assert_eq!(told["request_parameter_supported"], true);
    assert_eq!(told["claims_parameter_supported"], true);
    let signing =
        ["authorization_signing_alg_values_supported", "request_object_signing_alg_values_supported"];
    for member in signing {
        assert_eq!(names(&told, member), names(&told, "id_token_signing_alg_values_supported"));
    }
    let resource = case.get("/.well-known/oauth-protected-resource").expect(200).json();
    assert_eq!(resource["resource"], provider.issuer());
    assert_eq!(resource["authorization_servers"], json!([provider.issuer()]));
}

/// What an ID token and userinfo say together, of somebody with all that an account can have.
fn the_claims_are_those_of_an_account_that_has_everything(case: &Case) {
    let provider = Provider::new(case);
    let user = User { email: case.email(), password: password() };
    let file = scratch::directory("claims").join("password");
    std::fs::write(&file, &user.password).expect("a file of our own");
    let (file, username, phone) = (file.display().to_string(), case.username(), case.phone());
    let names_of_people = ["--username", &username, "--email", &user.email, "--phone", &phone];
    let more = ["--first-name", "Ada", "--last-name", "Byron", "--password-file", &file, "--json"];
    provider.command(&[&["account", "add"][..], &names_of_people, &more].concat());
    let tokens = provider.code_flow(&provider.client(json!({})), &user);
    let token = |name: &str| tokens[name].as_str().unwrap_or_else(|| panic!("no {name} in {tokens}"));
    let told = provider.userinfo(token("access_token")).expect(200).json();
    let said = [decoded(token("id_token")).1, told];
    let said: BTreeSet<String> =
        said.iter().flat_map(|claims| claims.as_object().expect("an object").keys().cloned()).collect();
    let promised = names(&configuration(case), "claims_supported");
    assert_eq!(promised.len(), said.len(), "a claim is named twice: {promised:?}");
    assert_eq!(BTreeSet::from_iter(promised), said);
}

fn discovery_follows_the_configuration(case: &Case) {
    assert!(configuration(case).get("registration_endpoint").is_none(), "registration is off");
    let elsewhere = case.with_config("public_url = \"https://accounts.example.org\"\n");
    let told = configuration(&elsewhere);
    assert_eq!(told["issuer"], "https://accounts.example.org");
    assert_eq!(told["token_endpoint"], "https://accounts.example.org/oauth2/token");
    // Never from the request.
    let asked = elsewhere.http().get("/.well-known/openid-configuration");
    let asked = asked.header("X-Forwarded-Host", "attacker.example").send().expect(200);
    assert_eq!(asked.json(), told);
    let off = case.with_config("[surfaces.oauth]\nenabled = false");
    off.get("/.well-known/openid-configuration").expect(404);
}
