//! What an authorization request meets: who is signed in already, and how.

use serde_json::json;

use super::provider::{Provider, decoded};
use crate::case::{Case, on_both_engines};
use crate::ouser;

on_both_engines! {
    two_people_in_one_browser_are_not_mixed
    who_signs_in_later_has_allowed_nothing
    the_way_of_signing_in_is_told
}

/// CVE-2022-3916: at a shared computer one person's application got another's session.
fn two_people_in_one_browser_are_not_mixed(case: &Case) {
    let provider = Provider::new(case);
    let (client, first, second) = (provider.client(json!({})), provider.user(), provider.user());
    let mut browser = provider.browser();
    let earlier = provider.grant_in(&mut browser, &provider.ask(&client), &first);
    let earlier = provider.redeem(&client, &earlier).expect(200).json();
    // The application knows whom it wants: never does it get the other one.
    let wanted = provider.ask(&client).with("login_hint", &second.email);
    let silent = wanted.clone().with("prompt", "none").target();
    let answer = browser.open(&silent).answer();
    assert!(answer.error().is_some(), "{answer:?}");
    browser.open(&provider.ask(&client).with("prompt", "login").target()).sign_in(&second);
    assert!(!browser.allow().answer().get("code").is_empty());
    // From here on the browser is the second one's, and no token of the first one comes of it.
    let (_, before) = decoded(earlier["id_token"].as_str().unwrap());
    let later = provider.grant_in(&mut browser, &provider.ask(&client), &second);
    let later = provider.redeem(&client, &later).expect(200).json();
    let (_, claims) = decoded(later["id_token"].as_str().unwrap());
    assert_ne!(claims["sub"], before["sub"]);
    let told = provider.userinfo(later["access_token"].as_str().unwrap()).expect(200).json();
    assert_eq!(told["email"], second.email.as_str());
}

/// A page that one person left open names them: pressed by the next one, it asks that one.
fn who_signs_in_later_has_allowed_nothing(case: &Case) {
    let provider = Provider::new(case);
    let (client, first, second) = (provider.client(json!({})), provider.user(), provider.user());
    let mut left = provider.signed_in(&client, &first);
    assert!(left.asks_for_consent() && left.page().text().contains(&first.email), "{left}");
    let mut later = left.clone();
    later.open(&provider.ask(&client).with("prompt", "login").target()).sign_in(&second);
    left.cookies = later.cookies.clone();
    left.submit(&[("decision", "allow")]);
    assert!(left.asks_for_consent() && left.page().text().contains(&second.email), "{left}");
    assert!(!left.allow().answer().get("code").is_empty());
}

fn the_way_of_signing_in_is_told(case: &Case) {
    let provider = Provider::new(case);
    let client = provider.client(json!({}));
    let (_, by_password) = {
        let tokens = provider.code_flow(&client, &provider.user());
        decoded(tokens["id_token"].as_str().unwrap())
    };
    assert_eq!(by_password["amr"], json!(["pwd"]));
    assert_eq!(by_password["acr"], "urn:countersign:acr:password");
    // Someone whose address is proven signs in with a code from a message.
    let member = ouser::register(case);
    let mut browser = provider.browser();
    let asked = provider.ask(&client);
    browser.open(&asked.target());
    let flow = browser.form_with(&[("password", "")]).fields;
    let flow = flow.into_iter().find(|(name, _)| name == "flow").expect("a flow").1;
    browser.open_with("/sign-in/code", &[("flow", &flow)]);
    let before = case.server().messages_to(&member.email).len();
    browser.submit(&[("identifier", &member.email)]);
    let messages = case.server().await_messages(&member.email, before + 1);
    let code = messages.last().expect("a message").code();
    let answer = browser.submit(&[("code", &code)]).allow().answer();
    let code = answer.get("code").to_owned();
    let granted = super::provider::Granted { code, asked, answer };
    let tokens = provider.redeem(&client, &granted).expect(200).json();
    let (_, claims) = decoded(tokens["id_token"].as_str().unwrap());
    assert_eq!(claims["amr"], json!(["otp"]));
    assert_eq!(claims["acr"], "urn:countersign:acr:code");
}
