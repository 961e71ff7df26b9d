//! What clients wish for, in their registration or in a request, beyond a sign-in: names of their own for people, how
//! old or by which proof a sign-in may be, whom they expect, a code for one key.

use std::time::Duration;

use serde_json::{Value, json};

use super::browser::Browser;
use super::codes::expect_error;
use super::dpop::{Key, proof_for_token, redeem};
use super::provider::{Asked, Provider, RegisteredClient, User, decoded};
use crate::case::{Case, on_both_engines};

on_both_engines! {
    a_sector_knows_people_by_names_of_its_own
    a_client_says_how_old_a_sign_in_may_be
    what_is_demanded_is_done_or_refused
    whoever_is_not_expected_is_not_signed_in
    pages_speak_the_language_that_is_asked_for
    pages_outside_of_flows_speak_the_language_that_is_asked_for
    signing_out_speaks_the_language_that_is_asked_for
    a_code_for_a_key_needs_that_key
}

fn claims_of(tokens: &Value) -> Value {
    decoded(tokens["id_token"].as_str().expect("an ID token")).1
}

fn subject(provider: &Provider<'_>, client: &RegisteredClient, user: &User) -> String {
    let tokens = provider.code_flow(client, user);
    let told = claims_of(&tokens)["sub"].as_str().expect("a subject").to_owned();
    // The same wherever this client asks.
    let access = tokens["access_token"].as_str().expect("an access token");
    assert_eq!(provider.userinfo(access).expect(200).string("sub"), told);
    assert_eq!(provider.introspect(client, access)["sub"], told.as_str());
    let refreshed = provider.refresh(client, tokens["refresh_token"].as_str().unwrap()).expect(200).json();
    assert_eq!(claims_of(&refreshed)["sub"], told.as_str());
    told
}

/// OpenID Connect Core section 8.1.
fn a_sector_knows_people_by_names_of_its_own(case: &Case) {
    let provider = Provider::new(case);
    let (user, other) = (provider.user(), provider.user());
    let pairwise =
        |redirect: &str| provider.client(json!({ "subject_type": "pairwise", "redirect_uris": [redirect] }));
    let public = subject(&provider, &provider.client(json!({})), &user);
    let (one, same) = (pairwise("https://one.example.com/a"), pairwise("https://one.example.com/b"));
    let elsewhere = pairwise("https://two.example.com/a");
    let of_sector = subject(&provider, &one, &user);
    assert_eq!(subject(&provider, &one, &user), of_sector);
    assert_eq!(subject(&provider, &same, &user), of_sector, "clients of one sector share it");
    assert_ne!(subject(&provider, &elsewhere, &user), of_sector);
    assert_ne!(subject(&provider, &one, &other), of_sector);
    assert_ne!(of_sector, public, "nobody can tell who it is elsewhere");
}

/// OpenID Connect Registration section 2: `default_max_age`.
fn a_client_says_how_old_a_sign_in_may_be(case: &Case) {
    let mut case = case.with_clock();
    let (client, user, mut browser) = {
        let provider = Provider::new(&case);
        let client = provider.client(json!({ "default_max_age": 600, "first_party": true }));
        let user = provider.user();
        let browser = provider.signed_in(&client, &user);
        (client, user, browser)
    };
    case.server_mut().advance(Duration::from_secs(540));
    let provider = Provider::new(&case);
    let granted = provider.grant_in(&mut browser, &provider.ask(&client), &user);
    let claims = claims_of(&provider.redeem(&client, &granted).expect(200).json());
    let age = claims["iat"].as_i64().unwrap() - claims["auth_time"].as_i64().expect("an auth_time");
    assert!((540..600).contains(&age), "{claims}");
    case.server_mut().advance(Duration::from_secs(61));
    let provider = Provider::new(&case);
    browser.open(&provider.ask(&client).target());
    assert!(browser.asks_for_password(), "{browser}");
    // A request may ask for less, and for more.
    browser.open(&provider.ask(&client).with("max_age", "3600").target());
    assert!(!browser.answer().get("code").is_empty());
}

