//! Requests that their client has signed (RFC 9101).

use std::net::{TcpListener, TcpStream};
use std::sync::atomic::Ordering;

use countersign_testkit::http::urlencoded;
use countersign_testkit::{HttpsSite, Page, Response, Server};
use serde_json::{Value, json};

use super::codes::expect_error;
use super::dpop::{Key, now};
use super::provider::{Asked, Granted, Provider, REDIRECT_URI, RegisteredClient, decoded};
use super::registration::canary;
use crate::case::{Case, at_once, on_both_engines, unique};

on_both_engines! {
    a_signed_request_is_taken_and_nothing_that_stands_beside_it
    a_request_object_is_signed_by_its_client_for_this_server_and_now
    a_request_object_works_once
    a_request_object_is_no_assertion_and_an_assertion_no_request_object
    a_client_that_signs_its_requests_has_no_others
    what_is_wrong_in_a_request_object_is_answered_where_it_says
    the_keys_of_request_objects_may_be_elsewhere
    no_request_uri_is_fetched
    keys_are_fetched_once_however_many_ask
}

/// A client that signs.
struct Signing {
    key: Key,
    client: RegisteredClient,
}

impl Signing {
    fn new(provider: &Provider<'_>, metadata: Value) -> Signing {
        let key = Key::new();
        let mut all = json!({"jwks": {"keys": [key.jwk()]}, "first_party": true});
        for (name, value) in metadata.as_object().expect("an object") {
            all[name] = value.clone();
        }
        Signing { client: provider.client(all), key }
    }

    /// What an object holds that is good for this request.
    fn claims(&self, provider: &Provider<'_>, asked: &Asked) -> Value {
        let mut claims = json!({
            "iss": self.client.id, "aud": provider.issuer(), "iat": now(), "nbf": now(), "exp": now() + 60,
            "jti": format!("object-{}", unique()),
        });
        for (name, value) in asked.pairs() {
            claims[name] = value.into();
        }
        claims
    }

    fn sign(&self, claims: &Value) -> String {
        self.key.sign(&json!({"alg": "ES256", "typ": "oauth-authz-req+jwt"}), claims)
    }

    /// What a browser brings along.
    fn pairs<'a>(&'a self, object: &'a str) -> [(&'a str, &'a str); 2] {
        [("client_id", &self.client.id), ("request", object)]
    }

    fn target(&self, object: &str) -> String {
        format!("/oauth2/authorize?{}", urlencoded(&self.pairs(object)))
    }

    fn push(&self, provider: &Provider<'_>, object: &str) -> Response {
        provider.call(&self.client, "/oauth2/par", &[("request", object)])
    }
}

fn a_signed_request_is_taken_and_nothing_that_stands_beside_it(case: &Case) {
    let provider = Provider::new(case);
    let signing =
        Signing::new(&provider, json!({"redirect_uris": [REDIRECT_URI, "https://app.example.com/2"]}));
    let client = &signing.client;
    let mut browser = provider.signed_in(client, &provider.user());
    let asked = provider.ask(client).with("scope", "openid email");
    let beside = [
        ("client_id", client.id.as_str()),
        ("redirect_uri", "https://app.example.com/2"),
        ("response_type", "token"),
        ("response_mode", "fragment"),
        ("scope", "openid profile phone"),
        ("state", "another"),
        ("nonce", "another"),
        ("max_age", "0"),
        ("prompt", "login"),
        ("code_challenge", "another"),
    ];
    for way in ["get", "post", "par"] {
        let mut claims = signing.claims(&provider, &asked);
        // As JSON has them.
        claims["max_age"] = json!(3600);
        claims["claims"] = json!({"id_token": {"auth_time": {"essential": true}}});
        let object = signing.sign(&claims);
        let mut pairs = beside.to_vec();
        pairs.push(("request", &object));
        match way {
            "get" => browser.open_with("/oauth2/authorize", &pairs),
            "post" => browser.post("/oauth2/authorize", &pairs),
            _ => {
                let pushed = provider.call(client, "/oauth2/par", &pairs).expect(201).string("request_uri");
                let uri = [("client_id", client.id.as_str()), ("request_uri", &pushed), ("state", "another")];
                browser.open_with("/oauth2/authorize", &uri)
            }
        };
        let answer = browser.answer();
        assert_eq!((answer.url.as_str(), answer.get("state")), (REDIRECT_URI, asked.state.as_str()), "{way}");
        let granted = Granted { code: answer.get("code").to_owned(), asked: asked.clone(), answer };
        let tokens = provider.redeem(client, &granted).expect(200).json();
        assert_eq!(tokens["scope"], "email openid", "{way}");
        assert_eq!(decoded(tokens["id_token"].as_str().expect("one")).1["nonce"], asked.nonce.as_str());
    }
    // The page that it leads to can be loaded anew.
    let object = signing.sign(&signing.claims(&provider, &asked));
    let mut stranger = provider.browser();
    stranger.open(&signing.target(&object));
    let again = stranger.target().to_owned();
    assert!(stranger.open(&again).asks_for_password(), "{stranger}");
}

