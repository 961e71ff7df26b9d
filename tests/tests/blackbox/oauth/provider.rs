//! Drives a server as applications and people do: makes clients by the command line, walks the pages, calls the
//! endpoints.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countersign_testkit::http::{Request, urlencoded};
use countersign_testkit::{Response, Server, scratch};
use serde_json::{Value, json};

use super::browser::{Answer, Browser};
use crate::case::{Case, password, unique};
use crate::cross::register_user;

/// The redirect URI of clients that name none.
pub const REDIRECT_URI: &str = "https://app.example.com/callback";

/// All scopes of people's claims.
pub const SCOPE: &str = "openid profile email phone groups roles offline_access";

/// A server as an OpenID provider.
pub struct Provider<'a> {
    pub case: &'a Case,
}

/// A client as it knows itself.
#[derive(Clone, Debug)]
pub struct RegisteredClient {
    pub id: String,
    pub secret: Option<String>,
    pub redirect_uri: String,
    /// `client_secret_basic`, `client_secret_post` or `none`; for other methods tests send what they prove by.
    pub method: String,
    pub scope: String,
}

/// Somebody with an account.
#[derive(Clone, Debug)]
pub struct User {
    pub email: String,
    pub password: String,
}

/// An authorization request, with what its client keeps to itself.
#[derive(Clone, Debug)]
pub struct Asked {
    pub pairs: Vec<(String, String)>,
    pub verifier: String,
    pub state: String,
    pub nonce: String,
}

/// A code and what is needed to redeem it.
#[derive(Clone, Debug)]
pub struct Granted {
    pub code: String,
    pub asked: Asked,
    pub answer: Answer,
}

impl Asked {
    /// With this parameter instead of the one it has.
    pub fn with(mut self, name: &str, value: &str) -> Asked {
        self = self.without(name);
        self.pairs.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Without this parameter.
    pub fn without(mut self, name: &str) -> Asked {
        self.pairs.retain(|(known, _)| known != name);
        self
    }

    /// As borrowed pairs.
    pub fn pairs(&self) -> Vec<(&str, &str)> {
        self.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// The path that a browser opens.
    pub fn target(&self) -> String {
        format!("/oauth2/authorize?{}", urlencoded(&self.pairs()))
    }
}

/// The S256 challenge of a verifier (RFC 7636 section 4.2).
pub fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

/// The header and the claims of a JWT, unverified.
#[track_caller]
pub fn decoded(jwt: &str) -> (Value, Value) {
    let part = |text: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(text).unwrap_or_else(|error| panic!("{error} in {jwt}"));
        serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{error} in {jwt}"))
    };
    let parts: Vec<_> = jwt.split('.').collect();
    assert_eq!(parts.len(), 3, "{jwt}");
    (part(parts[0]), part(parts[1]))
}

/// Another server on the PostgreSQL database of this one, with its issuer and its master key.
pub fn another_node(case: &Case) -> Case {
    let settings = format!(
        "public_url = \"{}\"\n[master_key]\nfile = \"{}\"",
        Provider::new(case).issuer(),
        case.server().data_dir().join("master.key").display()
    );
    case.with_own(Server::builder().config(&settings).database(case.server().database_url()))
}

impl<'a> Provider<'a> {
    /// The server of a case.
    pub fn new(case: &'a Case) -> Provider<'a> {
        Provider { case }
    }

    /// The issuer.
    pub fn issuer(&self) -> String {
        format!("http://{}", self.case.server().http_address())
    }

    /// Makes a client by the command line. What is not named is as for an application that runs on a server.
    #[track_caller]
    pub fn client(&self, metadata: Value) -> RegisteredClient {
        let mut all = json!({
            "client_name": "Example application",
            "redirect_uris": [REDIRECT_URI],
            "grant_types": ["authorization_code", "refresh_token"],
            "scope": SCOPE,
        });
        for (name, value) in metadata.as_object().expect("metadata are an object") {
            all[name] = value.clone();
        }
        let file = scratch::directory("client").join("metadata.json");
        std::fs::write(&file, all.to_string()).expect("a file of our own");
        let file = file.display().to_string();
        let made = self.command(&["client", "add", "--metadata", &file, "--json"]);
        RegisteredClient {
            id: made["client_id"].as_str().unwrap_or_else(|| panic!("no client_id in {made}")).to_owned(),
            secret: made["client_secret"].as_str().map(str::to_owned),
            redirect_uri: all["redirect_uris"][0].as_str().unwrap_or_default().to_owned(),
            method: all["token_endpoint_auth_method"].as_str().unwrap_or("client_secret_basic").to_owned(),
            scope: all["scope"].as_str().unwrap_or_default().to_owned(),
        }
    }

    /// A client without a secret, such as an application in a browser.
    #[track_caller]
    pub fn public_client(&self) -> RegisteredClient {
        self.client(json!({"token_endpoint_auth_method": "none"}))
    }

    /// A client that gets tokens for itself.
    #[track_caller]
    pub fn service(&self, metadata: Value) -> RegisteredClient {
        let mut all =
            json!({"grant_types": ["client_credentials"], "redirect_uris": [], "response_types": []});
        for (name, value) in metadata.as_object().expect("metadata are an object") {
            all[name] = value.clone();
        }
        self.client(all)
    }

    /// Runs a command that prints JSON.
    #[track_caller]
    pub fn command(&self, arguments: &[&str]) -> Value {
        let output = self.case.server().command(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!("{arguments:?}: {error} in {}", String::from_utf8_lossy(&output.stdout))
        })
    }

