//! Black-box tests: the real binary, real sockets, real databases.
//!
//! One binary, so that its tests share a server per database engine; modules are named after the surfaces. A test
//! whose name is an id of `tests/acceptance_ids.txt` shows what that statement promises, on every engine.

mod acceptance;
mod authd;
mod authv1;
mod away;
mod bad_input;
mod case;
mod cross;
mod delivery;
mod documentation;
mod generous;
mod limits;
mod line;
mod oauth;
mod ouser;
mod parity;
mod passwords;
mod privacy;
mod rest;
mod running;
mod schemathesis;
mod tidy;
mod usernames;
