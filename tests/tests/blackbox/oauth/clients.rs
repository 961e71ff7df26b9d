//! Clients: how they are added, and how they show who they are.

use std::time::Duration;

use countersign_testkit::{Response, scratch};
use serde_json::{Value, json};

use super::codes::expect_error;
use super::dpop::{Key, now};
use super::provider::{Granted, Provider, REDIRECT_URI, RegisteredClient, basic};
use crate::case::{Case, at_once, on_both_engines, unique};

on_both_engines! {
    what_was_taken_from_a_client_is_not_granted
    a_client_is_made_listed_and_removed
    commands_call_the_server_what_it_calls_itself
    what_is_wrong_with_a_client_is_said_in_full
    a_secret_is_shown_once_and_stored_as_a_digest
    a_rotated_secret_works_on_for_a_while
    several_authentication_methods_in_one_request_are_refused
    a_client_uses_only_its_registered_method
    an_assertion_works_once_and_for_this_issuer_only
    a_configuration_is_planned_then_applied
}

/// What a client is asked for its authentication with.
const GRANT: (&str, &str) = ("grant_type", "client_credentials");

/// Asks for a token with these parameters, and with this header if there is one.
fn ask(case: &Case, header: Option<&str>, pairs: &[(&str, &str)]) -> Response {
    let request = case.http().post("/oauth2/token");
    let request = match header {
        Some(header) => request.header("Authorization", header),
        None => request,
    };
    request.form(&[&[GRANT], pairs].concat()).send()
}

fn secret(client: &RegisteredClient) -> &str {
    client.secret.as_deref().expect("a client with a secret")
}

fn what_is_wrong_with_a_client_is_said_in_full(case: &Case) {
    let add = |flags: &[&str]| case.server().command(&[&["client", "add"], flags].concat());
    let refusals: [(&[&str], &str); 4] = [
        (&[], "--service"),
        (&["--service", "--token-endpoint-auth-method", "private_key"], "private_key_jwt"),
        (&["--service", "--id-token-signed-response-alg", "HS256"], "ES256"),
        (&["--service", "--tls-client-certificate-bound-access-tokens"], "[oauth.mtls]"),
    ];
    for (flags, word) in refusals {
        let refused = add(flags);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{flags:?}: {said}");
        assert!(said.contains(word), "{flags:?}: {said}");
    }
    // RFC 7591 §2: what means nothing is ignored, but not in silence.
    let file = countersign_testkit::scratch::directory("misspelt").join("client.json");
    let misspelt = json!({"redirect_uri": ["https://app.example.com/cb"], "grant_types": ["client_credentials"],
        "client_id_issued_at": 1, "tls_cert_policy": "x"});
    std::fs::write(&file, misspelt.to_string()).expect("a file of our own");
    let made = add(&["--metadata", &file.display().to_string(), "--require-pkce", "false", "--json"]);
    let said = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success() && said.contains("did you mean `redirect_uris`?"), "{said}");
    assert!(said.contains("`tls_cert_policy`") && !said.contains("client_id_issued_at"), "{said}");
    let made: Value = serde_json::from_slice(&made.stdout).expect("JSON");
    assert_eq!(made["require_pkce"], false, "{made}");
    let group = unique().to_string();
    let made = add(&["--spa", "https://app.example.com/cb", "--group", &group]);
    let said = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success() && said.contains(&group), "{said}");
}

/// Its listener is not where the default would have it, and its tokens say so.
fn commands_call_the_server_what_it_calls_itself(case: &Case) {
    let provider = Provider::new(case);
    let added = case.server().command(&["client", "add", "--spa", "http://localhost:5173/cb"]);
    let said = String::from_utf8_lossy(&added.stdout);
    assert!(said.contains(&format!("authority: {:?}", provider.issuer())), "{said}");
    let client =
        provider.client(json!({"access_token_format": "jwt", "grant_types": ["client_credentials"]}));
    let header = basic(&client.id, secret(&client));
    let token = ask(case, Some(&header), &[]).expect(200).json()["access_token"].clone();
    let inspected = provider.command(&["token", "inspect", token.as_str().expect("a token"), "--json"]);
    assert_eq!(inspected["introspection"]["active"], true, "{inspected}");
}

