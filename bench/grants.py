"""Refresh tokens for the load, got as an application gets them: by somebody who signs in on the pages in a browser."""

import base64
import html
import http.client
import json
import re
import urllib.parse

REDIRECT_URI = "https://app.example.com/callback"
# Nobody is asked for consent: it is not what is measured. Without `openid` there is no ID token either.
CLIENT = {"grant_types": ["authorization_code", "refresh_token", "client_credentials"], "redirect_uris": [REDIRECT_URI],
          "scope": "read offline_access", "first_party": True, "require_pkce": False, "access_token_format": "opaque"}


def query(client_id, scope=CLIENT["scope"]):
    """An authorization request of that client."""
    return urllib.parse.urlencode({"response_type": "code", "client_id": client_id, "redirect_uri": REDIRECT_URI,
                                   "scope": scope, "state": "state-of-the-application"})


def post(address, path, client, **form):
    """What a form is answered with: status and JSON, if there is any."""
    connection = http.client.HTTPConnection(address, timeout=30)
    secret = base64.b64encode(client.encode()).decode()
    connection.request("POST", path, urllib.parse.urlencode(form), {
        "Authorization": f"Basic {secret}", "Content-Type": "application/x-www-form-urlencoded"})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, json.loads(body) if body.startswith(b"{") else None


class Browser:
    """Keeps cookies and follows nothing."""

    def __init__(self, address):
        self.connection = http.client.HTTPConnection(address, timeout=30)
        self.cookies = {}

    def open(self, method, path, form=None):
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if form:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self.connection.request(method, path, urllib.parse.urlencode(form) if form else None, headers)
        answer = self.connection.getresponse()
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, value = cookie.split(";")[0].split("=", 1)
            self.cookies[name] = value
        return answer, answer.read().decode()


def refresh_token(address, client, email, password, scope=CLIENT["scope"]):
    """A refresh token of the account. `client` is what stands behind `Basic` before it is encoded."""
    browser = Browser(address)
    _, page = browser.open("GET", f"/oauth2/authorize?{query(client.split(':')[0], scope)}")
    hidden = {name: html.unescape(value) for name, value in re.findall(r'name="(csrf|flow)" value="([^"]*)"', page)}
    answer, _ = browser.open("POST", "/sign-in", {**hidden, "identifier": email, "password": password})
    answer, page = browser.open("GET", answer.getheader("Location") or "/")
    arrived = urllib.parse.parse_qs(urllib.parse.urlsplit(answer.getheader("Location") or "").query)
    if "code" not in arrived:
        raise RuntimeError(f"no code for {email}: {answer.status} {page[:300]}")
    status, tokens = post(address, "/oauth2/token", client, grant_type="authorization_code", code=arrived["code"][0],
                          redirect_uri=REDIRECT_URI)
    if status != 200:
        raise RuntimeError(f"no tokens for {email}: {status} {tokens}")
    return tokens["refresh_token"]