/// Each with what is wrong in it.
fn bad_objects(provider: &Provider<'_>, signing: &Signing, other: &Signing) -> Vec<(&'static str, String)> {
    let asked = provider.ask(&signing.client);
    let good = || signing.claims(provider, &asked);
    let with = |name: &str, value: Value| {
        let mut claims = good();
        claims[name] = value;
        signing.sign(&claims)
    };
    let without = |name: &str| {
        let mut claims = good();
        claims.as_object_mut().expect("an object").remove(name);
        signing.sign(&claims)
    };
    let typ = |typ: &str| signing.key.sign(&json!({"alg": "ES256", "typ": typ}), &good());
    let (signed, signature) =
        typ("JWT").rsplit_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).expect("one");
    let none = signing.key.sign(&json!({"alg": "none"}), &good());
    vec![
        ("alg none", none.clone()),
        ("alg none, unsigned", format!("{}.", none.rsplit_once('.').expect("a JWT").0)),
        ("shared secret", signing.key.sign(&json!({"alg": "HS256"}), &good())),
        ("unsigned", format!("{signed}.")),
        ("changed", format!("{}A.{signature}", &signed[..signed.len() - 1])),
        ("another's key", other.sign(&good())),
        (
            "its own key in the header",
            other.key.sign(&json!({"alg": "ES256", "jwk": other.key.jwk()}), &good()),
        ),
        ("another's object", other.sign(&other.claims(provider, &provider.ask(&other.client)))),
        ("iss of another", with("iss", json!(other.client.id))),
        ("no iss", without("iss")),
        ("aud of another", with("aud", json!("https://other.example.com"))),
        ("several aud", with("aud", json!([provider.issuer(), "https://other.example.com"]))),
        ("no aud", without("aud")),
        ("expired", with("exp", json!(now() - 1))),
        ("no exp", without("exp")),
        ("exp far away", with("exp", json!(now() + 7200))),
        ("nbf to come", with("nbf", json!(now() + 600))),
        ("iat long ago", with("iat", json!(now() - 7200))),
        ("client_id of another", with("client_id", json!(other.client.id))),
        ("no client_id", without("client_id")),
        ("its client as subject", with("sub", json!(signing.client.id))),
        ("an object inside", with("request", json!(signing.sign(&good())))),
        ("a request_uri inside", with("request_uri", json!("urn:ietf:params:oauth:request_uri:x"))),
        ("jti no text", with("jti", json!(7))),
        ("typ of an access token", typ("at+jwt")),
        ("typ of a proof", typ("dpop+jwt")),
        ("encrypted", "a.b.c.d.e".to_owned()),
        ("no JWT", "object".to_owned()),
    ]
}

