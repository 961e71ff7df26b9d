//! What exactly is asked for, beyond scopes (RFC 9396).

use countersign_testkit::Response;
use countersign_testkit::http::urlencoded;
use serde_json::{Value, json};

use super::codes::expect_error;
use super::dpop::{Key, now};
use super::provider::{Granted, Provider, RegisteredClient, decoded};
use crate::case::{Case, on_both_engines};

on_both_engines! {
    details_are_shown_allowed_each_time_and_told
    details_only_get_less
    details_come_by_every_way_a_request_may_come
    details_that_are_not_served_or_registered_are_refused
    a_client_gets_details_for_itself
    details_are_for_their_locations
    an_exchanged_token_has_no_details
    a_token_is_for_where_its_details_are
    a_device_asks_for_details
    the_accounts_page_shows_what_was_allowed_in_detail
    details_are_shown_in_every_language
}

const TYPES: &str = "[oauth]\nauthorization_details_types = [\"payment\", \"account\"]\n";

/// The server with types, and a client that is registered for one.
fn own(case: &Case) -> Case {
    case.with_config(TYPES)
}

fn registered(more: Value) -> Value {
    let mut metadata = json!({"authorization_details_types": ["payment", "unserved"]});
    for (name, value) in more.as_object().expect("an object") {
        metadata[name] = value.clone();
    }
    metadata
}

fn payment(amount: &str) -> Value {
    json!({"type": "payment", "actions": ["initiate", "cancel"], "instructedAmount": {"amount": amount}})
}

fn granted(provider: &Provider<'_>, client: &RegisteredClient, details: &Value) -> Granted {
    let mut browser = provider.browser();
    let asked = provider.ask(client).with("authorization_details", &details.to_string());
    browser.open(&asked.target()).sign_in(&provider.user());
    let answer = browser.submit(&[("decision", "allow")]).answer();
    Granted { code: answer.get("code").to_owned(), asked, answer }
}

fn redeem(provider: &Provider<'_>, client: &RegisteredClient, code: &Granted, details: &Value) -> Response {
    let details = details.to_string();
    let pairs = [
        ("grant_type", "authorization_code"),
        ("code", &code.code),
        ("redirect_uri", &client.redirect_uri),
        ("code_verifier", &code.asked.verifier),
        ("authorization_details", &details),
    ];
    provider.token(client, &pairs)
}

fn text(tokens: &Value, name: &str) -> String {
    tokens[name].as_str().unwrap_or_else(|| panic!("no {name} in {tokens}")).to_owned()
}

fn details_are_shown_allowed_each_time_and_told(case: &Case) {
    let own = own(case);
    let provider = Provider::new(&own);
    let user = provider.user();
    for (format, first_party) in [("opaque", false), ("jwt", true)] {
        let metadata = json!({"access_token_format": format, "first_party": first_party});
        let client = provider.client(registered(metadata));
        let mut browser = provider.signed_in(&client, &user);
        browser.allow();
        for amount in ["9.50", "<b>95</b>"] {
            let details = json!([payment(amount)]);
            let asked = provider.ask(&client).with("authorization_details", &details.to_string());
            // Though the scope was allowed before, or nobody is asked for it.
            let silent = asked.clone().with("prompt", "none");
            assert_eq!(browser.open(&silent.target()).answer().error(), Some("consent_required"));
            browser.open(&asked.target());
            let page = browser.page().text();
            for shown in ["payment", "initiate, cancel", "instructed amount › amount", "What it may do"] {
                assert!(page.contains(shown), "{shown}: {page}");
            }
            assert!(
                !page.contains("<b>") && page.contains(&amount.replace('<', "&#60;").replace('>', "&#62;"))
            );
            let answer = browser.submit(&[("decision", "allow")]).answer();
            let code = Granted { code: answer.get("code").to_owned(), asked, answer };
            let tokens = provider.redeem(&client, &code).expect(200).json();
            assert_eq!(tokens["authorization_details"], details);
            let access = text(&tokens, "access_token");
            assert_eq!(provider.introspect(&client, &access)["authorization_details"], details);
            if format == "jwt" {
                assert_eq!(decoded(&access).1["authorization_details"], details);
            }
            let next = provider.refresh(&client, &text(&tokens, "refresh_token")).expect(200).json();
            assert_eq!(next["authorization_details"], details);
        }
        let details = json!([payment("1")]).to_string();
        let asked = provider.ask(&client).with("authorization_details", &details);
        let answer = browser.open(&asked.target()).submit(&[("decision", "deny")]).answer();
        assert_eq!(answer.error(), Some("access_denied"));
    }
}

