//! Reads an authorization request and holds it to what its client may ask for. The same for requests that
//! a browser brings along and for those that are pushed.

use countersign_model::oauth::{
    AuthMethod, AuthorizationDetails, AuthorizationRequest, Challenge, ClaimsRequest, Client, ErrorCode,
    GrantType, Parameters, Prompts, RedirectUri, ResponseMode, ResponseType, Scope,
};
use serde_json::Value;

/// More bytes of parameters than this are refused: they travel in URLs. Larger requests are pushed.
pub(crate) const MAX_BYTES: usize = 4096;
/// The same for pushed requests.
pub(crate) const MAX_PUSHED_BYTES: usize = 32_768;
/// `state` and `nonce` come back to the client in a URL and in a token.
const MAX_ECHOED_BYTES: usize = 1024;
/// More resources than this are refused.
const MAX_RESOURCES: usize = 8;

/// What is wrong with a request: the code, and why in words of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault(pub ErrorCode, pub &'static str);

/// Where the answer goes. Nothing is sent anywhere before this is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Destination {
    /// As the request named it, or the only one that the client has.
    pub redirect_uri: String,
    /// How the answer travels.
    pub mode: ResponseMode,
    /// Goes along.
    pub state: Option<String>,
}

/// Where the answer to this request goes.
///
/// # Errors
/// [`Fault`], to be shown and never sent.
pub(crate) fn destination(client: &Client, parameters: &Parameters) -> Result<Destination, Fault> {
    let refused = |why| Fault(ErrorCode::InvalidRequest, why);
    let uri = match (parameters.get("redirect_uri"), client.metadata.redirect_uris.as_slice()) {
        (Some(asked), _) => {
            client
                .redirect(asked)
                .ok_or(refused("The redirect_uri is none that the client has registered."))?;
            // The port may be any, but what is asked for is nothing that could not be registered.
            RedirectUri::register(asked).map_err(|_| refused("The redirect_uri cannot be used."))?;
            asked.to_owned()
        }
        (None, [only]) if !asks_openid(parameters) => only.as_str().to_owned(),
        (None, _) => return Err(refused("The redirect_uri is missing.")),
    };
    // A mode that is not to be had is refused in the query.
    let mode = parameters.get("response_mode").and_then(ResponseMode::from_name);
    let mode = mode.filter(|mode| may_use(client, *mode)).unwrap_or(ResponseMode::Query);
    let state = parameters.get("state").filter(|state| state.len() <= MAX_ECHOED_BYTES);
    Ok(Destination { redirect_uri: uri, mode, state: state.map(str::to_owned) })
}

fn asks_openid(parameters: &Parameters) -> bool {
    parameters.get("scope").is_some_and(|scope| scope.split(' ').any(|name| name == Scope::OPENID))
}

fn may_use(client: &Client, mode: ResponseMode) -> bool {
    let registered = &client.metadata.response_modes;
    // For codes `jwt` is another word for `query.jwt` (JARM §2.3.4).
    let is_same = |known: ResponseMode| {
        known == mode
            || [known, mode].iter().all(|mode| matches!(mode, ResponseMode::Jwt | ResponseMode::QueryJwt))
    };
    registered.is_empty() || registered.iter().any(|known| is_same(*known))
}

/// Reads a request of this client; `types` are those of authorization details that are served.
///
/// # Errors
/// [`Fault`], for the client.
pub(crate) fn read(
    client: &Client,
    parameters: &Parameters,
    types: &[String],
) -> Result<AuthorizationRequest, Fault> {
    let text = |name: &str| parameters.get(name).map(str::to_owned);
    let words = |name: &str| -> Vec<String> {
        parameters
            .get(name)
            .map(|list| list.split_whitespace().map(str::to_owned).collect())
            .unwrap_or_default()
    };
    check_lengths(parameters)?;
    let request = AuthorizationRequest {
        client_id: client.id.as_str().to_owned(),
        redirect_uri: text("redirect_uri"),
        response_type: response_type(client, parameters)?,
        response_mode: response_mode(client, parameters)?,
        scope: scope(client, parameters)?,
        state: text("state"),
        nonce: text("nonce"),
        challenge: challenge(client, parameters)?,
        prompt: prompt(parameters)?,
        max_age: max_age(client, parameters)?,
        acr_values: words("acr_values"),
        claims: claims(parameters)?,
        login_hint: text("login_hint"),
        id_token_hint: text("id_token_hint"),
        ui_locales: words("ui_locales"),
        display: text("display"),
        resource: resource(client, parameters)?,
        authorization_details: details(client, parameters, types)?,
        dpop_jkt: dpop_jkt(parameters)?,
    };
    refuse_what_is_not_served(parameters)?;
    Ok(request)
}