/// OpenID Connect Core sections 3.1.2.1 and 5.5.1.1: `acr_values` are a wish, an essential claim is a demand.
fn what_is_demanded_is_done_or_refused(case: &Case) {
    let provider = Provider::new(case);
    let client = provider.client(json!({ "first_party": true }));
    let user = provider.user();
    let mut browser = provider.signed_in(&client, &user);
    let wish = provider.ask(&client).with("acr_values", "urn:example:gold urn:example:silver");
    let granted = provider.grant_in(&mut browser, &wish, &user);
    let claims = claims_of(&provider.redeem(&client, &granted).expect(200).json());
    assert_eq!(claims["acr"], "urn:countersign:acr:password", "what was done, not what was wished for");
    let demand = |acr: &str| {
        let claims = json!({ "id_token": { "acr": { "essential": true, "values": [acr] } } });
        provider.ask(&client).with("claims", &claims.to_string())
    };
    let answer = browser.open(&demand("urn:example:gold").target()).answer();
    assert_eq!(answer.error(), Some("unmet_authentication_requirements"), "{answer:?}");
    browser.open(&demand("urn:countersign:acr:code").target());
    let asks_for_code = browser.page().text().contains("action=\"/sign-in/code\"");
    assert!(asks_for_code, "they are signed in by a password: {browser}");
    let granted = provider.grant_in(&mut browser, &demand("urn:countersign:acr:password"), &user);
    provider.redeem(&client, &granted).expect(200);
}

/// OpenID Connect Core section 3.1.2.1: `id_token_hint` and `login_hint`.
fn whoever_is_not_expected_is_not_signed_in(case: &Case) {
    let provider = Provider::new(case);
    let client = provider.client(json!({ "first_party": true }));
    let (expected, other) = (provider.user(), provider.user());
    let hint = provider.code_flow(&client, &expected)["id_token"].as_str().unwrap().to_owned();
    let asked = provider.ask(&client).with("id_token_hint", &hint);
    let silent = asked.clone().with("prompt", "none");
    let mut browser = provider.signed_in(&client, &other);
    let answer = browser.open(&silent.target()).answer();
    assert_eq!(answer.error(), Some("login_required"), "{answer:?}");
    browser.open(&asked.target());
    assert!(browser.asks_for_password(), "{browser}");
    let answer = browser.sign_in(&other).answer();
    assert_eq!(answer.error(), Some("login_required"), "{answer:?}");
    let mut browser = provider.signed_in(&client, &expected);
    assert!(!browser.open(&silent.target()).answer().get("code").is_empty());
    // Another client's is no hint here, and the client is told so (RFC 6749 section 4.1.2.1).
    let stranger = provider.client(json!({ "first_party": true }));
    for hint in [hint.as_str(), "no token"] {
        let asked = provider.ask(&stranger).with("id_token_hint", hint);
        let pushed = provider.call(&stranger, "/oauth2/par", &asked.pairs()).expect(201);
        let pushed = Asked {
            pairs: vec![
                ("client_id".to_owned(), stranger.id.clone()),
                ("request_uri".to_owned(), pushed.string("request_uri")),
            ],
            ..asked.clone()
        };
        for asked in [asked.clone(), asked.clone().with("prompt", "none"), pushed] {
            let answer = browser.open(&asked.target()).answer();
            let told = (answer.error(), answer.get("state"));
            assert_eq!(told, (Some("invalid_request"), asked.state.as_str()), "{hint}: {answer:?}");
        }
    }
    let mut browser = provider.browser();
    browser.open(&provider.ask(&client).with("login_hint", &expected.email).target());
    let fields = browser.form_with(&[("password", "")]).fields;
    assert!(fields.contains(&("identifier".to_owned(), expected.email.clone())), "{fields:?}");
}

