//! The token endpoint (RFC 6749 §3.2).

use std::sync::Arc;

use countersign_model::oauth::{AuthorizationDetails, Client, ErrorCode, GrantType, Parameters, Scope};
use countersign_ops::oauth::check_dpop::Binding;
use countersign_ops::oauth::exchange_code::{CodeExchange, Tokens};
use countersign_ops::oauth::exchange_token::TokenExchange;
use countersign_ops::oauth::jwt_bearer::JwtBearer;
use countersign_ops::oauth::poll_device::PollDevice;
use countersign_ops::oauth::refresh_grant::RefreshGrant;
use http::StatusCode;

use super::error::OAuthError;
use super::{cors, request, token_reply};
use crate::http::{Call, Reply};

/// A request whose client has shown who it is.
struct Asked<'a> {
    call: &'a Call<'a>,
    client: Arc<Client>,
    parameters: Parameters,
    binding: Binding,
}

pub(super) async fn answer(call: &Call<'_>) -> Result<Reply, OAuthError> {
    let (client, parameters) = request::authenticated(call).await?;
    let given = give(call, Arc::clone(&client), parameters).await;
    let reply = given.map_or_else(Reply::from, |tokens| token_reply::reply(&tokens));
    Ok(cors::allow(call, &client, reply))
}

pub(super) async fn preflight(call: &Call<'_>) -> Result<Reply, OAuthError> {
    cors::preflight(call).await
}

async fn give(call: &Call<'_>, client: Arc<Client>, parameters: Parameters) -> Result<Tokens, OAuthError> {
    let name = parameters.get("grant_type").ok_or_else(|| missing("The request has no grant_type."))?;
    // The password grant is none of them (RFC 9700 §2.4).
    let grant = GrantType::from_name(name).filter(|grant| call.core().settings.oauth.serves_grant(*grant));
    let grant = grant.ok_or_else(unsupported)?;
    let binding = bind(call, &client)?;
    let asked = Asked { call, client, parameters, binding };
    match grant {
        GrantType::AuthorizationCode => asked.exchange_code().await,
        GrantType::RefreshToken => asked.refresh().await,
        GrantType::ClientCredentials => asked.client_credentials().await,
        GrantType::DeviceCode => asked.poll_device().await,
        GrantType::TokenExchange => asked.exchange_token().await,
        GrantType::JwtBearer => asked.jwt_bearer().await,
    }
}

/// What the tokens are to be bound to.
fn bind(call: &Call<'_>, client: &Client) -> Result<Binding, OAuthError> {
    let certificate = call.certificate();
    let url = format!("{}/oauth2/token", request::reached_at(call, certificate.is_some()));
    let proof = request::proof(call, &url, None);
    Ok(call.core().bind_tokens(client, proof, certificate.as_deref())?)
}

impl Asked<'_> {
    async fn exchange_code(self) -> Result<Tokens, OAuthError> {
        let parameters = &self.parameters;
        let exchange = CodeExchange {
            client: &self.client,
            code: self.required("code")?,
            redirect_uri: parameters.get("redirect_uri"),
            verifier: parameters.get("code_verifier"),
            resource: parameters.all("resource"),
            details: self.details()?,
            binding: self.binding.clone(),
            source: self.call.source(),
        };
        Ok(self.call.core().exchange_code(exchange).await?)
    }

    async fn refresh(self) -> Result<Tokens, OAuthError> {
        let refresh = RefreshGrant {
            client: &self.client,
            token: self.required("refresh_token")?,
            scope: self.scope()?,
            resource: self.parameters.all("resource"),
            details: self.details()?,
            binding: self.binding.clone(),
            source: self.call.source(),
        };
        Ok(self.call.core().refresh_grant(refresh).await?)
    }

    async fn client_credentials(self) -> Result<Tokens, OAuthError> {
        let (scope, resource) = (self.scope()?, self.parameters.all("resource"));
        let details = self.details()?.unwrap_or_default();
        let (client, binding, source) = (&self.client, &self.binding, self.call.source());
        Ok(self.call.core().client_credentials(client, scope, resource, details, binding, source).await?)
    }

    async fn poll_device(self) -> Result<Tokens, OAuthError> {
        let poll = PollDevice {
            client: &self.client,
            code: self.required("device_code")?,
            resource: self.parameters.all("resource"),
            details: self.details()?,
            binding: self.binding.clone(),
        };
        Ok(self.call.core().poll_device(poll).await?)
    }

    async fn exchange_token(self) -> Result<Tokens, OAuthError> {
        let parameters = &self.parameters;
        let actor = match (parameters.get("actor_token"), parameters.get("actor_token_type")) {
            (Some(token), Some(kind)) => Some((token, kind)),
            (None, None) => None,
            _ => return Err(missing("actor_token and actor_token_type come together.")),
        };
        let audience = [parameters.all("audience"), parameters.all("resource")].concat();
        let exchange = TokenExchange {
            client: &self.client,
            subject_token: self.required("subject_token")?,
            subject_type: self.required("subject_token_type")?,
            actor,
            requested_type: parameters.get("requested_token_type"),
            scope: self.scope()?,
            audience: &audience,
            details: self.details()?,
            binding: self.binding.clone(),
        };
        Ok(self.call.core().exchange_token(exchange).await?)
    }

    async fn jwt_bearer(self) -> Result<Tokens, OAuthError> {
        let bearer = JwtBearer {
            client: &self.client,
            assertion: self.required("assertion")?,
            scope: self.scope()?,
            resource: self.parameters.all("resource"),
            details: self.details()?,
            binding: self.binding.clone(),
            source: self.call.source(),
        };
        Ok(self.call.core().jwt_bearer(bearer).await?)
    }

    fn required(&self, name: &str) -> Result<&str, OAuthError> {
        self.parameters.get(name).ok_or_else(|| missing("The request lacks a parameter of its grant type."))
    }

    fn details(&self) -> Result<Option<AuthorizationDetails>, OAuthError> {
        request::details(&self.parameters)
    }

    fn scope(&self) -> Result<Option<Scope>, OAuthError> {
        request::scope(&self.parameters)
    }
}

fn missing(description: &'static str) -> OAuthError {
    OAuthError::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidRequest, description)
}

fn unsupported() -> OAuthError {
    let description = "The grant type is not one that is served here.";
    OAuthError::new(StatusCode::BAD_REQUEST, ErrorCode::UnsupportedGrantType, description)
}
