"""Authlib against the server: code with PKCE, ID token, userinfo, refresh, introspection, revocation."""

import os

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import KeySet

from talk import make_client, test, visit

CALLBACK = "https://app.example.com/callback"
SCOPE = "openid profile email offline_access"


def sign_in(method):
    metadata = {"redirect_uris": [CALLBACK], "scope": SCOPE, "token_endpoint_auth_method": method}
    made = make_client(metadata)
    session = OAuth2Session(
        made["client_id"],
        made.get("client_secret"),
        scope=SCOPE,
        redirect_uri=CALLBACK,
        code_challenge_method="S256",
        token_endpoint_auth_method=method,
        revocation_endpoint_auth_method=method,
    )
    server = session.get(test["issuer"] + "/.well-known/openid-configuration", withhold_token=True).json()
    verifier, nonce = generate_token(48), generate_token()
    url, state = session.create_authorization_url(
        server["authorization_endpoint"], code_verifier=verifier, nonce=nonce
    )
    arrived = visit(url)
    tokens = session.fetch_token(
        server["token_endpoint"], authorization_response=arrived, code_verifier=verifier, state=state
    )

    keys = KeySet.import_key_set(session.get(server["jwks_uri"], withhold_token=True).json())
    token = jwt.decode(tokens["id_token"], keys, algorithms=server["id_token_signing_alg_values_supported"])
    options = {"iss": {"value": test["issuer"]}, "aud": {"value": made["client_id"]}}
    parameters = {"nonce": nonce, "client_id": made["client_id"], "access_token": tokens["access_token"]}
    claims = CodeIDToken(token.claims, token.header, options, parameters)
    claims.validate()

    person = session.get(server["userinfo_endpoint"]).json()
    assert person["sub"] == claims["sub"] and person["email"] == test["email"], person

    old = tokens["access_token"]
    fresh = session.refresh_token(server["token_endpoint"], refresh_token=tokens["refresh_token"])
    assert fresh["access_token"] != old
    if method != "none":
        told = session.introspect_token(server["introspection_endpoint"], token=fresh["access_token"])
        assert told.status_code == 200 and told.json()["active"] is True, told.text
    revoked = session.revoke_token(server["revocation_endpoint"], token=fresh["refresh_token"])
    assert revoked.status_code == 200, revoked.text
    assert session.get(server["userinfo_endpoint"]).status_code == 401


for each in ["client_secret_basic", "client_secret_post", "none"]:
    sign_in(each)
