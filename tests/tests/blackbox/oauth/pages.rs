//! The pages that sign people in.

use countersign_testkit::Response;
use countersign_testkit::http::urlencoded;
use serde_json::json;

use super::browser::Browser;
use super::html::unescaped;
use super::provider::{Provider, RegisteredClient, User};
use crate::case::{Case, on_both_engines, password};

on_both_engines! {
    sign_in_works_without_javascript
    a_form_from_another_site_changes_nothing
    a_step_cannot_be_skipped
    a_planted_browser_cookie_gains_nothing
    what_is_reflected_is_escaped
    every_language_has_a_page
    cookies_are_host_only
    registration_and_recovery_tell_nobody_who_has_an_account
    somebody_registers_on_the_way_to_an_application
    who_registers_again_is_led_to_the_account
    a_forgotten_password_is_replaced_by_a_code
    somebody_signs_in_with_a_code
    a_redirect_after_a_password_is_a_303
    a_policy_holds_on_every_page
    what_was_allowed_can_be_withdrawn
    everybody_can_sign_out_everywhere
    the_name_of_the_server_leads_to_the_account
}

const SESSION: &str = "__Host-countersign";
const BROWSER: &str = "__Host-countersign-browser";

/// POSTs a form from a browser without following what comes back.
fn post(case: &Case, browser: &Browser, path: &str, pairs: &[(&str, &str)], site: &str) -> Response {
    let cookies: Vec<_> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let request = case.http().post(path).header("Cookie", &cookies.join("; "));
    request.header("Sec-Fetch-Site", site).form(pairs).send()
}

/// What a filled-in form sends.
fn filled(browser: &Browser, fields: &[(&str, &str)]) -> Vec<(String, String)> {
    browser.form_with(fields).filled(fields)
}

