//! OAuth 2 and OpenID Connect: clients, requests and what they may ask for.

pub mod claims;
pub mod client;
pub mod configured_claims;
pub mod details;
pub mod error_code;
pub mod facts;
pub mod members;
mod metadata;
pub mod names;
pub mod pkce;
pub mod redirect;
pub mod request;
pub mod scope;
pub mod status;

pub use self::client::{Client, ClientId, ClientNo, ClientOrigin};
pub use self::configured_claims::{AccountFact, ClaimSource, ConfiguredClaim, ConfiguredClaims};
pub use self::details::{AuthorizationDetails, InvalidDetails};
pub use self::error_code::ErrorCode;
pub use self::facts::{Actor, GrantFacts, SingleClaims, TokenFacts};
pub use self::metadata::{Jwks, Metadata, MetadataFault};
pub use self::names::{AuthMethod, GrantType, ResponseMode, ResponseType, SubjectType, TokenFormat};
pub use self::pkce::Challenge;
pub use self::redirect::{RedirectFault, RedirectUri};
pub use self::request::{AuthorizationRequest, ClaimDemand, ClaimsRequest, Parameters, Prompts};
pub use self::scope::Scope;
pub use self::status::StatusIndex;
