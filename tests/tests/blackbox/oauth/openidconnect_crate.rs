//! The `openidconnect` crate against the server.

use std::convert::Infallible;

use countersign_testkit::poll;
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreJwsSigningAlgorithm, CoreProviderMetadata, CoreUserInfoClaims,
};
use openidconnect::http::{Response, Uri};
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest, HttpResponse,
    IntrospectionUrl, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge, RedirectUrl, Scope,
    TokenIntrospectionResponse, TokenResponse,
};
use serde_json::json;

use super::provider::Provider;
use crate::case::{Case, on_both_engines};

on_both_engines! {
    the_openidconnect_crate_signs_in
}

/// Code with PKCE, a verified ID token of each algorithm, userinfo, refresh, introspection.
fn the_openidconnect_crate_signs_in(case: &Case) {
    for (algorithm, expected) in [
        ("ES256", CoreJwsSigningAlgorithm::EcdsaP256Sha256),
        ("RS256", CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256),
        ("EdDSA", CoreJwsSigningAlgorithm::EdDsa),
    ] {
        sign_in(case, algorithm, expected);
    }
}

fn sign_in(case: &Case, algorithm: &str, expected: CoreJwsSigningAlgorithm) {
    let provider = Provider::new(case);
    let (made, user) = (provider.client(json!({"id_token_signed_response_alg": algorithm})), provider.user());
    // A new server makes its RSA key behind the start, and the crate reads the keys once.
    poll::until(&format!("a key for {algorithm}"), || {
        let keys = case.get("/oauth2/jwks").expect(200).json();
        keys["keys"]
            .as_array()
            .is_some_and(|keys| keys.iter().any(|key| key["alg"] == algorithm))
            .then_some(())
    });
    let http = |request| send(case, request);
    let issuer = IssuerUrl::new(provider.issuer()).expect("a URL");
    let metadata = CoreProviderMetadata::discover(&issuer, &http).expect("discovery");
    let secret = made.secret.clone().map(ClientSecret::new);
    let introspect = format!("{}/oauth2/introspect", provider.issuer());
    let client = CoreClient::from_provider_metadata(metadata, ClientId::new(made.id.clone()), secret)
        .set_redirect_uri(RedirectUrl::new(made.redirect_uri.clone()).expect("a URL"))
        .set_introspection_url(IntrospectionUrl::new(introspect).expect("a URL"));

    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (asked, state, nonce) = client
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
        .add_scopes(["profile", "email", "offline_access"].map(|name| Scope::new(name.to_owned())))
        .set_pkce_challenge(challenge)
        .url();
    let answer = provider.browser().open(asked.as_str()).sign_in(&user).allow().answer();
    assert_eq!(answer.get("state"), state.secret());

    let code = AuthorizationCode::new(answer.get("code").to_owned());
    let request = client.exchange_code(code).expect("a token endpoint").set_pkce_verifier(verifier);
    let tokens = request.request(&http).expect("tokens");
    let id_token = tokens.id_token().expect("an ID token");
    let verifier = client.id_token_verifier().set_allowed_algs([expected]);
    let claims = id_token
        .claims(&verifier, &nonce)
        .unwrap_or_else(|error| panic!("an ID token by {algorithm}: {error:?}"));
    let (used, key) = (id_token.signing_alg(), id_token.signing_key(&verifier));
    let hash = AccessTokenHash::from_token(tokens.access_token(), used.expect("signed"), key.expect("a key"));
    assert_eq!(claims.access_token_hash(), Some(&hash.expect("a hash")));

    let subject = Some(claims.subject().clone());
    let request = client.user_info(tokens.access_token().clone(), subject).expect("a userinfo endpoint");
    let told: CoreUserInfoClaims = request.request(&http).expect("userinfo");
    assert_eq!(told.email().map(|email| email.as_str()), Some(user.email.as_str()));

    let refresh = tokens.refresh_token().expect("a refresh token");
    let next =
        client.exchange_refresh_token(refresh).expect("a token endpoint").request(&http).expect("tokens");
    let fresh = next.access_token();
    assert!(client.introspect(fresh).request(&http).expect("introspection").active());
    // The crate revokes over https only.
    provider.revoke(&made, next.refresh_token().expect("another one").secret()).expect(200);
    assert!(!client.introspect(fresh).request(&http).expect("introspection").active());
}

/// Sends what the crate wants sent.
fn send(case: &Case, request: HttpRequest) -> Result<HttpResponse, Infallible> {
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let own: Uri = format!("http://{}", case.server().http_address()).parse().expect("a URL");
    assert_eq!(request.uri().authority(), own.authority(), "it stays at the issuer");
    let mut sent = case.http().request(request.method().as_str(), target);
    for (name, value) in request.headers().iter().filter(|(name, _)| *name != "content-type") {
        sent = sent.header(name.as_str(), value.to_str().expect("text"));
    }
    if let Some(kind) = request.headers().get("content-type") {
        sent = sent.body(kind.to_str().expect("text"), request.body().clone());
    }
    let answer = sent.send();
    let mut response = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    Ok(response.body(answer.body).expect("a response"))
}
