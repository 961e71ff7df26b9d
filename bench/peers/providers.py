"""Two other OpenID providers, with what the measured requests need and nothing else.

Each has clients with secrets that may get tokens for themselves, rotates refresh tokens, signs with ES256, and
keeps what it issues: glewlwyd in SQLite, as Debian installs it, oidc-provider in memory. An ID token comes with each
refresh, but for glewlwyd, which gives one with codes only.
"""

import contextlib
import http.client
import json
import os
import pathlib
import shutil
import socket
import sqlite3
import subprocess
import time

import grants

HERE = pathlib.Path(__file__).resolve().parent
OPAQUE = {"client_id": "opaque", "client_secret": "a-secret-of-a-benchmark-0123456789"}
SIGNED = {"client_id": "signed", "client_secret": "a-secret-of-a-benchmark-0123456789"}
PASSWORD = "correct horse battery staple"
GLEWLWYD_TABLES = pathlib.Path("/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3")


class Peer:
    """Where a provider is, who may ask, and refresh tokens that somebody was granted.

    The clients are what stands behind `Basic` before it is encoded. One gets opaque access tokens if the provider has
    such (glewlwyd has not), and the refresh tokens are its; the other gets signed ones.
    """

    def __init__(self, name, address, client, signed, token, introspect, refresh_tokens):
        self.name, self.address, self.client, self.signed = name, address, client, signed
        self.token, self.introspect, self.refresh_tokens = token, introspect, refresh_tokens


def basic(client):
    return f"{client['client_id']}:{client['client_secret']}"


