//! Takes the ports, all of them before anything else is done.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

use crate::config::Settings;
use crate::failure::{Failure, Outcome};

/// The listeners, bound.
pub struct Listeners {
    /// HTTP.
    pub http: TcpListener,
    /// 002's line protocol.
    pub line: Option<TcpListener>,
    /// HTTP for clients with certificates.
    pub mtls: Option<TcpListener>,
    /// Metrics.
    pub metrics: TcpListener,
    /// Where they are.
    pub addresses: Addresses,
}

/// Where the listeners are.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// HTTP.
    pub http: SocketAddr,
    /// 002's line protocol.
    pub line: Option<SocketAddr>,
    /// HTTP for clients with certificates.
    pub mtls: Option<SocketAddr>,
    /// Metrics.
    pub metrics: SocketAddr,
}

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 1024;

/// Takes the ports that the settings name; 0 takes any.
///
/// # Errors
/// If one cannot be had, with the setting that names it.
pub fn bind(settings: &Settings) -> Outcome<Listeners> {
    let http = listener(settings.listen, "listen", "--listen")?;
    let line = match settings.line.enabled {
        true => Some(listener(settings.line.listen, "line_listen", "--line-listen")?),
        false => None,
    };
    let mtls = settings.mtls.listen;
    let mtls =
        mtls.map(|at| listener(at, "oauth.mtls.listen", "COUNTERSIGN_OAUTH_MTLS_LISTEN")).transpose()?;
    let metrics = listener(settings.metrics_listen, "metrics_listen", "--metrics-listen")?;
    let address = |listener: &TcpListener| {
        listener.local_addr().map_err(|error| Failure::failed(format!("a listener has no address: {error}")))
    };
    let addresses = Addresses {
        http: address(&http)?,
        line: line.as_ref().map(address).transpose()?,
        mtls: mtls.as_ref().map(address).transpose()?,
        metrics: address(&metrics)?,
    };
    Ok(Listeners { http, line, mtls, metrics, addresses })
}

#[allow(clippy::wildcard_enum_match_arm)] // There are dozens of kinds, and the library may add more.
fn listener(address: SocketAddr, key: &str, flag: &str) -> Outcome<TcpListener> {
    try_listen(address).map_err(|error| {
        let port = address.port();
        let failure = Failure::failed(format!("cannot listen on {address} (`{key}`): {error}"));
        match error.kind() {
            io::ErrorKind::AddrInUse => failure.advice(format!(
                "another program has port {port}: stop it (`ss -ltnp 'sport = :{port}'` names it), or choose \
                 another port with {flag}"
            )),
            io::ErrorKind::PermissionDenied => failure.advice(format!(
                "ports below 1024 need the capability CAP_NET_BIND_SERVICE; choose a higher one with {flag} \
                 or let a proxy listen there"
            )),
            io::ErrorKind::AddrNotAvailable => {
                failure.advice(format!("this machine has no such address; choose another with {flag}"))
            }
            _ => failure,
        }
    })
}

fn try_listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restarted server may take the port again while old connections of it are still fading out.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}