fn borrowed(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// The code in the latest message to this address.
fn code_to(case: &Case, address: &str) -> String {
    case.server().latest_to(address).code()
}

/// Whether a browser is signed in, as the account's page says.
fn is_signed_in(browser: &mut Browser) -> bool {
    !browser.open("/account").asks_for_password()
}

fn begin(case: &Case) -> (RegisteredClient, User, Browser) {
    let provider = Provider::new(case);
    let (client, user) = (provider.client(json!({})), provider.user());
    let mut browser = provider.browser();
    browser.open(&provider.ask(&client).target());
    (client, user, browser)
}

fn sign_in_works_without_javascript(case: &Case) {
    let (_, user, mut browser) = begin(case);
    assert!(!browser.page().text().contains("<script"), "{browser}");
    assert_eq!(browser.sign_in(&User { password: "wrong".to_owned(), ..user.clone() }).page().status, 401);
    assert!(browser.page().text().contains("role=\"alert\""), "{browser}");
    browser.sign_in(&user);
    assert!(browser.asks_for_consent() && !browser.page().text().contains("<script"), "{browser}");
    assert!(browser.page().text().contains("Example application"), "{browser}");
    browser.allow().answer().get("code");
}

fn the_name_of_the_server_leads_to_the_account(case: &Case) {
    let response = case.http().get("/").send().expect(303);
    assert_eq!(response.header("location"), Some("/account"));
    let (_, user, mut browser) = begin(case);
    assert!(browser.open("/").asks_for_password());
    browser.sign_in(&user).open("/");
    assert_eq!((browser.target(), browser.page().status), ("/account", 200), "{browser}");
    let without = case.with_config("[surfaces.oauth]\nenabled = false");
    assert!(without.http().get("/").send().expect(404).json().is_object());
}

/// R125: neither another site's form nor another browser's.
fn a_form_from_another_site_changes_nothing(case: &Case) {
    let (_, user, browser) = begin(case);
    let fields = [("identifier", user.email.as_str()), ("password", user.password.as_str())];
    let pairs = filled(&browser, &fields);
    let refused = |browser: &Browser, pairs: &[(String, String)], site| {
        let response = post(case, browser, "/sign-in", &borrowed(pairs), site).expect(403);
        assert!(response.header("set-cookie").is_none(), "{response:?}");
    };
    refused(&browser, &pairs, "cross-site");
    refused(&browser, &pairs, "same-site");
    let without = |name: &str| pairs.iter().filter(|pair| pair.0 != name).cloned().collect::<Vec<_>>();
    refused(&browser, &without("csrf"), "same-origin");
    // The proof of the flow is none for the same page without it.
    refused(&browser, &without("flow"), "same-origin");
    refused(&begin(case).2, &pairs, "same-origin");
    let mut nobody = browser.clone();
    nobody.cookies.clear();
    refused(&nobody, &pairs, "same-origin");
    post(case, &browser, "/sign-in", &borrowed(&pairs), "same-origin").expect(303);
}

/// R074.
fn a_step_cannot_be_skipped(case: &Case) {
    let (_, user, mut browser) = begin(case);
    let form = browser.form_with(&[("password", "")]);
    let hidden =
        form.filled(&[("identifier", ""), ("password", ""), ("decision", "allow"), ("scope", "openid")]);
    let fresh = browser.clone();
    let forms = ["/sign-in", "/consent", "/select-account", "/sign-up", "/recover", "/device", "/account"];
    for path in forms.into_iter().chain(["/verify-address"]) {
        post(case, &browser, path, &[], "same-origin").expect(403);
    }
    post(case, &browser, "/sign-in", &borrowed(&hidden), "same-origin").expect(400);
    // Nobody is signed in, so nobody can have consented.
    browser.post("/consent", &borrowed(&hidden));
    assert!(browser.asks_for_password(), "{browser}");
    browser.clone_from(&fresh);
    let flow = form.fields.iter().find(|field| field.0 == "flow").expect("a flow").1.clone();
    browser.open_with("/oauth2/continue", &[("flow", &flow)]);
    assert!(browser.asks_for_password(), "{browser}");
    // Signed in, but consent is not given by going on.
    browser.sign_in(&user).open_with("/oauth2/continue", &[("flow", &flow)]);
    assert!(browser.asks_for_consent(), "{browser}");
}

/// R062, R073: what was in the browser before says nothing about who it is afterwards.
fn a_planted_browser_cookie_gains_nothing(case: &Case) {
    let (client, user, mut attacker) = begin(case);
    let (_, victim, mut browser) = begin(case);
    attacker.sign_in(&user);
    let planted = attacker.cookies[SESSION].clone();
    browser.cookies.insert(SESSION.to_owned(), planted.clone());
    browser.sign_in(&victim);
    assert_ne!(browser.cookies[SESSION], planted);
    // The session that was in the way has ended, and is not the one of who signed in.
    assert!(!is_signed_in(&mut attacker), "two people have one session");
    assert!(browser.open("/account").page().text().contains(&victim.email), "{browser}");
    // A flow works only where it began.
    let provider = Provider::new(case);
    let mut other = provider.browser();
    other.open(&provider.ask(&client).target());
    let flow = other.form_with(&[("password", "")]).filled(&[]);
    let flow = &flow.iter().find(|field| field.0 == "flow").expect("a flow").1;
    assert_eq!(browser.open_with("/oauth2/continue", &[("flow", flow)]).page().status, 403);
    // What is no cookie of ours is none.
    browser.cookies.insert(BROWSER.to_owned(), "x".to_owned());
    browser.open("/sign-in");
    assert_ne!(browser.cookies[BROWSER], "x");
}

/// R124.
fn what_is_reflected_is_escaped(case: &Case) {
    let provider = Provider::new(case);
    let evil = "\"><script>alert(1)</script>{{7*7}}'";
    let client = provider.client(json!({ "client_name": evil }));
    let user = provider.user();
    let mut browser = provider.browser();
    browser.open(&provider.ask(&client).with("login_hint", evil).with("ui_locales", evil).target());
    let check = |browser: &Browser, shown: bool| {
        let page = browser.page().text();
        assert!(!page.contains("<script") && !page.contains("\">alert"), "{page}");
        assert!(unescaped(page).contains(evil) == shown, "{page}");
    };
    check(&browser, true);
    browser.submit(&[("identifier", evil), ("password", "x")]);
    check(&browser, true);
    browser.sign_in(&user);
    assert!(browser.asks_for_consent(), "{browser}");
    check(&browser, true);
    check(browser.open_with("/device", &[("user_code", evil)]), true);
    check(browser.open_with("/oauth2/authorize", &[("client_id", evil), ("redirect_uri", evil)]), false);
    check(browser.open_with("/oauth2/continue", &[("flow", evil)]), false);
}

fn every_language_has_a_page(case: &Case) {
    let provider = Provider::new(case);
    let client = provider.client(json!({}));
    let words = [
        ("en", "Sign in"),
        ("de", "Anmelden"),
        ("fr", "Se connecter"),
        ("es", "Iniciar sesión"),
        ("pt-BR", "Entrar"),
        ("ja", "サインイン"),
        ("zh-CN", "登录"),
    ];
    for (language, word) in words {
        let lang = format!("<html lang=\"{}\">", &language[..2]);
        let mut browser = provider.browser();
        browser.language = Some(format!("xx, {language};q=0.7, en;q=0.1"));
        for path in ["/sign-in", "/sign-in/code", "/sign-up", "/recover", "/device", "/oauth2/authorize"] {
            let page = browser.open(path).page().text();
            assert!(page.contains(&lang), "{language} {path}: {page}");
        }
        assert!(browser.open("/sign-in").page().text().contains(&format!("<h1>{word}</h1>")), "{browser}");
        // What the application asks for goes first.
        browser.language = Some("en".to_owned());
        browser.open(&provider.ask(&client).with("ui_locales", &format!("xx {language}")).target());
        assert!(browser.page().text().contains(&lang), "{browser}");
    }
    let own = case.with_config("[pages]\nlanguage = \"de\"\nname = \"Beispiel\"\naccent = \"#c00\"");
    let page = own.get("/sign-in").expect(200);
    assert!(page.text().contains("<html lang=\"de\">") && page.text().contains("Beispiel"), "{page:?}");
    assert!(page.text().contains("--accent: #cc0000"), "{page:?}");
}

/// R061.
fn cookies_are_host_only(case: &Case) {
    let (_, user, mut browser) = begin(case);
    browser.sign_in(&user);
    assert!(browser.cookies.contains_key(SESSION) && browser.cookies.contains_key(BROWSER));
    for line in &browser.set_cookies {
        let parts: Vec<_> = line.split("; ").collect();
        assert!(parts[0].starts_with("__Host-"), "{line}");
        for needed in ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"] {
            assert!(parts.contains(&needed), "{line}");
        }
        assert!(!line.to_ascii_lowercase().contains("domain"), "{line}");
    }
    // A cookie shows who is asking at pages only.
    let cookie = &browser.cookies[SESSION];
    for request in [case.http().get("/auth/profile"), case.http().get("/oauth2/userinfo")] {
        request.header("Authorization", &format!("Bearer {cookie}")).send().expect(401);
    }
}

