//! Answers of the authorization endpoint as one signed JWT (JARM).

use serde_json::json;

use super::browser::Browser;
use super::dpop::now;
use super::keys::verifies;
use super::provider::{Granted, Provider, REDIRECT_URI, decoded};
use crate::case::{Case, on_both_engines};

on_both_engines! {
    a_signed_answer_bears_everything_and_nothing_stands_beside_it
    a_signed_answer_is_for_its_client_and_of_its_algorithm
    a_signed_answer_is_no_other_token
}

/// What begins the answer on its way: the query, the fragment, or a form.
fn way(browser: &Browser) -> char {
    let Some(url) = browser.away() else { return 'f' };
    url[REDIRECT_URI.len()..].chars().next().expect("more than the redirect URI")
}

fn a_signed_answer_bears_everything_and_nothing_stands_beside_it(case: &Case) {
    let provider = Provider::new(case);
    let client = provider.client(json!({"first_party": true}));
    let mut browser = provider.signed_in(&client, &provider.user());
    for (mode, by) in [("jwt", '?'), ("query.jwt", '?'), ("fragment.jwt", '#'), ("form_post.jwt", 'f')] {
        for (change, value) in [("ui_locales", "en"), ("scope", "unregistered"), ("max_age", "x")] {
            let asked = provider.ask(&client).with("response_mode", mode).with(change, value);
            let answer = browser.open(&asked.target()).answer();
            assert_eq!(way(&browser), by, "{mode} {change}");
            assert_eq!(answer.url, REDIRECT_URI);
            assert_eq!(answer.parameters.keys().collect::<Vec<_>>(), ["response"], "{mode} {change}");
            let jwt = answer.get("response");
            assert!(verifies(case, jwt), "{mode} {change}");
            let (_, claims) = decoded(jwt);
            let mut names: Vec<_> = claims.as_object().expect("claims").keys().map(String::as_str).collect();
            names.sort_unstable();
            let is_code = change == "ui_locales";
            match is_code {
                true => assert_eq!(names, ["aud", "code", "exp", "iss", "state"], "{mode}"),
                false => assert_eq!(names, ["aud", "error", "error_description", "exp", "iss", "state"]),
            }
            assert_eq!((&claims["iss"], &claims["aud"]), (&json!(provider.issuer()), &json!(client.id)));
            assert_eq!(claims["state"], asked.state.as_str());
            let good_for = claims["exp"].as_u64().expect("a time") - now();
            assert!((1..=600).contains(&good_for), "{good_for}");
            if is_code {
                let code = claims["code"].as_str().expect("a code").to_owned();
                provider.redeem(&client, &Granted { code, asked, answer }).expect(200);
            }
        }
    }
    // Somebody who says no, and a page that may not be shown.
    let client = provider.client(json!({}));
    let asked = provider.ask(&client).with("response_mode", "jwt");
    let answer = browser.open(&asked.target()).submit(&[("decision", "deny")]).answer();
    assert_eq!(decoded(answer.get("response")).1["error"], "access_denied");
    let answer = browser.open(&asked.with("prompt", "none").target()).answer();
    assert_eq!(decoded(answer.get("response")).1["error"], "consent_required");
}

fn a_signed_answer_is_for_its_client_and_of_its_algorithm(case: &Case) {
    let provider = Provider::new(case);
    let user = provider.user();
    for algorithm in ["ES256", "RS256", "EdDSA"] {
        let own = json!({"authorization_signed_response_alg": algorithm, "first_party": true});
        let like_its_id_tokens = json!({"id_token_signed_response_alg": algorithm, "first_party": true});
        for metadata in [own, like_its_id_tokens] {
            let client = provider.client(metadata);
            let mut browser = provider.signed_in(&client, &user);
            let asked = provider.ask(&client).with("response_mode", "jwt");
            let answer = browser.open(&asked.target()).answer();
            let (header, claims) = decoded(answer.get("response"));
            assert_eq!((&header["alg"], &claims["aud"]), (&json!(algorithm), &json!(client.id)));
            assert!(verifies(case, answer.get("response")), "{algorithm}");
        }
    }
    // A client that registered modes has no others; it is told where it can read it.
    let client = provider.client(json!({"response_modes": ["query", "query.jwt"]}));
    let asked = provider.ask(&client).with("response_mode", "fragment.jwt");
    let mut browser = provider.browser();
    assert_eq!(browser.open(&asked.target()).answer().error(), Some("invalid_request"));
    assert_eq!(way(&browser), '?');
    let asked = provider.ask(&client).with("response_mode", "jwt");
    assert!(browser.open(&asked.target()).asks_for_password());
}

/// It is signed by the same keys as tokens are.
fn a_signed_answer_is_no_other_token(case: &Case) {
    let provider = Provider::new(case);
    let client = provider.client(json!({"first_party": true}));
    let mut browser = provider.signed_in(&client, &provider.user());
    let asked = provider.ask(&client).with("response_mode", "jwt");
    let answer = browser.open(&asked.target()).answer();
    let jwt = answer.get("response");
    provider.userinfo(jwt).expect(401);
    assert!(!provider.is_active(&client, jwt));
    let hinted = provider.ask(&client).with("id_token_hint", jwt);
    assert_eq!(browser.open(&hinted.target()).answer().error(), Some("invalid_request"));
}