    /// Somebody new.
    #[track_caller]
    pub fn user(&self) -> User {
        let user = User { email: self.case.email(), password: password() };
        register_user(self.case, &user.email, &user.password).expect(201);
        user
    }

    /// A browser that has never been here.
    pub fn browser(&self) -> Browser {
        Browser::new(self.case)
    }

    /// A browser in which somebody has signed in (on their way to an application of no importance).
    #[track_caller]
    pub fn signed_in(&self, client: &RegisteredClient, user: &User) -> Browser {
        let mut browser = self.browser();
        browser.open(&self.ask(client).target()).sign_in(user);
        browser
    }

    /// An authorization request for all that the client may ask for.
    pub fn ask(&self, client: &RegisteredClient) -> Asked {
        let verifier = format!("verifier-{:08}-abcdefghijklmnopqrstuvwxyz0123456789", unique());
        let (state, nonce) = (format!("state-{}", unique()), format!("nonce-{}", unique()));
        let challenge = challenge(&verifier);
        let pairs = [
            ("response_type", "code"),
            ("client_id", &client.id),
            ("redirect_uri", &client.redirect_uri),
            ("scope", &client.scope),
            ("state", &state),
            ("nonce", &nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Asked { pairs, verifier, state, nonce }
    }

    /// Signs in (if asked to), allows (if asked), and takes the code.
    #[track_caller]
    pub fn grant_in(&self, browser: &mut Browser, asked: &Asked, user: &User) -> Granted {
        browser.open(&asked.target());
        if browser.asks_for_password() {
            browser.sign_in(user);
        }
        let answer = browser.allow().answer();
        let code = answer.get("code").to_owned();
        assert_eq!(answer.get("state"), asked.state);
        Granted { code, asked: asked.clone(), answer }
    }

    /// A code for all that the client may ask for, from a new browser.
    #[track_caller]
    pub fn grant(&self, client: &RegisteredClient, user: &User) -> Granted {
        self.grant_in(&mut self.browser(), &self.ask(client), user)
    }

    /// Redeems a code.
    pub fn redeem(&self, client: &RegisteredClient, granted: &Granted) -> Response {
        self.redemption(client, granted).send()
    }

    /// The same before it is sent.
    pub fn redemption(&self, client: &RegisteredClient, granted: &Granted) -> Request {
        let pairs = [
            ("grant_type", "authorization_code"),
            ("code", granted.code.as_str()),
            ("redirect_uri", &client.redirect_uri),
            ("code_verifier", &granted.asked.verifier),
        ];
        self.request(client, "/oauth2/token", &pairs)
    }

    /// From a new browser to tokens.
    #[track_caller]
    pub fn code_flow(&self, client: &RegisteredClient, user: &User) -> Value {
        self.redeem(client, &self.grant(client, user)).expect(200).json()
    }

    /// Uses a refresh token.
    pub fn refresh(&self, client: &RegisteredClient, token: &str) -> Response {
        self.token(client, &[("grant_type", "refresh_token"), ("refresh_token", token)])
    }

    /// Asks the token endpoint, authenticated as the client does.
    pub fn token(&self, client: &RegisteredClient, pairs: &[(&str, &str)]) -> Response {
        self.call(client, "/oauth2/token", pairs)
    }

    /// POSTs a form, authenticated as the client does.
    pub fn call(&self, client: &RegisteredClient, path: &str, pairs: &[(&str, &str)]) -> Response {
        self.request(client, path, pairs).send()
    }

    /// The same before it is sent.
    pub fn request(&self, client: &RegisteredClient, path: &str, pairs: &[(&str, &str)]) -> Request {
        let mut pairs = pairs.to_vec();
        let mut request = self.case.http().post(path);
        let secret = client.secret.as_deref().unwrap_or_default();
        match client.method.as_str() {
            "client_secret_basic" => request = request.header("Authorization", &basic(&client.id, secret)),
            "client_secret_post" => {
                pairs.extend([("client_id", client.id.as_str()), ("client_secret", secret)])
            }
            _ => pairs.push(("client_id", &client.id)),
        }
        request.form(&pairs)
    }

    /// What introspection says to this client.
    #[track_caller]
    pub fn introspect(&self, client: &RegisteredClient, token: &str) -> Value {
        self.call(client, "/oauth2/introspect", &[("token", token)]).expect(200).json()
    }

    /// Whether introspection calls the token active.
    #[track_caller]
    pub fn is_active(&self, client: &RegisteredClient, token: &str) -> bool {
        let told = self.introspect(client, token);
        told["active"].as_bool().unwrap_or_else(|| panic!("no `active` in {told}"))
    }

    /// Revokes a token.
    pub fn revoke(&self, client: &RegisteredClient, token: &str) -> Response {
        self.call(client, "/oauth2/revoke", &[("token", token)])
    }

    /// Asks who the user is.
    pub fn userinfo(&self, token: &str) -> Response {
        let request = self.case.http().get("/oauth2/userinfo");
        request.header("Authorization", &format!("Bearer {token}")).send()
    }
}

/// The value of `Authorization` by client id and secret (RFC 6749 section 2.3.1: form-encoded first).
pub fn basic(id: &str, secret: &str) -> String {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encoded(id), encoded(secret))))
}