/// R024: what a stranger sees differs by what they typed only.
fn registration_and_recovery_tell_nobody_who_has_an_account(case: &Case) {
    let provider = Provider::new(case);
    let known = provider.user().email;
    for path in ["/sign-up", "/recover", "/sign-in/code"] {
        let seen = |address: &str, code: &str| {
            let mut browser = provider.browser();
            browser.open(path).submit(&[("identifier", address)]);
            if !code.is_empty() {
                let password = password();
                let mut fields = vec![("code", code)];
                if browser.has_form(&[("new_password", "")]) {
                    fields.push(("new_password", &password));
                }
                browser.submit(&fields);
            }
            let page = browser.page();
            let text = page.text().replace(address, "ADDRESS");
            // The proof and the nonce are other ones each time.
            let text: Vec<_> = text
                .lines()
                .filter(|line| !line.contains("csrf"))
                .map(|line| line.split("nonce=").next().unwrap_or_default().to_owned())
                .collect();
            (page.status, text)
        };
        for code in ["", "AAAAA-AAAAA"] {
            let (of_known, of_free) = (seen(&known, code), seen(&case.email(), code));
            assert_eq!(of_known, of_free, "{path}");
        }
    }
}

fn somebody_registers_on_the_way_to_an_application(case: &Case) {
    let (_, _, mut browser) = begin(case);
    let user = User { email: case.email(), password: password() };
    let hidden = browser.form_with(&[("password", "")]).filled(&[]);
    let flow = &hidden.iter().find(|field| field.0 == "flow").expect("a flow").1;
    browser.open_with("/sign-up", &[("flow", flow)]).submit(&[("identifier", &user.email)]);
    let code = code_to(case, &user.email);
    browser.submit(&[("code", &code), ("new_password", "short")]);
    assert_eq!(browser.page().status, 400, "{browser}");
    browser.submit(&[("code", &code), ("new_password", &user.password)]);
    assert!(browser.asks_for_consent(), "{browser}");
    browser.allow().answer().get("code");
    assert!(browser.open("/account").page().text().contains(&user.email), "{browser}");
    // Who has the code learns that there is an account; nothing is changed.
    let mut other = Provider::new(case).browser();
    other.open("/sign-up").submit(&[("identifier", &user.email)]);
    let code = code_to(case, &user.email);
    other.submit(&[("code", &code), ("new_password", &password())]);
    assert_eq!(other.page().status, 409, "{other}");
    other.open("/sign-in").sign_in(&user);
    assert!(is_signed_in(&mut other));
}

