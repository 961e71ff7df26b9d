"""requests-oauthlib against the server: code with PKCE, userinfo, refresh by itself, revocation."""

import os

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"

import requests
from oauthlib.oauth2 import BackendApplicationClient
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from talk import make_client, test, visit

CALLBACK = "https://app.example.com/callback"
SCOPE = ["openid", "profile", "email", "offline_access"]


def sign_in(server):
    made = make_client({"redirect_uris": [CALLBACK], "scope": " ".join(SCOPE)})
    renewed = []
    session = OAuth2Session(
        made["client_id"],
        redirect_uri=CALLBACK,
        scope=SCOPE,
        pkce="S256",
        auto_refresh_url=server["token_endpoint"],
        token_updater=renewed.append,
    )
    url, _ = session.authorization_url(server["authorization_endpoint"])
    arrived = visit(url)
    tokens = session.fetch_token(
        server["token_endpoint"], authorization_response=arrived, client_secret=made["client_secret"]
    )
    person = session.get(server["userinfo_endpoint"]).json()
    assert person["email"] == test["email"], person

    # As if it had been left alone until its token expired.
    session.token = {**tokens, "expires_in": -1, "expires_at": 1}
    secret = HTTPBasicAuth(made["client_id"], made["client_secret"])
    person = session.get(server["userinfo_endpoint"], auth=None, client_id=made["client_id"],
                         client_secret=made["client_secret"]).json()
    assert person["email"] == test["email"], person
    assert len(renewed) == 1 and renewed[0]["access_token"] != tokens["access_token"]

    gone = requests.post(server["revocation_endpoint"], data={"token": renewed[0]["refresh_token"]}, auth=secret)
    assert gone.status_code == 200, gone.text
    assert session.get(server["userinfo_endpoint"]).status_code == 401


def a_service(server):
    made = make_client(
        {"grant_types": ["client_credentials"], "redirect_uris": [], "response_types": [], "scope": "reports"}
    )
    session = OAuth2Session(client=BackendApplicationClient(client_id=made["client_id"], scope=["reports"]))
    tokens = session.fetch_token(
        server["token_endpoint"], client_id=made["client_id"], client_secret=made["client_secret"]
    )
    assert tokens["token_type"].lower() == "bearer", tokens


description = requests.get(test["issuer"] + "/.well-known/openid-configuration").json()
sign_in(description)
a_service(description)
