//! Clients that register themselves, and what is fetched for them.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use countersign_testkit::http::urlencoded;
use countersign_testkit::{Response, scratch};
use serde_json::{Value, json};

use super::codes::expect_error;
use super::dpop::{Key, now};
use super::provider::{Provider, RegisteredClient, basic};
use crate::case::{Case, on_both_engines, unique};

on_both_engines! {
    registration_is_off_by_default
    registration_may_need_a_token
    what_a_client_registers_is_checked
    a_registration_is_managed_with_its_own_token
    what_an_operator_limits_no_client_undoes
    who_registers_itself_is_counted_with_a_secret_too
    nothing_private_is_fetched
    a_strangers_wish_sends_nobody_on_unasked
    a_strangers_request_sends_nobody_on_unasked
}

const OPEN: &str = "[oauth]\nregistration = 'open'\n";

fn register(case: &Case, metadata: &Value) -> Response {
    case.http().post("/oauth2/register").json(metadata).send()
}

fn minimal() -> Value {
    json!({"redirect_uris": ["https://app.example.com/cb"]})
}

fn registration_is_off_by_default(case: &Case) {
    let refused = register(case, &minimal()).expect(403);
    assert_eq!(refused.json()["error"], "access_denied");
    let discovery = case.get("/.well-known/openid-configuration").expect(200).json();
    assert!(discovery.get("registration_endpoint").is_none());
}

fn registration_may_need_a_token(case: &Case) {
    let case = case.with_config("[oauth]\nregistration = 'token'\nregistration_token = 'let-me-in'\n");
    let with = |value: Option<&str>| {
        let request = case.http().post("/oauth2/register").json(&minimal());
        match value {
            Some(value) => request.header("Authorization", value).send(),
            None => request.send(),
        }
    };
    for refused in [with(None), with(Some("Bearer let-me-in2")), with(Some("Basic let-me-in"))] {
        assert_eq!(refused.status, 401);
        expect_error(&refused, "invalid_token");
        assert!(refused.header("www-authenticate").is_some_and(|value| value.starts_with("Bearer")));
    }
    with(Some("Bearer let-me-in")).expect(201);
}