/// With the flow, or the device, that they came for.
fn who_registers_again_is_led_to_the_account(case: &Case) {
    let (_, user, mut browser) = begin(case);
    let hidden = browser.form_with(&[("password", "")]).filled(&[]);
    let flow = &hidden.iter().find(|field| field.0 == "flow").expect("a flow").1;
    for way in [("flow", flow.as_str()), ("device", "BCDFGHJK")] {
        browser.open_with("/sign-up", &[way]).submit(&[("identifier", &user.email)]);
        let code = code_to(case, &user.email);
        browser.submit(&[("code", &code), ("new_password", &password())]);
        assert_eq!(browser.page().status, 409, "{browser}");
        assert!(browser.forms().is_empty(), "{browser}");
        let page = browser.page().text().to_owned();
        let query = urlencoded(&[way]);
        for path in ["/sign-in", "/recover"] {
            assert!(page.contains(&format!("href=\"{path}?{query}\"")), "no link to {path}: {page}");
        }
    }
    browser.open_with("/sign-in", &[("flow", flow)]).sign_in(&user);
    assert!(browser.asks_for_consent(), "{browser}");
}

fn a_forgotten_password_is_replaced_by_a_code(case: &Case) {
    let (_, user, mut browser) = begin(case);
    let mut elsewhere = browser.clone();
    elsewhere.sign_in(&user);
    browser.open("/recover").submit(&[("identifier", &user.email)]);
    let (code, new) = (code_to(case, &user.email), password());
    browser.submit(&[("code", &code), ("new_password", &new)]);
    assert_eq!(browser.page().status, 200, "{browser}");
    // Nobody is signed in by it, and everybody is signed out.
    assert!(!is_signed_in(&mut browser) && !is_signed_in(&mut elsewhere));
    browser.sign_in(&user);
    assert_eq!(browser.page().status, 401, "{browser}");
    browser.sign_in(&User { password: new, ..user });
    assert!(is_signed_in(&mut browser));
}

