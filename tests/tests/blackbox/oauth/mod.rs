//! OAuth 2 and OpenID Connect, as applications and browsers see them.

#![allow(dead_code)]

pub mod browser;
pub mod html;
pub mod provider;

mod code_flow;
