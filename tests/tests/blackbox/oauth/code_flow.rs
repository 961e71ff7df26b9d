//! From `client add` to userinfo: the way that everything else hangs on.

use super::provider::{Provider, decoded};
use crate::case::{Case, on_both_engines};

on_both_engines! {
    somebody_signs_in_to_an_application
}

fn somebody_signs_in_to_an_application(case: &Case) {
    let provider = Provider::new(case);
    for client in [provider.client(serde_json::json!({})), provider.public_client()] {
        let user = provider.user();
        let granted = provider.grant(&client, &user);
        assert_eq!(granted.answer.get("iss"), provider.issuer());
        let tokens = provider.redeem(&client, &granted).expect(200).json();
        let access = tokens["access_token"].as_str().expect("an access token");
        let (header, claims) = decoded(tokens["id_token"].as_str().expect("an ID token"));
        assert_eq!(header["alg"], "ES256");
        assert_eq!(claims["nonce"], granted.asked.nonce.as_str());
        assert_eq!(claims["aud"], client.id.as_str());
        let told = provider.userinfo(access).expect(200).json();
        assert_eq!(told["sub"], claims["sub"]);
        assert_eq!(told["email"], user.email.as_str());
        let refresh = tokens["refresh_token"].as_str().expect("a refresh token");
        let next = provider.refresh(&client, refresh).expect(200).json();
        assert_ne!(next["access_token"], tokens["access_token"]);
    }
}