def install():
    """What is missing, if this user may; says what to do otherwise."""
    if not shutil.which("glewlwyd"):
        packages = ["apt-get", "install", "-qq", "-y", "--no-install-recommends", "glewlwyd"]
        if os.getuid() != 0:
            raise RuntimeError("glewlwyd is missing; Debian: apt-get install --no-install-recommends glewlwyd")
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(packages, check=True, env=environment, stdout=subprocess.DEVNULL)
    done = subprocess.run([HERE.parents[1] / "scripts" / "node-tool", HERE], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return pathlib.Path(done.stdout.strip())


@contextlib.contextmanager
def oidc_provider(running, home, folder, count):
    """`running` starts a program that prints where it is."""
    script = folder / "oidc_provider.mjs"
    shutil.copy(HERE / script.name, script)
    modules = folder / "node_modules"
    if not modules.exists():
        modules.symlink_to(home / "node_modules")
    environment = [f"CLIENTS={json.dumps([OPAQUE, SIGNED])}", f"TOKENS={count}", "NODE_ENV=production"]
    with running("env", *environment, home / "node", script) as (_, where, _):
        yield Peer("oidc-provider", where["http"], basic(OPAQUE), basic(SIGNED), "/token", "/token/introspection",
                   where["refresh_tokens"])


@contextlib.contextmanager
def glewlwyd(pinned, folder, count):
    """`pinned` makes the command that runs a program on the right cores."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    database, settings = folder / "glewlwyd.db", folder / "glewlwyd.conf"
    database.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(database)) as made:
        made.executescript(GLEWLWYD_TABLES.read_text())
    settings.write_text(glewlwyd_settings(port, database))
    with open(folder / "glewlwyd.log", "w") as log:
        program = subprocess.Popen(pinned("glewlwyd", "-c", settings), stdout=log, stderr=log)
    try:
        administrator = Administrator(port)
        administrator.set_up(f"http://127.0.0.1:{port}")
        yield Peer("glewlwyd", f"127.0.0.1:{port}", basic(SIGNED), basic(SIGNED), "/api/oidc/token",
                   "/api/oidc/introspect", administrator.refresh_tokens(count))
    finally:
        program.kill()
        program.wait()


def glewlwyd_settings(port, database):
    modules = "/usr/lib/glewlwyd"
    return f"""
port = {port}
bind_address = "127.0.0.1"
external_url = "http://127.0.0.1:{port}/"
login_url = "login.html"
api_prefix = "api"
log_mode = "console"
log_level = "WARNING"
cookie_secure = 0
session_expiration = 2419200
session_key = "GLEWLWYD2_SESSION_ID"
admin_scope = "g_admin"
profile_scope = "g_profile"
user_module_path = "{modules}/user"
client_module_path = "{modules}/client"
user_auth_scheme_module_path = "{modules}/scheme"
plugin_module_path = "{modules}/plugin"
hash_algorithm = "SHA512"
database = {{ type = "sqlite3" path = "{database}" }};
"""


class Administrator:
    """Sets glewlwyd up by its own API, with the account that it is installed with."""

    def __init__(self, port):
        self.port, self.cookie = port, ""

    def call(self, path, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Content-Type": "application/json", "Cookie": self.cookie}
        connection.request("POST", f"/api{path}", json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        if answer.status != 200:
            raise RuntimeError(f"glewlwyd answers {answer.status} at {path}: {text[:300]}")
        self.cookie = (answer.getheader("Set-Cookie") or self.cookie).split(";")[0]
        return text

    def set_up(self, issuer):
        sign_in = {"username": "admin", "password": "password"}
        deadline = time.monotonic() + 15
        while True:
            try:
                self.call("/auth/", sign_in)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        self.call("/mod/plugin", {"module": "oidc", "name": "oidc", "display_name": "OpenID Connect",
                                  "enabled": True, "parameters": oidc_plugin(issuer)})
        self.call("/scope", {"name": "read", "display_name": "read", "description": "A scope",
                             "password_required": True, "password_max_age": 0, "scheme": {}})
        self.call("/client", {
            "client_id": SIGNED["client_id"], "name": "Bench", "confidential": True, "password": SIGNED["client_secret"],
            "authorization_type": ["code", "client_credentials", "password", "refresh_token"], "enabled": True,
            "redirect_uri": ["https://app.example.com/callback"], "scope": ["openid", "read"],
            "token_endpoint_auth_method": ["client_secret_basic"]})
        self.call("/user", {"username": "somebody", "password": PASSWORD, "scope": ["openid", "read"],
                            "enabled": True})

    def refresh_tokens(self, count):
        """By its password grant, the shortest way to one."""
        form = {"grant_type": "password", "username": "somebody", "password": PASSWORD, "scope": "openid read"}
        answers = [grants.post(f"127.0.0.1:{self.port}", "/api/oidc/token", basic(SIGNED), **form) for _ in range(count)]
        return [tokens["refresh_token"] for _, tokens in answers]


def oidc_plugin(issuer):
    """Signs with ES256, as this server does."""
    private = openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    on = ("allow-non-oidc", "auth-type-code-enabled", "auth-type-password-enabled", "auth-type-client-enabled",
          "auth-type-refresh-enabled", "introspection-revocation-allowed",
          "introspection-revocation-allow-target-client")
    off = ("auth-type-token-enabled", "auth-type-implicit-enabled", "auth-type-device-enabled",
           "auth-type-none-enabled", "auth-type-code-revoke-replayed", "refresh-token-rolling", "pkce-allowed",
           "register-client-allowed", "request-parameter-allow", "session-management-allowed")
    return {"iss": issuer, "subject-type": "public", "jwt-type": "ecdsa", "jwt-key-size": "256", "key": private,
            "cert": openssl("pkey", "-pubout", given=private), "access-token-duration": 3600,
            "refresh-token-duration": 86_400, "code-duration": 600, "refresh-token-one-use": "always",
            "name-claim": "no", "email-claim": "no", "scope-claim": "no", "scope": [], "additional-parameters": [],
            "claims": [], "introspection-revocation-auth-scope": [],
            **{name: True for name in on}, **{name: False for name in off}}


def openssl(*arguments, given=None):
    done = subprocess.run(["openssl", *arguments], input=given, capture_output=True, text=True, check=True)
    return done.stdout
