//! Tokens that clients get for themselves, and tokens that are signed.

use serde_json::{Value, json};

use super::codes::expect_error;
use super::provider::{Provider, RegisteredClient, decoded};
use crate::case::{Case, on_both_engines};

on_both_engines! {
    a_client_gets_tokens_for_itself
    a_signed_access_token_says_what_an_opaque_one_is
    nobody_gets_tokens_for_more_than_they_may
}

const API: &str = "https://api.example.com";

fn own(
    provider: &Provider<'_>,
    client: &RegisteredClient,
    more: &[(&str, &str)],
) -> countersign_testkit::Response {
    let mut pairs = vec![("grant_type", "client_credentials")];
    pairs.extend(more);
    provider.token(client, &pairs)
}

fn a_client_gets_tokens_for_itself(case: &Case) {
    let provider = Provider::new(case);
    let opaque = provider.service(json!({"scope": "read write"}));
    let tokens = own(&provider, &opaque, &[("scope", "read")]).expect(200).json();
    assert_eq!((&tokens["scope"], &tokens["expires_in"]), (&json!("read"), &json!(300)));
    assert!(tokens["refresh_token"].is_null() && tokens["id_token"].is_null(), "{tokens}");
    let access = tokens["access_token"].as_str().expect("an access token");
    assert!(access.starts_with("cs_ct_"));
    let told = provider.introspect(&opaque, access);
    assert_eq!((&told["active"], &told["client_id"]), (&json!(true), &json!(opaque.id)), "{told}");
    // It is nobody's: no person stands behind it.
    assert_eq!(provider.userinfo(access).status, 401);

    let signed = provider.service(
        json!({"scope": "read", "access_token_format": "jwt", "audience": [API], "access_token_lifetime": 3600}),
    );
    let tokens = own(&provider, &signed, &[("resource", API)]).expect(200).json();
    let (header, claims) = decoded(tokens["access_token"].as_str().expect("an access token"));
    assert_eq!(header["typ"], "at+jwt");
    assert_eq!(claims["iss"], provider.issuer());
    assert_eq!(claims["aud"], API);
    assert_eq!((&claims["sub"], &claims["client_id"]), (&json!(signed.id), &json!(signed.id)));
    // Nothing can end it, so it is short.
    assert_eq!(claims["exp"].as_i64().zip(claims["iat"].as_i64()).map(|(exp, iat)| exp - iat), Some(300));
}

fn a_signed_access_token_says_what_an_opaque_one_is(case: &Case) {
    let provider = Provider::new(case);
    for algorithm in ["ES256", "EdDSA", "RS256"] {
        let client =
            provider.client(json!({"access_token_format": "jwt", "id_token_signed_response_alg": algorithm}));
        let user = provider.user();
        let tokens = provider.code_flow(&client, &user);
        let access = tokens["access_token"].as_str().expect("an access token");
        let (header, claims) = decoded(access);
        let (_, id) = decoded(tokens["id_token"].as_str().expect("an ID token"));
        assert_eq!((&header["typ"], &header["alg"]), (&json!("at+jwt"), &json!(algorithm)));
        for name in ["iss", "sub", "sid", "auth_time", "amr", "acr"] {
            assert_eq!(claims[name], id[name], "{name}");
        }
        assert_eq!((&claims["client_id"], &claims["scope"]), (&json!(client.id), &tokens["scope"]));
        assert_eq!(claims["groups"], json!([]));
        assert!(claims["jti"].is_string() && id["at_hash"].is_string());
        assert_eq!(provider.userinfo(access).expect(200).json()["sub"], claims["sub"]);
        // It ends with its grant although it is signed.
        assert!(provider.is_active(&client, access));
        let refresh = tokens["refresh_token"].as_str().expect("a refresh token");
        provider.revoke(&client, refresh).expect(200);
        assert!(!provider.is_active(&client, access));
    }
}

fn nobody_gets_tokens_for_more_than_they_may(case: &Case) {
    let provider = Provider::new(case);
    let service = provider.service(json!({"scope": "read openid profile", "audience": [API]}));
    for scope in ["write", "read write", "openid", "profile"] {
        expect_error(&own(&provider, &service, &[("scope", scope)]), "invalid_scope");
    }
    assert_eq!(own(&provider, &service, &[]).expect(200).json()["scope"], "read");
    let other = [("resource", "https://other.example.com")];
    expect_error(&own(&provider, &service, &other), "invalid_target");
    let both = [("resource", API), ("resource", "https://other.example.com")];
    expect_error(&own(&provider, &service, &both), "invalid_target");
    own(&provider, &service, &[("resource", API)]).expect(200);

    let person = provider.client(json!({}));
    expect_error(&own(&provider, &person, &[]), "unauthorized_client");
    expect_error(&own(&provider, &provider.public_client(), &[]), "unauthorized_client");
    let code = [("grant_type", "authorization_code"), ("code", "cs_ac_x")];
    expect_error(&provider.token(&service, &code), "unauthorized_client");
    let scoped = RegisteredClient { secret: Some("wrong".to_owned()), ..service.clone() };
    expect_error(&own(&provider, &scoped, &[]), "invalid_client");
    let nothing: Value = provider.token(&service, &[]).json();
    assert_eq!(nothing["error"], "invalid_request");
}
