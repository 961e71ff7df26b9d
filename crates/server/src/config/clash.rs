//! Listeners at one address.

use std::net::SocketAddr;

use super::Config;
use super::origin::Problem;

/// Listeners of which the later cannot have its address because the earlier has it.
pub fn clash_problems(config: &Config) -> Vec<Problem> {
    let settings = &config.settings;
    let line = settings.line.enabled.then_some(settings.line.listen);
    let listeners = [
        ("listen", Some(settings.listen)),
        ("line_listen", line),
        ("oauth.mtls.listen", settings.mtls.listen),
        ("metrics_listen", Some(settings.metrics_listen)),
    ];
    let listeners: Vec<_> =
        listeners.into_iter().filter_map(|(key, address)| Some((key, address?))).collect();
    let mut problems = Vec::new();
    for (i, (later, address)) in listeners.iter().enumerate() {
        for (earlier, other) in listeners.iter().take(i).filter(|(_, other)| clash(*address, *other)) {
            let text = format!(
                "`{earlier}` and `{later}` cannot both have port {}: they are {other} and {address}; give each a \
                 port of its own",
                address.port()
            );
            let problem = config.problem(later, text.clone());
            let is_placed = problem.origin.is_some();
            problems.push(if is_placed { problem } else { config.problem(earlier, text) });
        }
    }
    problems
}

/// Port 0 is any that is free.
fn clash(one: SocketAddr, other: SocketAddr) -> bool {
    one.port() == other.port() && one.port() != 0 && (covers(one, other) || covers(other, one))
}

/// Whether who listens at `one` has `other`, too: `[::]` takes IPv4 as well.
fn covers(one: SocketAddr, other: SocketAddr) -> bool {
    let (ip, other) = (one.ip().to_canonical(), other.ip().to_canonical());
    ip == other || (ip.is_unspecified() && (ip.is_ipv6() || other.is_ipv4()))
}