fn details_only_get_less(case: &Case) {
    let own = own(case);
    let provider = Provider::new(&own);
    let client = provider.client(registered(json!({})));
    let code = granted(&provider, &client, &json!([payment("9.50"), {"type": "payment", "identifier": "7"}]));
    let less = json!([{"type": "payment", "actions": ["cancel"], "instructedAmount": {"amount": "9.50"}}]);
    let more =
        [json!([payment("95.0")]), json!([{"type": "payment"}]), json!([{"type": "account"}]), json!("x")];
    for more in &more {
        expect_error(&redeem(&provider, &client, &code, more), "invalid_authorization_details");
    }
    let tokens = redeem(&provider, &client, &code, &less).expect(200).json();
    assert_eq!(tokens["authorization_details"], less);
    let introspected = provider.introspect(&client, &text(&tokens, "access_token"));
    assert_eq!(introspected["authorization_details"], less);
    // The grant has them all still; what is refused uses nothing up.
    let mut refresh = text(&tokens, "refresh_token");
    for more in &more {
        let more = more.to_string();
        let pairs = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh.as_str()),
            ("authorization_details", more.as_str()),
        ];
        expect_error(&provider.token(&client, &pairs), "invalid_authorization_details");
    }
    for some in [json!([{"type": "payment", "identifier": "7"}]), json!([payment("9.50")])] {
        let asked = some.to_string();
        let pairs = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh.as_str()),
            ("authorization_details", asked.as_str()),
        ];
        let tokens = provider.token(&client, &pairs).expect(200).json();
        assert_eq!(tokens["authorization_details"], some);
        refresh = text(&tokens, "refresh_token");
    }
}

fn details_come_by_every_way_a_request_may_come(case: &Case) {
    let own = own(case);
    let provider = Provider::new(&own);
    let key = Key::new();
    let client = provider.client(registered(json!({"jwks": {"keys": [key.jwk()]}})));
    let details = json!([payment("9.50")]);
    let asked = provider.ask(&client).with("authorization_details", &details.to_string());
    let mut claims = json!({"iss": client.id, "aud": provider.issuer(), "exp": now() + 60});
    for (name, value) in asked.pairs() {
        claims[name] = value.into();
    }
    claims["authorization_details"] = details.clone();
    let object = key.sign(&json!({"alg": "ES256"}), &claims);
    let pushed = provider.call(&client, "/oauth2/par", &asked.pairs()).expect(201).string("request_uri");
    let mut browser = provider.signed_in(&client, &provider.user());
    for way in [("request", &object), ("request_uri", &pushed)] {
        let pairs = [("client_id", client.id.as_str()), (way.0, way.1.as_str())];
        let answer = browser.open_with("/oauth2/authorize", &pairs).submit(&[("decision", "allow")]).answer();
        let code = Granted { code: answer.get("code").to_owned(), asked: asked.clone(), answer };
        assert_eq!(provider.redeem(&client, &code).expect(200).json()["authorization_details"], details);
    }
}