/// Whether the request is signed if its client signs all of them.
///
/// # Errors
/// [`Fault`], for the client.
pub(crate) fn check_signed(client: &Client, came: &Parameters) -> Result<(), Fault> {
    let is_missing = client.metadata.require_signed_request_object && came.get("request").is_none();
    let refused = Fault(ErrorCode::InvalidRequest, "The client must sign its requests (RFC 9101).");
    if is_missing { Err(refused) } else { Ok(()) }
}

fn check_lengths(parameters: &Parameters) -> Result<(), Fault> {
    let is_long = |name| parameters.get(name).is_some_and(|text| text.len() > MAX_ECHOED_BYTES);
    if is_long("state") || is_long("nonce") {
        return Err(Fault(ErrorCode::InvalidRequest, "The state or nonce is longer than 1024 bytes."));
    }
    Ok(())
}

fn response_type(client: &Client, parameters: &Parameters) -> Result<ResponseType, Fault> {
    match parameters.get("response_type") {
        None => Err(Fault(ErrorCode::InvalidRequest, "The response_type is missing.")),
        Some("code") if !client.may(GrantType::AuthorizationCode) => {
            Err(Fault(ErrorCode::UnauthorizedClient, "The client is not registered for codes."))
        }
        Some("code") => Ok(ResponseType::Code),
        Some(_) => Err(Fault(ErrorCode::UnsupportedResponseType, "The only response_type is code.")),
    }
}

fn response_mode(client: &Client, parameters: &Parameters) -> Result<Option<ResponseMode>, Fault> {
    let Some(name) = parameters.get("response_mode") else { return Ok(None) };
    let mode = ResponseMode::from_name(name).filter(|mode| may_use(client, *mode));
    mode.map(Some).ok_or(Fault(ErrorCode::InvalidRequest, "This response_mode is not to be had."))
}

/// Those scopes that the client may have. Others are left out (OpenID Connect Core §3.1.2.1), and the token's `scope`
/// tells; a request of which nothing is left is refused.
fn scope(client: &Client, parameters: &Parameters) -> Result<Scope, Fault> {
    let refused = |why| Fault(ErrorCode::InvalidScope, why);
    let Some(text) = parameters.get("scope") else { return Ok(Scope::default()) };
    let asked = Scope::parse(text).map_err(|_| refused("The scope is not a list of names."))?;
    let may = asked.intersect(&client.metadata.scope);
    if may.is_empty() && !asked.is_empty() {
        return Err(refused("The client is not registered for any of this scope."));
    }
    Ok(may)
}

fn challenge(client: &Client, parameters: &Parameters) -> Result<Option<Challenge>, Fault> {
    let refused = |why| Err(Fault(ErrorCode::InvalidRequest, why));
    match (parameters.get("code_challenge"), parameters.get("code_challenge_method")) {
        (Some(challenge), Some("S256")) => match Challenge::parse(challenge) {
            Some(challenge) => Ok(Some(challenge)),
            None => refused("The code_challenge is no SHA-256 in base64url."),
        },
        // Without a method it would be `plain` (RFC 7636 §4.3).
        (Some(_), _) | (None, Some(_)) => refused("The code_challenge_method must be S256."),
        (None, None) if client.metadata.require_pkce || is_public(client) => {
            refused("The client must use PKCE: the code_challenge is missing.")
        }
        (None, None) => Ok(None),
    }
}

fn is_public(client: &Client) -> bool {
    client.metadata.token_endpoint_auth_method == AuthMethod::None
}

fn prompt(parameters: &Parameters) -> Result<Prompts, Fault> {
    let refused = |why| Fault(ErrorCode::InvalidRequest, why);
    let mut prompt = Prompts::default();
    for name in parameters.get("prompt").unwrap_or_default().split_whitespace() {
        match name {
            "none" => prompt.none = true,
            "login" => prompt.login = true,
            "consent" => prompt.consent = true,
            "select_account" => prompt.select_account = true,
            _ => return Err(refused("The prompt has a value that is not known.")),
        }
    }
    if prompt.none && (prompt.login || prompt.consent || prompt.select_account) {
        return Err(refused("The prompt none goes with no other."));
    }
    Ok(prompt)
}

