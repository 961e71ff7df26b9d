//! OAuth 2 and OpenID Connect, as applications and browsers see them.

#![allow(dead_code)]

pub mod browser;
pub mod html;
pub mod provider;

mod access;
mod clients;
mod code_flow;
mod codes;
mod dpop;
mod exchanging;
mod diagonal;
mod discovery;
mod introspection;
mod kept;
mod keys;
mod openidconnect_crate;
mod origins;
mod own_tokens;
mod real_clients;
mod refreshing;
mod registration;
mod suspension;