fn details_that_are_not_served_or_registered_are_refused(case: &Case) {
    let own = own(case);
    let provider = Provider::new(&own);
    let client = provider.client(registered(json!({})));
    let mut browser = provider.browser();
    let refused = |provider: &Provider<'_>, client: &RegisteredClient, details: &str| {
        let asked = provider.ask(client).with("authorization_details", details);
        let error = Some("invalid_authorization_details");
        let mut browser = provider.browser();
        assert_eq!(browser.open(&asked.target()).answer().error(), error, "{details}");
        let pushed = provider.call(client, "/oauth2/par", &asked.pairs());
        expect_error(&pushed, "invalid_authorization_details");
    };
    for bad in [
        r#"[{"type": "account"}]"#,
        r#"[{"type": "unserved"}]"#,
        r#"[{"type": "unknown"}]"#,
        r#"[{"type": "payment"}, {"type": "account"}]"#,
        r#"[{"type": "Payment"}]"#,
        r#"[{"actions": ["pay"]}]"#,
        r#"[{"type": "payment", "actions": "pay"}]"#,
        r#"{"type": "payment"}"#,
        r#"[]"#,
        r#"payment"#,
        r#"[{"type": "payment"}"#,
    ] {
        refused(&provider, &client, bad);
    }
    refused(&provider, &provider.client(json!({})), r#"[{"type": "payment"}]"#);
    let told = own.get("/.well-known/openid-configuration").expect(200).json();
    assert_eq!(told["authorization_details_types_supported"], json!(["payment", "account"]));
    // Where an operator has listed none there are none.
    let bare = Provider::new(case);
    refused(&bare, &bare.client(registered(json!({}))), r#"[{"type": "payment"}]"#);
    let told = case.get("/.well-known/openid-configuration").expect(200).json();
    assert!(told.get("authorization_details_types_supported").is_none());
    browser.open(&provider.ask(&client).target());
    assert!(browser.asks_for_password());
}

fn a_client_gets_details_for_itself(case: &Case) {
    let own = case.with_config(&format!("{TYPES}registration = 'open'\n"));
    let provider = Provider::new(&own);
    let details = json!([payment("9.50")]).to_string();
    let ask = |client: &RegisteredClient, details: &str| {
        let pairs = [("grant_type", "client_credentials"), ("authorization_details", details)];
        provider.token(client, &pairs)
    };
    for format in ["opaque", "jwt"] {
        let client = provider.service(registered(json!({"access_token_format": format, "scope": "read"})));
        let tokens = ask(&client, &details).expect(200).json();
        assert_eq!(tokens["authorization_details"], json!([payment("9.50")]), "{format}");
        let introspected = provider.introspect(&client, &text(&tokens, "access_token"));
        assert_eq!(introspected["authorization_details"], json!([payment("9.50")]), "{format}");
        for bad in [r#"[{"type": "account"}]"#, r#"[{"type": "unserved"}]"#, "[]", "{"] {
            expect_error(&ask(&client, bad), "invalid_authorization_details");
        }
        assert!(
            provider
                .token(&client, &[("grant_type", "client_credentials")])
                .expect(200)
                .json()
                .get("authorization_details")
                .is_none()
        );
    }
    // Whom nobody has entered must ask somebody.
    let metadata = registered(json!({"grant_types": ["client_credentials"], "redirect_uris": []}));
    let made = own.http().post_json("/oauth2/register", &metadata).expect(201).json();
    assert_eq!(made["authorization_details_types"], json!(["payment"]));
    let stranger = RegisteredClient {
        id: text(&made, "client_id"),
        secret: made["client_secret"].as_str().map(str::to_owned),
        redirect_uri: String::new(),
        method: "client_secret_basic".to_owned(),
        scope: String::new(),
    };
    expect_error(&ask(&stranger, &details), "invalid_authorization_details");
}

fn details_are_for_their_locations(case: &Case) {
    let own = own(case);
    let provider = Provider::new(&own);
    let (bank, shop) = ("https://bank.example.com", "https://shop.example.com");
    let client = provider.client(registered(json!({"audience": [bank, shop]})));
    let at = |place: &str| json!({"type": "payment", "locations": [place]});
    let (at_bank, at_shop, anywhere) = (at(bank), at(shop), json!({"type": "payment"}));
    let details = json!([at_bank, at_shop, anywhere]);
    let code = granted(&provider, &client, &details);
    let tokens = provider.redeem(&client, &code).expect(200).json();
    assert_eq!(tokens["authorization_details"], details);
    let at_one = |refresh: &str, more: &[(&str, &str)]| {
        let mut pairs = vec![("grant_type", "refresh_token"), ("refresh_token", refresh)];
        pairs.extend(more);
        provider.token(&client, &pairs)
    };
    let for_bank = at_one(&text(&tokens, "refresh_token"), &[("resource", bank)]).expect(200).json();
    assert_eq!(for_bank["authorization_details"], json!([at_bank, anywhere]));
    let shops = json!([at_shop]).to_string();
    let elsewhere = [("resource", bank), ("authorization_details", shops.as_str())];
    let refresh = text(&for_bank, "refresh_token");
    expect_error(&at_one(&refresh, &elsewhere), "invalid_authorization_details");
    // Who checks the token is told of what is for it.
    let for_both = at_one(&refresh, &[("resource", bank), ("resource", shop)]).expect(200).json();
    assert_eq!(for_both["authorization_details"], details);
    let bank = provider.service(json!({"scope": "read", "audience": [bank]}));
    let told = provider.introspect(&bank, &text(&for_both, "access_token"));
    assert_eq!(told["authorization_details"], json!([at_bank, anywhere]));
}

/// They were allowed for one purpose, and nobody asked about another.
fn an_exchanged_token_has_no_details(case: &Case) {
    let own = own(case);
    let provider = Provider::new(&own);
    let exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
    for format in ["opaque", "jwt"] {
        let grants = json!(["authorization_code", "refresh_token", exchange]);
        let client =
            provider.client(registered(json!({"grant_types": grants, "access_token_format": format})));
        let code = granted(&provider, &client, &json!([payment("9.50")]));
        let tokens = provider.redeem(&client, &code).expect(200).json();
        let (access, details) = (text(&tokens, "access_token"), json!([payment("9.50")]).to_string());
        let pairs = [
            ("grant_type", exchange),
            ("subject_token", access.as_str()),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("authorization_details", details.as_str()),
        ];
        expect_error(&provider.token(&client, &pairs), "invalid_authorization_details");
        let other = provider.token(&client, &pairs[..3]).expect(200).json();
        assert!(other.get("authorization_details").is_none(), "{other}");
        let told = provider.introspect(&client, &text(&other, "access_token"));
        assert_eq!((&told["active"], told.get("authorization_details")), (&json!(true), None), "{format}");
    }
}

/// RFC 9396 §2.2, §3.2: `resource` of an authorization request is for its scope, `locations` are for the details.
fn a_token_is_for_where_its_details_are(case: &Case) {
    let own = own(case);
    let provider = Provider::new(&own);
    let (bank, shop, stranger) =
        ("https://bank.example.com", "https://shop.example.com", "https://stranger.example.com");
    let metadata = json!({"audience": [bank, shop], "access_token_format": "jwt"});
    let client = provider.client(registered(metadata));
    let at = |places: &[&str]| json!({"type": "payment", "locations": places});
    let (at_bank, elsewhere, anywhere) = (at(&[bank]), at(&[stranger]), json!({"type": "payment"}));
    let details = json!([at_bank, elsewhere, anywhere]);
    let audience = |tokens: &Value| decoded(&text(tokens, "access_token")).1["aud"].clone();
    let code = granted(&provider, &client, &details);
    let tokens = provider.redeem(&client, &code).expect(200).json();
    assert_eq!(
        (&audience(&tokens), &tokens["authorization_details"]),
        (&json!(bank), &details),
        "where it may go"
    );
    let rs = provider.service(json!({"scope": "read", "audience": [bank]}));
    let told = provider.introspect(&rs, &text(&tokens, "access_token"));
    assert_eq!((&told["aud"], &told["authorization_details"]), (&json!(bank), &json!([at_bank, anywhere])));
    // No location, or none that the client is registered for: as ever.
    for details in [json!([anywhere]), json!([elsewhere])] {
        let tokens = provider.redeem(&client, &granted(&provider, &client, &details)).expect(200).json();
        assert_eq!(
            (audience(&tokens), &tokens["authorization_details"]),
            (json!(provider.issuer()), &details)
        );
    }
    // Less is for fewer places.
    let refresh = |token: &str, more: &[(&str, &str)]| {
        let pairs = [&[("grant_type", "refresh_token"), ("refresh_token", token)], more].concat();
        provider.token(&client, &pairs).expect(200).json()
    };
    let less = json!([anywhere]).to_string();
    let next = refresh(&text(&tokens, "refresh_token"), &[("authorization_details", &less)]);
    assert_eq!(audience(&next), provider.issuer());
    // What `resource` says goes with it, and at the token endpoint it chooses.
    let mut browser = provider.browser();
    let asked = provider.ask(&client).with("authorization_details", &json!([at_bank]).to_string());
    let asked = asked.with("resource", shop);
    browser.open(&asked.target()).sign_in(&provider.user());
    let answer = browser.submit(&[("decision", "allow")]).answer();
    let code = Granted { code: answer.get("code").to_owned(), asked, answer };
    let tokens = provider.redeem(&client, &code).expect(200).json();
    assert_eq!(
        (audience(&tokens), &tokens["authorization_details"]),
        (json!([shop, bank]), &json!([at_bank]))
    );
    let next = refresh(&text(&tokens, "refresh_token"), &[("resource", bank)]);
    assert_eq!((audience(&next), &next["authorization_details"]), (json!(bank), &json!([at_bank])));
    let next = refresh(&text(&next, "refresh_token"), &[("resource", shop)]);
    assert_eq!((audience(&next), next.get("authorization_details")), (json!(shop), None));
    // And for a client itself.
    let details = json!([at_bank, elsewhere]).to_string();
    let metadata = json!({"scope": "read", "audience": [bank], "authorization_details_types": ["payment"],
        "access_token_format": "jwt"});
    let service = provider.service(metadata);
    let pairs = [("grant_type", "client_credentials"), ("authorization_details", details.as_str())];
    assert_eq!(audience(&provider.token(&service, &pairs).expect(200).json()), bank);
}

/// RFC 9396 §2: wherever a scope may be asked for.
fn a_device_asks_for_details(case: &Case) {
    let own = own(case);
    let provider = Provider::new(&own);
    let grant = "urn:ietf:params:oauth:grant-type:device_code";
    let (bank, shop) = ("https://bank.example.com", "https://shop.example.com");
    let metadata = json!({"grant_types": [grant], "redirect_uris": [], "audience": [bank, shop]});
    let client = provider.client(registered(metadata));
    let begin = |details: &Value| {
        let details = details.to_string();
        provider.call(&client, "/oauth2/device_authorization", &[("authorization_details", &details)])
    };
    for bad in [json!([{"type": "account"}]), json!([{"type": "unserved"}]), json!({}), json!("x")] {
        expect_error(&begin(&bad), "invalid_authorization_details");
    }
    let (first, second) =
        (payment("9.50"), json!({"type": "payment", "identifier": "7", "locations": [bank]}));
    let started = begin(&json!([first, second])).expect(200).json();
    let mut browser = provider.browser();
    browser.open("/sign-in").sign_in(&provider.user()).open("/device");
    browser.submit(&[("user_code", &text(&started, "user_code"))]);
    let page = browser.page().text();
    for shown in ["initiate, cancel", "instructed amount › amount", "9.50"] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    browser.submit(&[("decision", "allow")]);
    let code = text(&started, "device_code");
    let poll = |details: &Value, resource: &str| {
        let details = details.to_string();
        let pairs = [
            ("grant_type", grant),
            ("device_code", code.as_str()),
            ("authorization_details", details.as_str()),
            ("resource", resource),
        ];
        provider.token(&client, &pairs)
    };
    expect_error(&poll(&json!([payment("95.0")]), bank), "invalid_authorization_details");
    expect_error(&poll(&json!([second]), shop), "invalid_authorization_details");
    expect_error(&poll(&json!([second]), "https://stranger.example.com"), "invalid_target");
    let tokens = poll(&json!([second]), bank).expect(200).json();
    assert_eq!(tokens["authorization_details"], json!([second]));
    let told = provider.introspect(&client, &text(&tokens, "access_token"));
    assert_eq!((&told["authorization_details"], &told["aud"]), (&json!([second]), &json!(bank)));
}

fn the_accounts_page_shows_what_was_allowed_in_detail(case: &Case) {
    let own = own(case);
    let provider = Provider::new(&own);
    let client = provider.client(registered(json!({"first_party": true})));
    let mut browser = provider.signed_in(&client, &provider.user());
    assert!(!browser.open("/account").page().text().contains("instructed amount"), "{browser}");
    for amount in ["9.50", "95.00"] {
        let details = json!([payment(amount)]).to_string();
        let asked = provider.ask(&client).with("authorization_details", &details);
        let answer = browser.open(&asked.target()).submit(&[("decision", "allow")]).answer();
        let code = Granted { code: answer.get("code").to_owned(), asked, answer };
        provider.redeem(&client, &code).expect(200);
    }
    let page = browser.open("/account").page().text();
    for shown in ["instructed amount › amount", "9.50", "95.00", "initiate, cancel"] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    browser.submit(&[("action", "withdraw")]);
    assert!(!browser.page().text().contains("95.00"), "{browser}");
}

fn details_are_shown_in_every_language(case: &Case) {
    let own = own(case);
    let provider = Provider::new(&own);
    let client = provider.client(registered(json!({})));
    let mut browser = provider.signed_in(&client, &provider.user());
    let details = json!([payment("9.50")]).to_string();
    for (language, label) in [
        ("en", "What it may do"),
        ("de", "Was erlaubt wird"),
        ("fr", "Ce qui est autorisé"),
        ("es", "Qué se permite"),
        ("pt", "O que é permitido"),
        ("ja", "許可する操作"),
        ("zh", "允许的操作"),
    ] {
        let asked = provider.ask(&client).with("authorization_details", &details);
        let target = format!("{}&{}", asked.target(), urlencoded(&[("ui_locales", language)]));
        assert!(browser.open(&target).page().text().contains(label), "{language}: {browser}");
    }
}