fn a_request_object_is_signed_by_its_client_for_this_server_and_now(case: &Case) {
    let provider = Provider::new(case);
    let (signing, other) = (Signing::new(&provider, json!({})), Signing::new(&provider, json!({})));
    let mut browser = provider.signed_in(&signing.client, &provider.user());
    for (what, object) in bad_objects(&provider, &signing, &other) {
        let page = browser.open(&signing.target(&object)).page();
        assert_eq!(page.status, 400, "{what}");
        assert!(page.text().contains("invalid_request_object"), "{what}: {}", page.text());
        expect_error(&signing.push(&provider, &object), "invalid_request_object");
    }
    // A longer one is not looked into; it would be good but for its length.
    let mut long = signing.claims(&provider, &provider.ask(&signing.client));
    long["long"] = "l".repeat(8192).into();
    let long = signing.sign(&long);
    expect_error(&signing.push(&provider, &long), "invalid_request_object");
    assert_eq!(browser.post("/oauth2/authorize", &signing.pairs(&long)).page().status, 400);
    // Not with a request_uri beside it, whosever that is.
    let object = signing.sign(&signing.claims(&provider, &provider.ask(&signing.client)));
    let pushed = signing.push(&provider, &object).expect(201).string("request_uri");
    let object = signing.sign(&signing.claims(&provider, &provider.ask(&signing.client)));
    let mut pairs = signing.pairs(&object).to_vec();
    pairs.push(("request_uri", &pushed));
    assert_eq!(browser.open_with("/oauth2/authorize", &pairs).page().status, 400);
    expect_error(&provider.call(&signing.client, "/oauth2/par", &pairs), "invalid_request");
    // A client without keys signs nothing.
    let keyless = provider.client(json!({}));
    let mut claims = signing.claims(&provider, &provider.ask(&keyless));
    claims["iss"] = keyless.id.clone().into();
    let object = signing.sign(&claims);
    let pairs = [("client_id", keyless.id.as_str()), ("request", &object)];
    assert_eq!(browser.open_with("/oauth2/authorize", &pairs).page().status, 400);
}

fn a_request_object_works_once(case: &Case) {
    let provider = Provider::new(case);
    let signing = Signing::new(&provider, json!({}));
    let claims = || signing.claims(&provider, &provider.ask(&signing.client));
    let object = signing.sign(&claims());
    assert!(provider.browser().open(&signing.target(&object)).asks_for_password());
    assert_eq!(provider.browser().open(&signing.target(&object)).page().status, 400);
    expect_error(&signing.push(&provider, &object), "invalid_request_object");
    let raced = signing.sign(&claims());
    let statuses = at_once(20, |_| signing.push(&provider, &raced).status);
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    // Another client may draw the same id.
    let other = Signing::new(&provider, json!({}));
    let mut same = other.claims(&provider, &provider.ask(&other.client));
    same["jti"] = decoded(&raced).1["jti"].clone();
    other.push(&provider, &other.sign(&same)).expect(201);
    // Without an id it is good until it expires.
    let mut nameless = claims();
    nameless.as_object_mut().expect("an object").remove("jti");
    let object = signing.sign(&nameless);
    for _ in 0..2 {
        assert!(provider.browser().open(&signing.target(&object)).asks_for_password());
    }
}

/// RFC 9101 section 10.8: both are signed by one key for one server.
fn a_request_object_is_no_assertion_and_an_assertion_no_request_object(case: &Case) {
    let provider = Provider::new(case);
    let signing = Signing::new(&provider, json!({"token_endpoint_auth_method": "private_key_jwt"}));
    let claims = signing.claims(&provider, &provider.ask(&signing.client));
    let assert_with = |assertion: &str, object: &str| {
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let pairs = [("client_assertion_type", kind), ("client_assertion", assertion), ("request", object)];
        case.http().post("/oauth2/par").form(&pairs).send()
    };
    let assertion = |typ: &str| {
        let mut claims = claims.clone();
        claims["sub"] = signing.client.id.clone().into();
        claims["jti"] = format!("assertion-{}", unique()).into();
        signing.key.sign(&json!({"alg": "ES256", "typ": typ}), &claims)
    };
    let object = signing.sign(&claims);
    for typ in ["oauth-authz-req+jwt", "JWT"] {
        let untyped = signing.key.sign(&json!({"alg": "ES256", "typ": typ}), &claims);
        expect_error(&assert_with(&untyped, &object), "invalid_client");
    }
    expect_error(&assert_with(&assertion("oauth-authz-req+jwt"), &object), "invalid_client");
    expect_error(&assert_with(&assertion("JWT"), &assertion("JWT")), "invalid_request_object");
    assert_with(&assertion("JWT"), &object).expect(201);
}