fn somebody_signs_in_with_a_code(case: &Case) {
    let user = Provider::new(case).user();
    let mut browser = Provider::new(case).browser();
    browser.open("/sign-in/code").submit(&[("identifier", &user.email)]);
    let code = code_to(case, &user.email);
    browser.submit(&[("code", "AAAAA-AAAAA")]);
    assert_eq!(browser.page().status, 401, "{browser}");
    browser.submit(&[("code", &code)]);
    assert!(is_signed_in(&mut browser));
    let mut again = Provider::new(case).browser();
    again.open("/sign-in/code").submit(&[("identifier", &user.email)]).submit(&[("code", &code)]);
    assert_eq!(again.page().status, 401, "a code works once: {again}");
}

/// RFC 9700 section 4.12: a 307 would send the password on.
fn a_redirect_after_a_password_is_a_303(case: &Case) {
    let (_, user, browser) = begin(case);
    let fields = [("identifier", user.email.as_str()), ("password", user.password.as_str())];
    let pairs = filled(&browser, &fields);
    let response = post(case, &browser, "/sign-in", &borrowed(&pairs), "same-origin").expect(303);
    assert!(response.header("location").is_some_and(|to| to.starts_with("/oauth2/continue?flow=")));
    assert!(response.body.is_empty());
}

/// R123.
fn a_policy_holds_on_every_page(case: &Case) {
    let (client, user, mut browser) = begin(case);
    let check = |browser: &Browser| {
        let page = browser.page();
        let policy = page.header("content-security-policy").expect("a policy");
        for part in ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"]
        {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        let nonce = policy.split("style-src 'nonce-").nth(1).and_then(|rest| rest.split('\'').next());
        let style = format!("<style nonce=\"{}\">", nonce.expect("a nonce"));
        assert!(page.text().contains(&style), "{page:?}");
        assert_eq!(page.header("cache-control"), Some("no-store"));
        assert_eq!(page.header("x-frame-options"), Some("DENY"));
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        policy.to_owned()
    };
    let first = check(&browser);
    assert!(first.contains("https://app.example.com"), "{first}: {}", client.redirect_uri);
    check(browser.sign_in(&user));
    for path in ["/account", "/sign-up", "/recover", "/device", "/sign-in/code", "/oauth2/continue"] {
        let policy = check(browser.open(path));
        assert!(!policy.contains("app.example.com"), "{policy}");
        assert_ne!(policy, first, "a nonce is used once");
    }
}

fn what_was_allowed_can_be_withdrawn(case: &Case) {
    let provider = Provider::new(case);
    let (client, user) = (provider.client(json!({})), provider.user());
    let mut browser = provider.signed_in(&client, &user);
    let granted = provider.grant_in(&mut browser, &provider.ask(&client), &user);
    let tokens = provider.redeem(&client, &granted).expect(200).json();
    let access = tokens["access_token"].as_str().expect("a token");
    assert!(provider.is_active(&client, access));
    browser.open("/account").submit(&[("action", "withdraw")]);
    assert!(!browser.has_form(&[("action", "withdraw")]), "{browser}");
    assert!(!provider.is_active(&client, access));
    provider.refresh(&client, tokens["refresh_token"].as_str().expect("a token")).expect(400);
    // They are asked again.
    browser.open(&provider.ask(&client).target());
    assert!(browser.asks_for_consent(), "{browser}");
}

fn everybody_can_sign_out_everywhere(case: &Case) {
    let provider = Provider::new(case);
    let (client, user) = (provider.client(json!({})), provider.user());
    let (mut here, mut there) = (provider.signed_in(&client, &user), provider.signed_in(&client, &user));
    let mut third = provider.signed_in(&client, &user);
    here.open("/account").submit(&[("action", "end_session")]);
    assert_eq!(here.forms().iter().filter(|form| form.has("action", "end_session")).count(), 1, "{here}");
    assert!(is_signed_in(&mut there) != is_signed_in(&mut third));
    here.submit(&[("action", "sign_out_everywhere")]);
    assert!(!here.cookies.contains_key(SESSION));
    assert!(!is_signed_in(&mut here) && !is_signed_in(&mut there) && !is_signed_in(&mut third));
}
