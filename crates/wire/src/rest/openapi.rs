//! What `/openapi.json` says about this surface beside its paths. The types are read by macros only.
#![expect(dead_code, reason = "descriptions of bodies that are read and written elsewhere")]

use utoipa::openapi::schema::AdditionalProperties;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::openapi::{Array, Object, ObjectBuilder, RefOr, Schema, Type};
use utoipa::{IntoResponses, Modify, OpenApi, ToSchema};

use super::routes;

/// The paths.
#[derive(OpenApi)]
#[openapi(
    paths(routes::register, routes::login, routes::show_profile, routes::update_profile, routes::layer),
    components(schemas(Faults)),
    modifiers(&TokenScheme),
    tags((name = "rest", description = "Document 004: accounts in the style of Django REST framework."))
)]
pub struct Document;

/// `Authorization: Token <token>` is no scheme of OpenAPI's own, so it is described as a header.
struct TokenScheme;

impl Modify for TokenScheme {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let header =
            ApiKeyValue::with_description("Authorization", "`Token <token>`, a token of any surface");
        let scheme = SecurityScheme::ApiKey(ApiKey::Header(header));
        openapi.components.get_or_insert_default().add_security_scheme("token", scheme);
    }
}

/// An account to be.
#[derive(ToSchema)]
#[schema(as = rest::RegistrationBody)]
pub struct RegistrationBody {
    /// The address.
    #[schema(format = Email, max_length = 254)]
    email: String,
    /// At least 8 characters, neither common nor all digits.
    #[schema(min_length = 8, format = Password)]
    password: String,
    /// The first name.
    #[schema(min_length = 1, max_length = 255)]
    first_name: String,
    /// The last name.
    #[schema(min_length = 1, max_length = 255)]
    last_name: String,
}

/// Credentials.
#[derive(ToSchema)]
#[schema(as = rest::LoginBody)]
pub struct LoginBody {
    /// The e-mail address; a username or a phone number of the account will do.
    #[schema(min_length = 1)]
    username: String,
    /// The password.
    #[schema(min_length = 1, format = Password)]
    password: String,
}

/// What is to change; what is left out stays.
#[derive(ToSchema)]
#[schema(as = rest::ProfileChangeBody)]
pub struct ProfileChangeBody {
    /// The new address.
    #[schema(format = Email, max_length = 254, nullable = false)]
    email: Option<String>,
    /// The new first name.
    #[schema(min_length = 1, max_length = 255, nullable = false)]
    first_name: Option<String>,
    /// The new last name.
    #[schema(min_length = 1, max_length = 255, nullable = false)]
    last_name: Option<String>,
}

/// A nonce.
#[derive(ToSchema)]
#[schema(as = rest::NonceBody)]
pub struct NonceBody {
    /// As Layer gave it: any text that is not blank.
    #[schema(min_length = 1)]
    nonce: String,
}

/// Why a request was refused.
#[derive(ToSchema)]
#[schema(as = rest::Detail)]
pub struct Detail {
    /// The reason.
    detail: String,
}

/// What is wrong with which field or with the fields together (`non_field_errors`), or why the body
/// as a whole cannot be read (`detail`).
pub struct Faults;

impl utoipa::PartialSchema for Faults {
    fn schema() -> RefOr<Schema> {
        let text = Object::with_type(Type::String);
        ObjectBuilder::new()
            .description(Some("What is wrong with which field, or in `detail` with the body as a whole."))
            .property("detail", text.clone())
            .additional_properties(Some(AdditionalProperties::from(Schema::Array(Array::new(text)))))
            .into()
    }
}

impl ToSchema for Faults {
    fn name() -> std::borrow::Cow<'static, str> {
        "rest.Faults".into()
    }
}

/// What any call with a body may be answered.
#[derive(IntoResponses)]
pub enum AnyBody {
    /// Fields are missing or wrong, or the body cannot be read.
    #[response(status = 400)]
    BadRequest(Faults),
    /// The body did not arrive in time.
    #[response(status = 408)]
    BodyTooSlow(Detail),
    /// The body is too large.
    #[response(status = 413)]
    BodyTooLarge(Detail),
    /// The body is neither JSON nor a form.
    #[response(status = 415)]
    UnsupportedMediaType(Detail),
}

/// What any call at all may be answered.
#[derive(IntoResponses)]
pub enum AnyCall {
    /// The path does not serve this method; `Allow` names those that it does.
    #[response(status = 405)]
    MethodNotAllowed(Detail),
    /// Something went wrong on the server.
    #[response(status = 500)]
    Fault(Detail),
    /// Not possible just now; `Retry-After` says when to try again.
    #[response(status = 503)]
    Unavailable(Detail),
}

/// What a call that needs a token may be answered too.
#[derive(IntoResponses)]
pub enum Unauthorized {
    /// No token, or one that is not valid.
    #[response(status = 401)]
    Unauthorized(Detail),
}

/// What a call that is counted may be answered too.
#[derive(IntoResponses)]
pub enum Limited {
    /// Tried too often; `Retry-After` says when to try again.
    #[response(status = 429)]
    TooMany(Detail),
}