fn pages_speak_the_language_that_is_asked_for(case: &Case) {
    let provider = Provider::new(case);
    let client = provider.client(json!({}));
    for (locales, lang) in [("de", "de"), ("xx fr-CA en", "fr"), ("ja", "ja"), ("xx", "en")] {
        let mut browser = provider.browser();
        browser.open(&provider.ask(&client).with("ui_locales", locales).target());
        let wanted = format!("<html lang=\"{lang}\"");
        assert!(browser.page().text().contains(&wanted), "{locales}: {browser}");
    }
}

/// The language of the page that a browser shows.
fn language(browser: &Browser) -> String {
    let page = browser.page().text();
    let rest = page.split_once("<html lang=\"").unwrap_or_else(|| panic!("no language: {browser}")).1;
    rest.chars().take_while(|c| *c != '"').collect()
}

fn pages_outside_of_flows_speak_the_language_that_is_asked_for(case: &Case) {
    let provider = Provider::new(case);
    let user = provider.user();
    for path in ["/sign-in", "/sign-up", "/recover", "/device"] {
        let mut browser = provider.browser();
        browser.open_with(path, &[("ui_locales", "xx fr-CA en")]);
        assert_eq!(language(&browser), "fr", "{path}");
        // Its form brings the wish along.
        let field = if path == "/device" { "user_code" } else { "identifier" };
        browser.submit(&[(field, "nothing of the kind")]);
        assert_eq!(language(&browser), "fr", "{path}: {browser}");
    }
    // So do the ways from one page to the next.
    let mut browser = provider.browser();
    browser.open("/device?ui_locales=de").submit(&[("user_code", "BCDF-GHJK")]);
    assert!(browser.asks_for_password() && language(&browser) == "de", "{browser}");
    assert!(browser.page().text().contains("ui_locales=de\""), "{browser}");
    browser.sign_in(&user);
    assert!(browser.has_form(&[("user_code", "BCDF-GHJK")]) && language(&browser) == "de", "{browser}");
    // Nothing else gets onto the page.
    browser.open_with("/sign-in", &[("ui_locales", "\"><script> ja")]);
    assert!(language(&browser) == "ja" && !browser.page().text().contains("<script>"), "{browser}");
}

/// OpenID Connect RP-Initiated Logout section 2.
fn signing_out_speaks_the_language_that_is_asked_for(case: &Case) {
    let provider = Provider::new(case);
    let (client, user) = (provider.client(json!({})), provider.user());
    let wish = [("ui_locales", "xx ja")];
    let open = |browser: &mut Browser, method: &str| match method {
        "GET" => _ = browser.open_with("/oauth2/logout", &wish),
        _ => _ = browser.post("/oauth2/logout", &wish),
    };
    for method in ["GET", "POST"] {
        let mut browser = provider.signed_in(&client, &user);
        open(&mut browser, method);
        assert_eq!(language(&browser), "ja", "{method}: {browser}");
        browser.submit(&[("decision", "sign_out")]);
        assert_eq!(language(&browser), "ja", "{method}: {browser}");
        let mut nobody = provider.browser();
        open(&mut nobody, method);
        assert_eq!(language(&nobody), "ja", "{method}: {nobody}");
    }
}

/// RFC 9449 section 10.
fn a_code_for_a_key_needs_that_key(case: &Case) {
    let provider = Provider::new(case);
    let client = provider.client(json!({ "first_party": true }));
    let user = provider.user();
    let (own, other) = (Key::new(), Key::new());
    let mut browser = provider.signed_in(&client, &user);
    let asked = provider.ask(&client).with("dpop_jkt", &own.thumbprint());
    let granted = provider.grant_in(&mut browser, &asked, &user);
    expect_error(&provider.redeem(&client, &granted), "invalid_grant");
    let refused = redeem(&provider, &client, &granted, &proof_for_token(&provider, &other));
    assert_eq!(refused.status, 400, "{}", refused.text());
    let tokens = redeem(&provider, &client, &granted, &proof_for_token(&provider, &own)).expect(200).json();
    assert_eq!(tokens["token_type"], "DPoP");
    browser.open(&provider.ask(&client).with("dpop_jkt", "not a thumbprint").target());
    assert_eq!(browser.answer().error(), Some("invalid_request"));
}