fn what_a_client_registers_is_checked(case: &Case) {
    let case = case.with_config(OPEN);
    let provider = Provider::new(&case);
    for uri in [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "http://app.example.com/cb",
        "https://app.example.com/cb#fragment",
        "https://app.example.com/*",
        "https://user@app.example.com/cb",
        "https://app.example.com/a/../b",
        "https:///cb",
        "relative",
    ] {
        let refused = register(&case, &json!({"redirect_uris": [uri]}));
        expect_error(&refused, "invalid_redirect_uri");
        assert!(refused.string("error_description").starts_with("redirect_uris has one"), "{uri}");
    }
    let with = |name: &str, value: Value| {
        let mut metadata = minimal();
        metadata[name] = value;
        register(&case, &metadata)
    };
    for (name, value, allowed) in [
        ("redirect_uris", json!([]), "authorization_code"),
        ("redirect_uris", json!("https://app.example.com/cb"), "a list of texts"),
        ("contacts", json!("a@example.com"), "a list of texts"),
        ("scope", json!(["openid"]), "a string"),
        ("grant_types", json!(["password", "forged, expected \"x\""]), "`client_credentials`"),
        ("token_endpoint_auth_method", json!("client_secret_jwt"), "`private_key_jwt`"),
        ("token_endpoint_auth_method", json!("private_key_jwt"), "jwks_uri"),
        ("logo_uri", json!("javascript:alert(1)"), "https"),
        ("client_name", json!("\u{202e}knaB ruoY"), "turn text"),
        ("client_name", json!("Your Bank, which asks as always. ".repeat(4)), "100"),
        ("jwks", json!("x"), "public keys"),
        ("jwks", json!({"keys": "x"}), "public keys"),
        ("jwks", json!({"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}), "public keys"),
        ("jwks", json!({"keys": [{"kty": "EC", "d": "c2VjcmV0"}]}), "public keys"),
        ("id_token_signed_response_alg", json!("none"), "`ES256`"),
    ] {
        let refused = with(name, value);
        expect_error(&refused, "invalid_client_metadata");
        let said = refused.string("error_description");
        assert!(said.contains(name) && said.contains(allowed) && !said.contains('"'), "{name}: {said}");
    }
    expect_error(
        &case.http().post("/oauth2/register").body("application/json", "[]").send(),
        "invalid_client_metadata",
    );

    // What strangers do not decide is dropped, and what is not known (RFC 7591 section 2).
    let made = register(
        &case,
        &json!({
            "redirect_uris": ["https://app.example.com/cb"],
            "grant_types": ["authorization_code", "implicit"],
            "response_types": ["code", "id_token"],
            "scope": "openid admin email",
            "first_party": true,
            "introspect_documents": true,
            "audience": ["https://api.example.com"],
            "kept_members": ["scope"],
            "require_pkce": false,
            "unheard_of": {"a": 1},
            "client_id": "mine",
            "client_name": null,
        }),
    )
    .expect(201);
    assert_eq!(made.header("cache-control"), Some("no-store"));
    let made = made.json();
    assert_eq!(
        (&made["scope"], &made["grant_types"]),
        (&json!("email openid"), &json!(["authorization_code"]))
    );
    assert_eq!((&made["first_party"], &made["introspect_documents"]), (&json!(false), &json!(false)));
    assert_eq!(made["require_pkce"], true);
    assert!(
        made["audience"].is_null()
            && made["kept_members"].is_null()
            && made["unheard_of"].is_null()
            && made["client_id"] != "mine",
        "{made}"
    );
    // It is a client like any other.
    let secret = made["client_secret"].as_str().expect("a secret");
    let id = made["client_id"].as_str().expect("an id");
    let request = case.http().post("/oauth2/introspect").header("Authorization", &basic(id, secret));
    assert_eq!(request.form(&[("token", "nothing")]).send().expect(200).json(), json!({"active": false}));
    let listed = provider.command(&["client", "show", id, "--json"]);
    assert_eq!(listed["origin"], "dynamic");
}

fn a_registration_is_managed_with_its_own_token(case: &Case) {
    let case = case.with_config(OPEN);
    let provider = Provider::new(&case);
    let made = register(&case, &minimal()).expect(201).json();
    let other = register(&case, &minimal()).expect(201).json();
    let text = |json: &Value, name: &str| json[name].as_str().unwrap_or_else(|| panic!("{name}")).to_owned();
    let (id, token) = (text(&made, "client_id"), text(&made, "registration_access_token"));
    let uri = text(&made, "registration_client_uri");
    let path = uri.strip_prefix(&provider.issuer()).expect("under the issuer");
    let send = |method: &str, token: &str, body: Option<&Value>| {
        let request = case.http().request(method, path).header("Authorization", &format!("Bearer {token}"));
        match body {
            Some(body) => request.json(body).send(),
            None => request.send(),
        }
    };
    let read = send("GET", &token, None).expect(200).json();
    assert_eq!((&read["client_id"], &read["redirect_uris"]), (&made["client_id"], &made["redirect_uris"]));
    assert!(read["client_secret"].is_null(), "only its digest is known");
    for wrong in [&text(&other, "registration_access_token"), &text(&made, "client_secret"), "x"] {
        for method in ["GET", "PUT", "DELETE"] {
            expect_error(&send(method, wrong, Some(&minimal())), "invalid_token");
        }
    }
    let wanted =
        json!({"client_id": id, "redirect_uris": ["https://new.example.com/cb"], "client_name": "New"});
    expect_error(&send("PUT", &token, Some(&minimal())), "invalid_client_metadata");
    let replaced = send("PUT", &token, Some(&wanted)).expect(200).json();
    assert_eq!((&replaced["client_name"], &replaced["client_secret"]), (&json!("New"), &Value::Null));
    assert_eq!(replaced["redirect_uris"], json!(["https://new.example.com/cb"]));

    send("DELETE", &token, None).expect(204);
    expect_error(&send("GET", &token, None), "invalid_token");
    let header = basic(&id, &text(&made, "client_secret"));
    let request = case.http().post("/oauth2/introspect").header("Authorization", &header);
    expect_error(&request.form(&[("token", "x")]).send(), "invalid_client");
}

fn what_an_operator_limits_no_client_undoes(case: &Case) {
    let case = case.with_config(OPEN);
    let provider = Provider::new(&case);
    let uri = "https://app.example.com/cb";
    let wide = json!({
        "redirect_uris": [uri, "https://elsewhere.example.com/cb"],
        "scope": "email offline_access openid",
        "token_endpoint_auth_method": "none",
        "client_name": "Old",
    });
    let made = register(&case, &wide).expect(201).json();
    let (id, token) =
        (made["client_id"].as_str().unwrap(), made["registration_access_token"].as_str().unwrap());
    let put = |name: &str| {
        let (mut wanted, path) = (wide.clone(), format!("/oauth2/register/{id}"));
        (wanted["client_id"], wanted["client_name"]) = (json!(id), json!(name));
        let request = case.http().request("PUT", &path).header("Authorization", &format!("Bearer {token}"));
        request.json(&wanted).send()
    };
    provider.command(&["group", "add", "staff", "--json"]);
    let limits =
        ["--group", "staff", "--access-token-lifetime", "60", "--scope", "openid", "--redirect-uri", uri];
    provider.command(&[&["client", "update", id, "--json"], &limits[..]].concat());
    let replaced = put("New").expect(200).json();
    let shown = provider.command(&["client", "show", id, "--json"]);
    for client in [replaced, shown] {
        assert_eq!((&client["groups"], &client["access_token_lifetime"]), (&json!(["staff"]), &json!(60)));
        assert_eq!((&client["scope"], &client["redirect_uris"]), (&json!("openid"), &json!([uri])));
        assert_eq!(client["client_name"], "New", "what no operator changed is the client's");
    }
    // What is given back is the client's again, but for what only operators say.
    let file = scratch::directory("given-back").join("metadata.json");
    std::fs::write(&file, json!({"kept_members": ["redirect_uris"]}).to_string()).expect("a file of our own");
    provider.command(&["client", "update", id, "--metadata", &file.display().to_string(), "--json"]);
    let replaced = put("Newest").expect(200).json();
    assert_eq!((&replaced["scope"], &replaced["groups"]), (&wide["scope"], &json!(["staff"])));
    assert_eq!(replaced["redirect_uris"], json!([uri]));
    // One that stands in the configuration is an operator's altogether.
    let file = scratch::directory("adopted").join("clients.toml");
    let adopted = format!(
        "[[clients]]\nclient_id = '{id}'\ntoken_endpoint_auth_method = 'none'\nredirect_uris = ['{uri}']\n"
    );
    std::fs::write(&file, adopted).expect("a file of our own");
    provider.command(&["config", "apply", "--config", &file.display().to_string(), "--json"]);
    expect_error(&put("Newer"), "invalid_token");
    assert_eq!(provider.command(&["client", "show", id, "--json"])["origin"], "configuration");
}

/// Where anybody can have a secret, one is no reason to let its holder fill the store.
fn who_registers_itself_is_counted_with_a_secret_too(case: &Case) {
    let limits = "[limits]\nregistrations_per_source_burst = 2\nregistrations_per_source_interval = \"1h\"";
    let case = case.with_config(&format!("{OPEN}{limits}"));
    let provider = Provider::new(&case);
    let uri = "https://app.example.com/cb";
    let stranger = |format: &str| {
        let metadata = json!({
            "redirect_uris": [uri],
            "grant_types": ["authorization_code", "client_credentials"],
            "scope": "openid",
            "access_token_format": format,
        });
        let made = register(&case, &metadata).expect(201);
        RegisteredClient {
            id: made.string("client_id"),
            secret: Some(made.string("client_secret")),
            redirect_uri: uri.to_owned(),
            method: "client_secret_basic".to_owned(),
            scope: "openid".to_owned(),
        }
    };
    let known = provider.client(json!({
        "grant_types": ["authorization_code", "client_credentials"],
        "scope": "openid",
    }));
    let (one, other) = (stranger("opaque"), stranger("jwt"));
    let push = |client| provider.call(client, "/oauth2/par", &provider.ask(client).pairs()).status;
    let own = |client| provider.token(client, &[("grant_type", "client_credentials")]);
    assert_eq!([&one, &other, &one, &other].map(push), [201, 201, 429, 429]);
    assert_eq!([&one, &other, &one, &other].map(|client| own(client).status), [200, 200, 429, 429]);
    assert!(own(&one).header("retry-after").is_some());
    assert_eq!([(); 4].map(|()| (push(&known), own(&known).status)), [(201, 200); 4], "an operator knows it");
}

/// A server on this machine that gives JSON to whoever asks, and counts.
pub fn canary(json: String) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            counter.fetch_add(1, Ordering::SeqCst);
            // The head of the request is small, and nobody minds if it is not read whole.
            let _ = stream.read(&mut [0; 4096]);
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
            let _ = write!(stream, "{head}Content-Length: {}\r\n\r\n{json}", json.len());
        }
    });
    (port, asked)
}

