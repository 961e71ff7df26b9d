//! How long a browser is signed in, and how many are.

use std::time::Duration;

use serde_json::json;

use super::browser::Browser;
use super::provider::{Provider, RegisteredClient, User};
use crate::case::{Case, on_both_engines};
use crate::parity::{Surface, sign_in};

on_both_engines! {
    a_browser_that_is_idle_is_signed_out
    an_application_in_use_keeps_its_browser_signed_in
    the_oldest_browser_gives_way_with_its_applications
    the_oldest_grant_gives_way
    a_session_elsewhere_is_named
    an_application_that_registered_itself_passes_for_nothing_else
}

const DAY: Duration = Duration::from_secs(86_400);

fn is_signed_in(browser: &mut Browser) -> bool {
    !browser.open("/account").asks_for_password()
}

fn begin(case: &Case) -> (RegisteredClient, User) {
    let provider = Provider::new(case);
    (provider.client(json!({ "scope": "openid email" })), provider.user())
}

/// Nobody knows what to end of several that are all called an application.
fn a_session_elsewhere_is_named(case: &Case) {
    let provider = Provider::new(case);
    let client = provider.client(json!({ "client_name": "<b>Tea & Co", "scope": "openid" }));
    let user = provider.user();
    provider.code_flow(&client, &user);
    for surface in [Surface::Rest, Surface::AuthV1] {
        sign_in(case, surface, &user.email, &user.password).expect("signed in");
    }
    let mut browser = provider.signed_in(&client, &user);
    for (language, application) in [
        ("en", "An application"),
        ("de", "Eine Anwendung"),
        ("es", "Una aplicación"),
        ("fr", "Une application"),
        ("ja", "アプリケーション"),
        ("pt", "Um aplicativo"),
        ("zh", "应用"),
    ] {
        browser.language = Some(language.to_owned());
        let page = browser.open("/account").page().text().to_owned();
        let (_, sessions) = page.rsplit_once("<h2>").expect("a heading");
        for name in
            ["&#60;b&#62;Tea &#38; Co", &format!("{application} (rest)"), &format!("{application} (authv1)")]
        {
            assert!(sessions.contains(&format!("<strong>{name}</strong>")), "{language}: {name}: {sessions}");
        }
        assert!(!sessions.contains("<b>"), "{sessions}");
    }
    // What an application without a name is called.
    let nameless = provider.client(json!({ "client_name": null, "scope": "openid" }));
    provider.code_flow(&nameless, &user);
    let page = browser.open("/account").page().text().to_owned();
    let (_, sessions) = page.rsplit_once("<h2>").expect("a heading");
    assert!(sessions.contains(&format!("<strong>{}</strong>", nameless.id)), "{sessions}");
}

/// Its row would be the one that nobody ends.
fn an_application_that_registered_itself_passes_for_nothing_else(case: &Case) {
    let case = case.with_config("[oauth]\nregistration = 'open'\n");
    let provider = Provider::new(&case);
    let user = provider.user();
    let redirect_uri = "https://app.example.com/cb";
    let metadata = json!({
        "client_name": "This browser", "redirect_uris": [redirect_uri], "scope": "openid",
        "token_endpoint_auth_method": "none",
    });
    let made = case.post("/oauth2/register", metadata).expect(201);
    let client = RegisteredClient {
        id: made.string("client_id"),
        secret: None,
        redirect_uri: redirect_uri.to_owned(),
        method: "none".to_owned(),
        scope: "openid".to_owned(),
    };
    provider.code_flow(&client, &user);
    let mut browser = provider.browser();
    let page = browser.open("/sign-in").sign_in(&user).open("/account").page().text().to_owned();
    let rows = |name: &str| page.matches(&format!("<strong>{name}</strong>")).count();
    // The other one is this browser's.
    assert_eq!((rows("An application (This browser)"), rows("This browser")), (2, 1), "{page}");
}

/// R064: by default after 14 days without use, and 30 days after the sign-in.
fn a_browser_that_is_idle_is_signed_out(case: &Case) {
    let mut case = case.with_clock();
    let (client, user) = begin(&case);
    let sign_in = |case: &Case| Provider::new(case).signed_in(&client, &user);
    let (mut idle, mut used) = (sign_in(&case), sign_in(&case));
    let ages = |browser: &Browser| browser.set_cookies.iter().any(|line| line.ends_with("Max-Age=2592000"));
    assert!(ages(&used), "the cookie is there until the server says otherwise: {:?}", used.set_cookies);
    for day in [7, 14, 21, 28] {
        case.server_mut().advance(DAY * 7);
        assert!(is_signed_in(&mut used), "it is used and signed out after {day} days");
    }
    assert!(!is_signed_in(&mut idle));
    case.server_mut().advance(DAY * 3);
    assert!(!is_signed_in(&mut used), "it goes on for more than 30 days");
}

fn an_application_in_use_keeps_its_browser_signed_in(case: &Case) {
    let mut case = case.with_clock();
    let (client, user) = begin(&case);
    let (mut browser, mut tokens) = {
        let provider = Provider::new(&case);
        let mut browser = provider.browser();
        let granted = provider.grant_in(&mut browser, &provider.ask(&client), &user);
        (browser, provider.redeem(&client, &granted).expect(200).json())
    };
    for _ in 0..2 {
        case.server_mut().advance(DAY * 10);
        let refresh = tokens["refresh_token"].as_str().expect("a refresh token").to_owned();
        tokens = Provider::new(&case).refresh(&client, &refresh).expect(200).json();
    }
    assert!(is_signed_in(&mut browser), "signed out, although its application was used");
}

const TWO: &str = "[limits]\nsessions_per_account = 2";

/// R072.
fn the_oldest_browser_gives_way_with_its_applications(case: &Case) {
    let case = &case.with_config(TWO);
    let provider = Provider::new(case);
    let (client, user) = begin(case);
    let mut browsers: Vec<_> = (0..2).map(|_| provider.signed_in(&client, &user)).collect();
    let granted = provider.grant_in(&mut browsers[0], &provider.ask(&client), &user);
    let tokens = provider.redeem(&client, &granted).expect(200).json();
    let access = tokens["access_token"].as_str().expect("a token");
    assert!(provider.is_active(&client, access));
    browsers.push(provider.signed_in(&client, &user));
    let signed_in: Vec<_> = browsers.iter_mut().map(is_signed_in).collect();
    assert_eq!(signed_in, [false, true, true]);
    assert!(!provider.is_active(&client, access), "a grant outlives the session that it hangs on");
}

/// Grants are counted by themselves: however often an application asks anew, its browser stays signed in.
fn the_oldest_grant_gives_way(case: &Case) {
    let case = &case.with_config(TWO);
    let provider = Provider::new(case);
    let (client, user) = begin(case);
    let mut browser = provider.browser();
    let mut given = Vec::new();
    for _ in 0..4 {
        let granted = provider.grant_in(&mut browser, &provider.ask(&client), &user);
        given.push(provider.redeem(&client, &granted).expect(200).json());
    }
    let active = |tokens: &serde_json::Value| {
        provider.is_active(&client, tokens["access_token"].as_str().expect("a token"))
    };
    assert_eq!(given.iter().map(active).collect::<Vec<_>>(), [false, false, true, true]);
    assert!(is_signed_in(&mut browser));
}
