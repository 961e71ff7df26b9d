//! The doors of Countersign: each surface translates and decides nothing.
// Nearly everything here comes from outside, and an index that is wrong is a panic.
#![warn(clippy::indexing_slicing, clippy::string_slice)]

pub mod authd;
pub mod authv1;
mod bodies;
mod exposition;
mod health;
pub mod http;
pub mod http1;
pub mod line;
#[allow(clippy::indexing_slicing)] // By enumerations, and by numbers of its own table.
pub mod metrics;
pub mod oauth;
mod openapi;
pub mod ouser;
pub mod pages;
pub mod places;
pub mod rest;
mod router;
#[allow(clippy::indexing_slicing)] // By the numbers that the router made with the table.
mod service;
mod settings;
mod wording;
pub mod workers;

pub use self::router::{RouterError, check_prefixes, router};
pub use self::service::App;
pub use self::settings::{SurfaceSettings, WireSettings};