fn a_client_that_signs_its_requests_has_no_others(case: &Case) {
    let provider = Provider::new(case);
    let signing = Signing::new(&provider, json!({"require_signed_request_object": true}));
    let asked = provider.ask(&signing.client);
    let mut browser = provider.browser();
    assert_eq!(browser.open(&asked.target()).answer().error(), Some("invalid_request"));
    expect_error(&provider.call(&signing.client, "/oauth2/par", &asked.pairs()), "invalid_request");
    let object = signing.sign(&signing.claims(&provider, &asked));
    assert!(browser.open(&signing.target(&object)).asks_for_password());
    let object = signing.sign(&signing.claims(&provider, &asked));
    let pushed = signing.push(&provider, &object).expect(201).string("request_uri");
    let uri = [("client_id", signing.client.id.as_str()), ("request_uri", &pushed)];
    assert!(browser.open_with("/oauth2/authorize", &uri).asks_for_password());
    // One that must push must push what it signs, too.
    let pushing = Signing::new(&provider, json!({"require_pushed_authorization_requests": true}));
    let object = pushing.sign(&pushing.claims(&provider, &provider.ask(&pushing.client)));
    assert_eq!(browser.open(&pushing.target(&object)).answer().error(), Some("invalid_request"));
    // One that registered how it signs signs so.
    let other = Signing::new(&provider, json!({"request_object_signing_alg": "RS256"}));
    let object = other.sign(&other.claims(&provider, &provider.ask(&other.client)));
    expect_error(&other.push(&provider, &object), "invalid_request_object");
}

fn what_is_wrong_in_a_request_object_is_answered_where_it_says(case: &Case) {
    let provider = Provider::new(case);
    let signing = Signing::new(&provider, json!({}));
    let asked = provider.ask(&signing.client);
    let mut browser = provider.browser();
    for (name, value, error) in [
        ("scope", json!("unregistered"), "invalid_scope"),
        ("scope", json!(["openid"]), "invalid_scope"),
        ("response_type", json!("token"), "unsupported_response_type"),
        ("code_challenge_method", json!("plain"), "invalid_request"),
        ("max_age", json!("soon"), "invalid_request"),
        ("claims", json!("{"), "invalid_request"),
    ] {
        let mut claims = signing.claims(&provider, &asked);
        claims[name] = value;
        let answer = browser.open(&signing.target(&signing.sign(&claims))).answer();
        assert_eq!((answer.error(), answer.get("state")), (Some(error), asked.state.as_str()), "{name}");
    }
    // Where to is in the object alone.
    let mut claims = signing.claims(&provider, &asked);
    claims["redirect_uri"] = "https://evil.example/".into();
    let object = signing.sign(&claims);
    let mut pairs = signing.pairs(&object).to_vec();
    pairs.push(("redirect_uri", REDIRECT_URI));
    assert_eq!(browser.open_with("/oauth2/authorize", &pairs).page().status, 400);
    // What does not fit into a URL is pushed.
    let mut claims = signing.claims(&provider, &asked);
    claims["long"] = "l".repeat(4096).into();
    assert_eq!(browser.open(&signing.target(&signing.sign(&claims))).page().status, 400);
    claims["jti"] = format!("object-{}", unique()).into();
    signing.push(&provider, &signing.sign(&claims)).expect(201);
}

