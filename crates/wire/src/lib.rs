//! The doors of Countersign: each surface translates and decides nothing.

pub mod authd;
pub mod authv1;
mod exposition;
mod health;
pub mod http;
pub mod line;
pub mod metrics;
mod openapi;
pub mod ouser;
pub mod pages;
pub mod places;
pub mod rest;
mod router;
mod service;
mod settings;
mod wording;

pub use self::router::{RouterError, router};
pub use self::service::App;
pub use self::settings::{SurfaceSettings, WireSettings};