fn nothing_private_is_fetched(case: &Case) {
    let key = Key::new();
    let (port, asked) = canary(json!({"keys": [key.jwk()]}).to_string());
    let sign_in = |case: &Case, host: &str| {
        let provider = Provider::new(case);
        let client = provider.service(json!({
            "scope": "read",
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks_uri": format!("http://{host}:{port}/jwks"),
        }));
        let claims = json!({
            "iss": client.id, "sub": client.id, "aud": provider.issuer(),
            "jti": format!("fetch-{}", unique()), "iat": now(), "exp": now() + 60,
        });
        let jwt = key.sign(&json!({"alg": "ES256"}), &claims);
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", &jwt),
        ];
        case.http().post("/oauth2/token").form(&form).send()
    };
    for host in ["127.0.0.1", "localhost"] {
        expect_error(&sign_in(case, host), "invalid_client");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0, "somebody asked");
    // An operator may allow it.
    let allowed = case.with_config("[oauth]\nfetch_allowed = ['127.0.0.0/8']\n");
    sign_in(&allowed, "127.0.0.1").expect(200);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    // The network is allowed, not the name over http.
    expect_error(&sign_in(&allowed, "localhost"), "invalid_client");
}

/// R126: anybody could register somewhere to be sent to.
fn a_strangers_wish_sends_nobody_on_unasked(case: &Case) {
    let case = case.with_config(OPEN);
    let provider = Provider::new(&case);
    let there = "https://Phishing.example/bye";
    let metadata = json!({
        "redirect_uris": ["https://app.example.com/cb"],
        "post_logout_redirect_uris": [there],
    });
    let stranger = register(&case, &metadata).expect(201).string("client_id");
    let known = provider.client(json!({"post_logout_redirect_uris": [there]})).id;
    let wish = |id: &str| {
        let pairs = [("client_id", id), ("post_logout_redirect_uri", there), ("state", "s")];
        case.get(&format!("/oauth2/logout?{}", urlencoded(&pairs)))
    };
    let page = wish(&stranger).expect(200);
    assert!(page.header("location").is_none() && page.text().contains("phishing.example"), "{}", page.text());
    assert!(page.text().contains(&format!("href=\"{there}?state=s\"")), "{}", page.text());
    assert_eq!(wish(&known).expect(303).header("location"), Some(format!("{there}?state=s").as_str()));
}