fn the_keys_of_request_objects_may_be_elsewhere(case: &Case) {
    let own = case.with_config("[oauth]\nfetch_allowed = ['127.0.0.0/8']\n");
    let provider = Provider::new(&own);
    let key = Key::new();
    let (port, asked) = canary(json!({"keys": [key.jwk()]}).to_string());
    let keys = format!("http://127.0.0.1:{port}/jwks");
    let metadata = json!({"jwks_uri": keys, "require_signed_request_object": true});
    let signing = Signing { client: provider.client(metadata), key };
    let stranger = Signing { client: signing.client.clone(), key: Key::new() };
    let claims = || signing.claims(&provider, &provider.ask(&signing.client));
    for _ in 0..2 {
        signing.push(&provider, &signing.sign(&claims())).expect(201);
    }
    // A stranger does not make this server ask each time.
    for _ in 0..9 {
        expect_error(&signing.push(&provider, &stranger.sign(&claims())), "invalid_request_object");
    }
    assert!((1..9).contains(&asked.load(Ordering::SeqCst)));
}

/// R098, CVE-2020-10770: even where this machine may be fetched from, nobody comes for a `request_uri`.
fn no_request_uri_is_fetched(case: &Case) {
    let own = case.with_config("[oauth]\nfetch_allowed = ['127.0.0.0/8']\n");
    let provider = Provider::new(&own);
    let canary = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = canary.local_addr().expect("its address");
    let signing = Signing::new(&provider, json!({}));
    let asked = provider.ask(&signing.client);
    let mut browser = provider.signed_in(&signing.client, &provider.user());
    for uri in [
        format!("http://{address}/object.jwt"),
        format!("https://{address}/object.jwt#sha-256"),
        format!("urn:ietf:params:oauth:request_uri:http://{address}/"),
    ] {
        let beside = asked.clone().with("request_uri", &uri);
        browser.open(&beside.target());
        let is_answered = browser.away().is_some();
        match is_answered {
            true => assert_eq!(browser.answer().error(), Some("request_uri_not_supported"), "{uri}"),
            false => assert_eq!(browser.page().status, 400, "{uri}"),
        }
        browser.post("/oauth2/authorize", &beside.pairs());
        expect_error(&provider.call(&signing.client, "/oauth2/par", &beside.pairs()), "invalid_request");
        let mut claims = signing.claims(&provider, &asked);
        claims["request_uri"] = uri.as_str().into();
        expect_error(&signing.push(&provider, &signing.sign(&claims)), "invalid_request_object");
        assert_eq!(browser.open(&signing.target(&signing.sign(&claims))).page().status, 400);
    }
    // Who comes first is this test: connections wait in the order in which they came.
    let own = TcpStream::connect(address).expect("a connection").local_addr().expect("its address");
    let (_, first) = canary.accept().expect("a connection");
    assert_eq!(first, own, "somebody else was here");
}

/// Nobody needs to be anybody to send what does not verify: this server would ask the client's as often.
fn keys_are_fetched_once_however_many_ask(case: &Case) {
    let site = HttpsSite::start();
    let slow = std::time::Duration::from_millis(500);
    let key = Key::new();
    site.put("/jwks", Page::json(json!({"keys": [key.jwk()]})).delay(slow));
    let wishes = Server::builder().config("[oauth]\nfetch_allowed = ['127.0.0.0/8']\n");
    let own = case.with_own(wishes.env("SSL_CERT_FILE", site.authority()));
    let provider = Provider::new(&own);
    let client = provider.client(json!({"jwks_uri": site.url("/jwks")}));
    let signing = Signing { key, client };
    let good = signing.sign(&signing.claims(&provider, &provider.ask(&signing.client)));
    let statuses = at_once(20, |number| {
        let object = if number == 0 { good.as_str() } else { "e30.e30.e30" };
        own.get(&signing.target(object)).status
    });
    assert_eq!(site.asked("/jwks"), 1);
    assert!(statuses[0] == 303 && statuses[1..].iter().all(|status| *status == 400), "{statuses:?}");
}