fn max_age(client: &Client, parameters: &Parameters) -> Result<Option<u32>, Fault> {
    match parameters.get("max_age") {
        None => Ok(client.metadata.default_max_age),
        Some(text) => {
            let is_number = text.bytes().all(|b| b.is_ascii_digit());
            let seconds = is_number.then(|| text.parse().ok()).flatten();
            seconds.map(Some).ok_or(Fault(ErrorCode::InvalidRequest, "The max_age is no number of seconds."))
        }
    }
}

fn claims(parameters: &Parameters) -> Result<Option<ClaimsRequest>, Fault> {
    let Some(text) = parameters.get("claims") else { return Ok(None) };
    let claims = serde_json::from_str(text).ok().filter(are_objects);
    let claims = claims.and_then(|claims| serde_json::from_value(claims).ok());
    claims.map(Some).ok_or(Fault(ErrorCode::InvalidRequest, "The claims are not as they should be."))
}

/// That no list stands where members are named.
fn are_objects(claims: &Value) -> bool {
    let is_member = |value: &Value| value.is_object() || value.is_null();
    let are_members =
        |name| claims.get(name).and_then(Value::as_object).is_none_or(|m| m.values().all(is_member));
    claims.is_object() && ["userinfo", "id_token"].into_iter().all(are_members)
}

fn resource(client: &Client, parameters: &Parameters) -> Result<Vec<String>, Fault> {
    let refused = |why| Fault(ErrorCode::InvalidTarget, why);
    let asked = parameters.all("resource");
    if asked.len() > MAX_RESOURCES {
        return Err(refused("More than 8 resources."));
    }
    check_resource(client, asked)?;
    Ok(asked.to_vec())
}

/// Whether the client may ask for these resources.
///
/// # Errors
/// [`Fault`], for the client.
pub(crate) fn check_resource(client: &Client, asked: &[String]) -> Result<(), Fault> {
    let may = asked.iter().all(|resource| client.metadata.audience.contains(resource));
    let refused = Fault(ErrorCode::InvalidTarget, "The client is not registered for this resource.");
    if may { Ok(()) } else { Err(refused) }
}

fn details(
    client: &Client,
    parameters: &Parameters,
    types: &[String],
) -> Result<AuthorizationDetails, Fault> {
    let refused = |why| Fault(ErrorCode::InvalidAuthorizationDetails, why);
    let Some(text) = parameters.get("authorization_details") else {
        return Ok(AuthorizationDetails::default());
    };
    let details = AuthorizationDetails::parse(text)
        .map_err(|_| refused("The authorization_details are no list of at most 20, each with a type."))?;
    check_details(client, &details, types)?;
    Ok(details)
}

/// Whether the client may ask for these details.
///
/// # Errors
/// [`Fault`], for the client.
pub(crate) fn check_details(
    client: &Client,
    details: &AuthorizationDetails,
    types: &[String],
) -> Result<(), Fault> {
    let why = "A type of these authorization_details is not served, or not registered for the client.";
    let refused = Fault(ErrorCode::InvalidAuthorizationDetails, why);
    if may_detail(client, details, types) { Ok(()) } else { Err(refused) }
}

/// Whether the client may ask for details of these types, which the operator has listed.
pub(crate) fn may_detail(client: &Client, details: &AuthorizationDetails, types: &[String]) -> bool {
    let may = |name: &str| {
        let is = |known: &String| known == name;
        types.iter().any(is) && client.metadata.authorization_details_types.iter().any(is)
    };
    details.types().all(may)
}

fn dpop_jkt(parameters: &Parameters) -> Result<Option<String>, Fault> {
    let Some(text) = parameters.get("dpop_jkt") else { return Ok(None) };
    let is_thumbprint =
        text.len() == 43 && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    let refused = Fault(ErrorCode::InvalidRequest, "The dpop_jkt is no thumbprint.");
    is_thumbprint.then(|| Some(text.to_owned())).ok_or(refused)
}

fn refuse_what_is_not_served(parameters: &Parameters) -> Result<(), Fault> {
    let refused = [
        (
            "request_uri",
            ErrorCode::RequestUriNotSupported,
            "Only a request_uri of a pushed request is taken.",
        ),
        ("registration", ErrorCode::RegistrationNotSupported, "Clients do not register in a request."),
    ];
    let found = refused.into_iter().find(|(name, ..)| parameters.get(name).is_some());
    found.map_or(Ok(()), |(_, code, why)| Err(Fault(code, why)))
}
