//! What every HTTP surface is built on: reading a request, writing a reply, knowing where it came from.

mod body;
mod call;
mod client_cert;
mod fields;
mod form;
mod host;
mod json;
mod multipart;
mod origin;
mod proxy;
mod reply;
#[allow(clippy::indexing_slicing)] // By remainders.
mod request_id;
mod table;
mod visitor;

pub use self::body::{Accept, BodyError, Encoding};
pub use self::call::Call;
pub use self::fields::{Fault, Fields, JsonType};
pub use self::form::FormError;
pub(crate) use self::form::decode as decode_form_value;
pub(crate) use self::host::is_well_hosted;
pub use self::json::JsonError;
pub use self::origin::is_cross_site;
pub use self::proxy::{Network, NetworkError, TrustedProxies};
pub use self::reply::Reply;
pub(crate) use self::request_id::RequestIds;
pub(crate) use self::table::handler;
pub use self::table::{Handler, Refusal, Refuse, ReplyFuture, Route, Verb};
pub(crate) use self::visitor::{CONFIRMED, LINK_INVALID};