fn a_client_is_made_listed_and_removed(case: &Case) {
    let provider = Provider::new(case);
    let id = format!("client-{}", unique());
    let add = ["client", "add", "--client-id", &id];
    let flags = [
        add.as_slice(),
        &["--redirect-uri", "https://app.example.com/a", "--redirect-uri", "http://127.0.0.1/b"],
        &["--grant-type", "authorization_code", "--grant-type", "refresh_token"],
        &["--response-type", "code", "--scope", "openid email"],
        &["--token-endpoint-auth-method", "client_secret_post"],
        &["--post-logout-redirect-uri", "https://app.example.com/out"],
        &["--backchannel-logout-uri", "https://app.example.com/logout"],
        &["--jwks", r#"{"keys":[]}"#, "--client-name", "App", "--json"],
    ];
    let made = provider.command(&flags.concat());
    let expected = json!({
        "client_id": id,
        "redirect_uris": ["https://app.example.com/a", "http://127.0.0.1/b"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "scope": "email openid",
        "token_endpoint_auth_method": "client_secret_post",
        "post_logout_redirect_uris": ["https://app.example.com/out"],
        "backchannel_logout_uri": "https://app.example.com/logout",
        "jwks": {"keys": []},
        "client_name": "App",
        "client_secret_expires_at": 0,
    });
    for (name, value) in expected.as_object().expect("an object") {
        assert_eq!(&made[name], value, "{name} in {made}");
    }
    // The same once more is another client's.
    let again = case.server().command(&flags.concat());
    assert_eq!(again.status.code(), Some(1));
    let shown = provider.command(&["client", "show", &id, "--json"]);
    assert_eq!(shown["client_name"], "App");
    let listed = provider.command(&["client", "list", "--json"]);
    assert!(listed.as_array().expect("a list").iter().any(|one| one["client_id"] == id.as_str()));

    let changed = provider.command(&["client", "update", &id, "--client-name", "Other", "--json"]);
    assert_eq!((&changed["client_name"], &changed["scope"]), (&json!("Other"), &json!("email openid")));
    assert!(changed["client_secret"].is_null(), "the secret stays as it is");

    provider.command(&["client", "remove", &id, "--json"]);
    assert_eq!(case.server().command(&["client", "show", &id]).status.code(), Some(1));
    let script = ["client", "add", "--redirect-uri", "JavaScript:alert(1)"];
    assert_eq!(case.server().command(&script).status.code(), Some(2));
}

fn a_secret_is_shown_once_and_stored_as_a_digest(case: &Case) {
    let provider = Provider::new(case);
    let client = provider.service(json!({"scope": "read"}));
    let secret = secret(&client);
    assert!(secret.starts_with("cs_cs_") && secret.len() == 55, "{secret}");
    for command in [["client", "show", &client.id, "--json"].as_slice(), &["client", "list", "--json"]] {
        let shown = provider.command(command).to_string();
        assert!(shown.contains(&client.id) && !shown.contains(secret), "{shown}");
    }
    let copy = scratch::directory("clients").join("backup");
    provider.command(&["backup", &copy.display().to_string(), "--json"]);
    let bytes = std::fs::read(copy).expect("the backup");
    let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(has(&client.id) && !has(secret) && !has(&secret[6..49]));
}

fn a_rotated_secret_works_on_for_a_while(case: &Case) {
    let mut case = case.with_clock();
    let (client, first) = {
        let provider = Provider::new(&case);
        let client = provider.service(json!({"scope": "read"}));
        let first = secret(&client).to_owned();
        (client, first)
    };
    let rotate = |case: &Case, keep: &str| {
        let command = ["client", "rotate-secret", &client.id, "--keep", keep, "--json"];
        Provider::new(case).command(&command)["client_secret"].as_str().expect("a secret").to_owned()
    };
    let status = |case: &Case, secret: &str| ask(case, Some(&basic(&client.id, secret)), &[]).status;
    let second = rotate(&case, "1h");
    assert_eq!((status(&case, &first), status(&case, &second)), (200, 200));
    case.server_mut().advance(Duration::from_secs(3601));
    assert_eq!((status(&case, &first), status(&case, &second)), (401, 200));
    let third = rotate(&case, "0s");
    assert_eq!((status(&case, &second), status(&case, &third)), (401, 200));
}

fn several_authentication_methods_in_one_request_are_refused(case: &Case) {
    let provider = Provider::new(case);
    let client = provider.service(json!({"scope": "read"}));
    let other = provider.service(json!({"scope": "read"}));
    let header = basic(&client.id, secret(&client));
    let in_body = [("client_id", client.id.as_str()), ("client_secret", secret(&client))];
    ask(case, Some(&header), &[("client_id", &client.id)]).expect(200);
    let assertion = [
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", "a.b.c"),
    ];
    for refused in [
        ask(case, Some(&header), &in_body),
        ask(case, Some(&header), &[("client_id", &other.id)]),
        ask(case, Some(&header), &assertion),
        ask(case, None, &[in_body.as_slice(), &assertion].concat()),
    ] {
        assert_eq!(refused.status, 400, "{}", refused.text());
        expect_error(&refused, "invalid_request");
    }
    // A parameter in the address, and one that stands twice.
    let form = [GRANT];
    let in_query = format!("/oauth2/token?client_id={}", client.id);
    let refused = case.http().post(&in_query).header("Authorization", &header).form(&form).send();
    expect_error(&refused, "invalid_request");
    expect_error(&ask(case, Some(&header), &[GRANT]), "invalid_request");
}

fn a_client_uses_only_its_registered_method(case: &Case) {
    let provider = Provider::new(case);
    let methods = ["client_secret_basic", "client_secret_post"];
    let clients = methods
        .map(|method| provider.service(json!({"scope": "read", "token_endpoint_auth_method": method})));
    let by_header =
        |client: &RegisteredClient, secret: &str| ask(case, Some(&basic(&client.id, secret)), &[]);
    let by_body = |client: &RegisteredClient, secret: &str| {
        ask(case, None, &[("client_id", &client.id), ("client_secret", secret)])
    };
    let [basic_client, post_client] = &clients;
    by_header(basic_client, secret(basic_client)).expect(200);
    by_body(post_client, secret(post_client)).expect(200);
    let nobody = RegisteredClient { id: "nobody".to_owned(), ..basic_client.clone() };
    // Libraries differ in which way they take unless told: who holds the secret is told.
    let other_way =
        [by_body(basic_client, secret(basic_client)), by_header(post_client, secret(post_client))];
    for (refused, method) in other_way.iter().zip(methods) {
        assert_eq!(refused.status, 401, "{}", refused.text());
        expect_error(refused, "invalid_client");
        assert!(refused.string("error_description").contains(method), "{}", refused.text());
    }
    let refusals = [
        by_body(basic_client, secret(post_client)),
        by_header(post_client, secret(basic_client)),
        by_header(basic_client, secret(post_client)),
        by_header(basic_client, ""),
        by_header(&nobody, secret(basic_client)),
        ask(case, None, &[("client_id", &basic_client.id)]),
    ];
    let bodies: Vec<&str> = refusals.iter().map(Response::text).collect();
    for refused in &refusals {
        assert_eq!(refused.status, 401, "{}", refused.text());
        expect_error(refused, "invalid_client");
        assert_eq!(refused.text(), bodies[0], "why is nobody's business");
    }
    // RFC 6749 section 5.2, and RFC 9110 section 15.5.2 for who used no header.
    let endpoints = ["introspect", "revoke", "par", "device_authorization"];
    let elsewhere = endpoints.map(|endpoint| {
        let request = case.http().post(&format!("/oauth2/{endpoint}"));
        request.form(&[("client_id", basic_client.id.as_str()), ("token", "x")]).send().expect(401)
    });
    let public = provider.public_client();
    let asks = provider.call(&public, "/oauth2/introspect", &[("token", "x")]).expect(401);
    for refused in refusals.iter().chain(&elsewhere).chain([&asks]) {
        assert_eq!(refused.header("www-authenticate"), Some("Basic realm=\"oauth2\""));
    }
    let settings = case.server().command(&["client", "add", "--web", "https://app.example.com/cb"]);
    let settings = String::from_utf8_lossy(&settings.stdout).into_owned();
    assert!(settings.contains("client.ClientSecretBasic(") && settings.contains(methods[0]), "{settings}");
    expect_error(&by_body(&public, "anything"), "invalid_client");
    assert_eq!(ask(case, None, &[]).status, 401);
}

/// What is in an assertion that is good.
fn assertion_claims(provider: &Provider<'_>, client: &str) -> Value {
    let jti = format!("assertion-{}", unique());
    json!({
        "iss": client, "sub": client, "aud": provider.issuer(), "jti": jti, "iat": now(), "exp": now() + 60
    })
}

fn an_assertion_works_once_and_for_this_issuer_only(case: &Case) {
    let provider = Provider::new(case);
    let (key, stranger) = (Key::new(), Key::new());
    let client = provider.service(json!({
        "scope": "read",
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [key.jwk()]},
    }));
    assert_eq!(client.secret, None);
    let header = json!({"alg": "ES256"});
    let present = |jwt: &str| {
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        ask(case, None, &[("client_assertion_type", kind), ("client_assertion", jwt)])
    };
    let with = |name: &str, value: Value| {
        let mut claims = assertion_claims(&provider, &client.id);
        claims[name] = value;
        key.sign(&header, &claims)
    };
    let good = key.sign(&header, &assertion_claims(&provider, &client.id));
    present(&good).expect(200);
    expect_error(&present(&good), "invalid_client");
    // Of any number at once one is taken.
    let raced = key.sign(&header, &assertion_claims(&provider, &client.id));
    let statuses = at_once(20, |_| present(&raced).status);
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");

    let token_endpoint = format!("{}/oauth2/token", provider.issuer());
    let mut without_jti = assertion_claims(&provider, &client.id);
    without_jti.as_object_mut().expect("an object").remove("jti");
    let refused = [
        with("aud", json!(token_endpoint)),
        with("aud", json!([provider.issuer()])),
        with("aud", json!("https://other.example.com")),
        with("iss", json!("somebody")),
        with("sub", json!("somebody")),
        with("exp", json!(now() - 1)),
        with("iat", json!(now() - 3600)),
        key.sign(&header, &without_jti),
        stranger.sign(&header, &assertion_claims(&provider, &client.id)),
        key.sign(&json!({"alg": "none"}), &assertion_claims(&provider, &client.id)),
        key.sign(&json!({"alg": "HS256"}), &assertion_claims(&provider, &client.id)),
    ];
    for jwt in refused {
        expect_error(&present(&jwt), "invalid_client");
    }
    expect_error(&ask(case, Some(&basic(&client.id, "secret")), &[]), "invalid_client");
    expect_error(&ask(case, None, &[("client_id", &client.id)]), "invalid_client");
}

fn a_configuration_is_planned_then_applied(case: &Case) {
    let case = case.with_config("");
    let provider = Provider::new(&case);
    let file = scratch::directory("plan").join("wanted.toml");
    let path = file.display().to_string();
    let run = |what: &str, toml: &str| {
        std::fs::write(&file, toml).expect("a file of our own");
        provider.command(&["config", what, "--config", &path, "--json"])["changes"].clone()
    };
    let steps = |changes: &Value| {
        let changes = changes.as_array().expect("a list").iter();
        changes
            .map(|step| format!("{} {}", step["action"], step["client_id"]).replace('"', ""))
            .collect::<Vec<_>>()
    };
    let one = "[[clients]]\nclient_id = 'one'\nclient_secret = '0123456789abcdef0123456789abcdef'\n\
               scope = 'read'\ngrant_types = ['client_credentials']\n";
    let two = "[[clients]]\nclient_id = 'two'\ntoken_endpoint_auth_method = 'none'\n\
               redirect_uris = ['https://two.example.com/cb']\n";
    let both = format!("{one}{two}");
    let own = provider.service(json!({"scope": "read"}));

    assert_eq!(steps(&run("plan", &both)), ["add one", "add two"]);
    assert_eq!(case.server().command(&["client", "show", "one"]).status.code(), Some(1), "it was a plan");
    assert_eq!(steps(&run("apply", &both)), ["add one", "add two"]);
    assert!(steps(&run("plan", &both)).is_empty());
    ask(&case, Some(&basic("one", "0123456789abcdef0123456789abcdef")), &[]).expect(200);

    let changed = both.replace("two.example.com", "new.example.com");
    let planned = run("plan", &changed);
    assert_eq!(steps(&planned), ["change two"]);
    assert_eq!(planned[0]["members"]["redirect_uris"]["after"], json!(["https://new.example.com/cb"]));
    assert_eq!(steps(&run("apply", &changed)), ["change two"]);
    assert_eq!(steps(&run("apply", two)), ["remove one", "change two"]);
    expect_error(&ask(&case, Some(&basic("one", "0123456789abcdef0123456789abcdef")), &[]), "invalid_client");
    // What was added by hand stays.
    ask(&case, Some(&basic(&own.id, secret(&own))), &[]).expect(200);

    let wrong = case.server().command(&["config", "check", "--config", &path]);
    assert!(wrong.status.success());
    std::fs::write(&file, "[[clients]]\nclient_id = 'x'\nredirect_uri = 'https://a.example.com'\n")
        .expect("a file");
    let wrong = case.server().command(&["config", "check", "--config", &path]);
    assert_eq!(wrong.status.code(), Some(2), "a member that does not exist");
    assert_server_applies_at_start(&case, one);
}

/// A server takes the clients of its configuration when it starts.
fn assert_server_applies_at_start(case: &Case, clients: &str) {
    let started = case.with_config(clients);
    ask(&started, Some(&basic("one", "0123456789abcdef0123456789abcdef")), &[]).expect(200);
}

/// Somebody may take half an hour for the pages, and a code or a refresh token comes back later still.
fn what_was_taken_from_a_client_is_not_granted(case: &Case) {
    let types = "[oauth]\nauthorization_details_types = ['payment']\n";
    let own = case.with_config(types);
    let provider = Provider::new(&own);
    let (kept, taken) = ("https://kept.example.com", "https://taken.example.com");
    let all = json!({
        "client_name": "Example application", "redirect_uris": [REDIRECT_URI],
        "grant_types": ["authorization_code", "refresh_token"], "scope": "openid read write offline_access",
        "audience": [kept, taken], "authorization_details_types": ["payment"],
    });
    let client = provider.client(all.clone());
    let file = scratch::directory("client").join("metadata.json");
    let set = |metadata: &Value| {
        std::fs::write(&file, metadata.to_string()).expect("a file of our own");
        let file = file.display().to_string();
        provider.command(&["client", "update", &client.id, "--metadata", &file, "--json"]);
    };
    let mut less = all.clone();
    less["scope"] = "openid read offline_access".into();
    let scopes = |tokens: &Value| tokens["scope"].as_str().map(str::to_owned);
    let read_only = Some("offline_access openid read".to_owned());
    let user = provider.user();
    let mut browser = provider.browser();

    // On the page, in a code, in a grant.
    let asked = provider.ask(&client);
    browser.open(&asked.target()).sign_in(&user);
    set(&less);
    let code = browser.allow().answer().get("code").to_owned();
    set(&all);
    let before = provider.redeem(&client, &Granted { code, asked, answer: browser.answer() }).expect(200);
    assert_eq!(scopes(&before.json()), read_only);
    let granted = provider.grant_in(&mut browser, &provider.ask(&client), &user);
    set(&less);
    let tokens = provider.redeem(&client, &granted).expect(200).json();
    assert_eq!(scopes(&tokens), read_only);
    set(&all);
    let tokens = provider.refresh(&client, refresh_of(&tokens)).expect(200).json();
    assert!(scopes(&tokens).is_some_and(|scope| scope.contains("write")), "{tokens}");
    set(&less);
    let refresh = refresh_of(&tokens);
    let asking = [("grant_type", "refresh_token"), ("refresh_token", refresh), ("scope", "openid write")];
    let tokens = provider.token(&client, &asking).expect(200).json();
    assert_eq!(scopes(&tokens), Some("openid".to_owned()));
    assert_eq!(scopes(&provider.refresh(&client, refresh_of(&tokens)).expect(200).json()), read_only);

    // Resources and details: never more than were granted for, and never none instead.
    set(&all);
    let details = json!([{"type": "payment", "amount": "1"}]).to_string();
    let rich = provider.ask(&client).with("authorization_details", &details);
    let rich = rich.with("resource", taken);
    let (granted, open) = (provider.grant_in(&mut browser, &rich, &user), rich);
    browser.open(&open.target());
    less["audience"] = json!([kept]);
    set(&less);
    assert_eq!(browser.submit(&[("decision", "allow")]).answer().error(), Some("invalid_target"));
    expect_error(&provider.redeem(&client, &granted), "invalid_target");
    less["audience"] = json!([kept, taken]);
    less["authorization_details_types"] = json!([]);
    set(&less);
    let tokens = provider.redeem(&client, &granted).expect(200).json();
    assert!(tokens.get("authorization_details").is_none(), "{tokens}");
}

fn refresh_of(tokens: &Value) -> &str {
    tokens["refresh_token"].as_str().unwrap_or_else(|| panic!("no refresh_token in {tokens}"))
}
