//! Who somebody is, as far as the scope says (OpenID Connect Core section 5.3).

use serde_json::json;

use super::provider::{Provider, decoded};
use crate::case::{Case, on_both_engines};

on_both_engines! {
    userinfo_tells_what_the_scope_says
    userinfo_is_signed_for_whoever_wants_it
    a_token_comes_in_one_place
}

fn access(provider: &Provider<'_>, metadata: serde_json::Value) -> String {
    let tokens = provider.code_flow(&provider.client(metadata), &provider.user());
    tokens["access_token"].as_str().expect("an access token").to_owned()
}

fn userinfo_tells_what_the_scope_says(case: &Case) {
    let provider = Provider::new(case);
    for format in ["opaque", "jwt"] {
        let all = access(&provider, json!({ "access_token_format": format }));
        let told = provider.userinfo(&all).expect(200).json();
        assert_eq!((&told["name"], &told["given_name"]), (&json!("Ada Byron"), &json!("Ada")));
        assert!(told["email"].is_string() && told["email_verified"].is_boolean(), "{told}");
        let little = access(&provider, json!({ "access_token_format": format, "scope": "openid" }));
        let told = provider.userinfo(&little).expect(200).json();
        assert_eq!(told.as_object().unwrap().keys().collect::<Vec<_>>(), ["sub"]);
        let none = access(&provider, json!({ "access_token_format": format, "scope": "profile" }));
        let refused = provider.userinfo(&none).expect(403);
        assert_eq!(refused.string("error"), "insufficient_scope");
        assert!(refused.header("www-authenticate").is_some_and(|value| value.contains("insufficient_scope")));
    }
}

fn userinfo_is_signed_for_whoever_wants_it(case: &Case) {
    let provider = Provider::new(case);
    let client = provider.client(json!({ "userinfo_signed_response_alg": "RS256" }));
    let tokens = provider.code_flow(&client, &provider.user());
    let signed = provider.userinfo(tokens["access_token"].as_str().unwrap()).expect(200);
    assert_eq!(signed.header("content-type"), Some("application/jwt"));
    let (header, claims) = decoded(signed.text());
    assert_eq!(header["alg"], "RS256");
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!(provider.issuer()), &json!(client.id)));
    assert_eq!(claims["sub"], decoded(tokens["id_token"].as_str().unwrap()).1["sub"]);
}

fn a_token_comes_in_one_place(case: &Case) {
    let provider = Provider::new(case);
    let token = access(&provider, json!({}));
    let bearer = format!("Bearer {token}");
    let post = || case.http().post("/oauth2/userinfo");
    post().form(&[("access_token", &token)]).send().expect(200);
    post().header("Authorization", &bearer).send().expect(200);
    post().header("Authorization", &bearer).form(&[("access_token", &token)]).send().expect(400);
    // Proxies log the query.
    let refused = case.get(&format!("/oauth2/userinfo?access_token={token}")).expect(401);
    // RFC 6750 section 3: parameters follow each scheme; RFC 9728 section 5.1 has one for both.
    let metadata =
        format!("resource_metadata=\"{}/.well-known/oauth-protected-resource\"", provider.issuer());
    let wanted = format!("Bearer {metadata}, DPoP algs=\"ES256 RS256 EdDSA\", {metadata}");
    assert_eq!(refused.header("www-authenticate"), Some(wanted.as_str()));
    let refused = provider.userinfo("unknown").expect(401);
    let wanted = format!("Bearer error=\"invalid_token\", {metadata}");
    assert_eq!(refused.header("www-authenticate"), Some(wanted.as_str()));
    for header in ["Bearer", "Bearer ", "Basic eDp5", &format!("Bearer {token} {token}"), &token] {
        let request = case.http().get("/oauth2/userinfo").header("Authorization", header);
        let refused = request.send().expect(400);
        assert!(refused.header("www-authenticate").is_some(), "{header}");
    }
    case.http().get("/oauth2/userinfo").header("Authorization", &format!("DPoP {token}")).send().expect(401);
}