/// RFC 9700 §4.11.2: by a request that cannot be had, a client that nobody has looked at would have browsers sent
/// wherever it likes.
fn a_strangers_request_sends_nobody_on_unasked(case: &Case) {
    let case = case.with_config(OPEN);
    let provider = Provider::new(&case);
    let there = "https://phishing.example/cb";
    let metadata = json!({"redirect_uris": [there], "token_endpoint_auth_method": "none"});
    let id = register(&case, &metadata).expect(201).string("client_id");
    let stranger = RegisteredClient {
        id,
        secret: None,
        redirect_uri: there.to_owned(),
        method: "none".to_owned(),
        scope: "openid".to_owned(),
    };
    let known = provider.client(json!({"redirect_uris": [there], "scope": "openid"}));
    let impossible = json!({"id_token": {"acr": {"essential": true, "value": "urn:nowhere"}}}).to_string();
    let wishes = |client: &RegisteredClient| {
        let asked = provider.ask(client);
        let others = json!({"id_token": {"sub": {"value": "somebody else"}}}).to_string();
        [
            ("login_required", asked.clone().with("prompt", "none")),
            ("unmet_authentication_requirements", asked.clone().with("claims", &impossible)),
            ("login_required", asked.with("claims", &others).with("prompt", "none")),
        ]
    };
    let user = provider.user();
    let (mut nobody, mut somebody) = (provider.browser(), provider.signed_in(&known, &user));
    for browser in [&mut nobody, &mut somebody] {
        for (error, asked) in wishes(&stranger) {
            browser.open(&asked.target());
            assert!(browser.away().is_none(), "{error}: {:?}", browser.away());
            let page = browser.page();
            assert!(page.status == 400 && !page.text().contains("phishing"), "{error}: {}", page.text());
        }
    }
    // Whom an operator knows gets its answer.
    for (error, asked) in wishes(&known) {
        assert_eq!(nobody.open(&asked.target()).answer().error(), Some(error));
    }
    // And so does who was allowed something, from those who did.
    provider.grant_in(&mut somebody, &provider.ask(&stranger), &user);
    for (_, asked) in &wishes(&stranger)[1..] {
        assert!(somebody.open(&asked.target()).answer().error().is_some());
    }
    let silent = provider.ask(&stranger).with("prompt", "none").target();
    assert!(somebody.open(&silent).answer().error().is_none(), "it was allowed");
    let mut other = provider.signed_in(&known, &provider.user());
    assert_eq!(other.open(&silent).page().status, 400);
    // Whoever has the page before them and says no has had a hand in it.
    other.open(&provider.ask(&stranger).target()).submit(&[("decision", "deny")]);
    assert_eq!(other.answer().error(), Some("access_denied"));
}
