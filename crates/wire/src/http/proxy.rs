//! Which address a request came from, when proxies stand in front (R020).

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use http::HeaderMap;
use http::header;

/// A network in CIDR notation, or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// The text is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an address or a network such as 10.0.0.0/8")]
pub struct NetworkError;

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Network, NetworkError> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NetworkError)?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) => bits.parse().map_err(|_| NetworkError)?,
            None => width,
        };
        if bits > width {
            return Err(NetworkError);
        }
        Ok(Network { address, bits })
    }
}

impl Network {
    /// Whether the address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(net), IpAddr::V4(ip)) => {
                let shift = 32 - u32::from(self.bits);
                u64::from(net.to_bits()) >> shift == u64::from(ip.to_bits()) >> shift
            }
            (IpAddr::V6(net), IpAddr::V6(ip)) => {
                let shift = 128 - u32::from(self.bits);
                let cut = |bits: u128| bits.checked_shr(shift).unwrap_or(0);
                cut(net.to_bits()) == cut(ip.to_bits())
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// The proxies whose word about the address of a client is taken.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(pub Vec<Network>);

impl TrustedProxies {
    /// The address that a request counts for: the peer, or, if that is a trusted proxy, the
    /// right-most address of the chain that is none. A chain that cannot be read, or two headers
    /// that tell different things, count for the peer.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.trusts(peer) {
            return peer;
        }
        let forwarded_for = self.nearest_stranger(headers, "x-forwarded-for", |hop| Some(hop.trim()));
        let forwarded = self.nearest_stranger(headers, header::FORWARDED.as_str(), for_parameter);
        match (forwarded_for, forwarded) {
            (Chain::Client(a), Chain::Client(b)) if a == b => a,
            (Chain::Client(a), Chain::Absent) | (Chain::Absent, Chain::Client(a)) => a,
            (Chain::Client(_), Chain::Client(_))
            | (Chain::Absent, Chain::Absent)
            | (Chain::Unreadable, _)
            | (_, Chain::Unreadable) => peer,
        }
    }

    /// Whether a connection from there is a proxy's.
    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    fn nearest_stranger(&self, headers: &HeaderMap, name: &str, node_of: fn(&str) -> Option<&str>) -> Chain {
        let mut chain = Chain::Absent;
        for line in headers.get_all(name).iter().rev() {
            let Ok(line) = line.to_str() else { return Chain::Unreadable };
            for hop in line.rsplit(',') {
                let Some(address) = node_of(hop).and_then(node_address) else { return Chain::Unreadable };
                chain = Chain::Client(address);
                if !self.trusts(address) {
                    return chain;
                }
            }
        }
        chain
    }
}

/// What a header tells about the client.
#[derive(Clone, Copy)]
enum Chain {
    Absent,
    Unreadable,
    Client(IpAddr),
}

/// The `for` of an element of `Forwarded` (RFC 7239 §4), once.
fn for_parameter(element: &str) -> Option<&str> {
    let mut nodes = element.split(';').filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| value.trim())
    });
    let node = nodes.next()?;
    if nodes.next().is_some() {
        return None;
    }
    match node.strip_prefix('"') {
        Some(quoted) => quoted.strip_suffix('"'),
        None => Some(node),
    }
}

/// An address, with or without a port. Names, `unknown` and `_hidden` (RFC 7239 §6) are none.
fn node_address(node: &str) -> Option<IpAddr> {
    let bracketed = || node.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let address: Option<IpAddr> =
        node.parse().ok().or_else(bracketed).or_else(|| node.parse::<SocketAddr>().ok().map(|a| a.ip()));
    address.map(|a| a.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, headers: &[(&'static str, &str)]) -> String {
        let trusted = ["10.0.0.0/8", "fd00::/8", "192.0.2.7"].map(|n| n.parse().unwrap());
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        TrustedProxies(trusted.to_vec()).client(peer.parse().unwrap(), &map).to_string()
    }

    #[test]
    fn strangers_are_not_believed() {
        assert_eq!(client("203.0.113.9", &[("x-forwarded-for", "198.51.100.1")]), "203.0.113.9");
        assert_eq!(client("::ffff:203.0.113.9", &[("forwarded", "for=198.51.100.1")]), "203.0.113.9");
    }

    #[test]
    fn the_right_most_untrusted_hop_counts() {
        let xff = |value| client("10.0.0.1", &[("x-forwarded-for", value)]);
        assert_eq!(xff("198.51.100.1"), "198.51.100.1");
        assert_eq!(xff("1.1.1.1, 198.51.100.1, 10.2.3.4"), "198.51.100.1");
        assert_eq!(xff("1.1.1.1,198.51.100.1:4711 , 192.0.2.7"), "198.51.100.1");
        assert_eq!(xff("::ffff:198.51.100.1"), "198.51.100.1");
        assert_eq!(xff("10.1.1.1, 10.2.2.2"), "10.1.1.1");
        assert_eq!(
            client("10.0.0.1", &[("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "2.2.2.2")]),
            "2.2.2.2"
        );
        let forwarded = |value| client("fd00::1", &[("forwarded", value)]);
        assert_eq!(forwarded("for=1.1.1.1, For=\"[2001:db8::1]:4711\";proto=https"), "2001:db8::1");
        assert_eq!(forwarded("for=\"198.51.100.1:80\";by=10.0.0.1"), "198.51.100.1");
    }

    #[test]
    fn what_cannot_be_read_counts_for_the_peer() {
        for value in ["", "unknown", "1.1.1.1, ", "1.1.1.1, x", "999.1.1.1", "1.1.1.1;2.2.2.2"] {
            assert_eq!(client("10.0.0.1", &[("x-forwarded-for", value)]), "10.0.0.1", "{value:?}");
        }
        for value in ["proto=https", "for=unknown", "for=_x", "for=1.1.1.1;for=2.2.2.2", "for=\"1.1.1.1"] {
            assert_eq!(client("10.0.0.1", &[("forwarded", value)]), "10.0.0.1", "{value:?}");
        }
        let both = |a, b| client("10.0.0.1", &[("x-forwarded-for", a), ("forwarded", b)]);
        assert_eq!(both("1.1.1.1", "for=1.1.1.1"), "1.1.1.1");
        assert_eq!(both("1.1.1.1", "for=2.2.2.2"), "10.0.0.1");
        assert_eq!(both("1.1.1.1", "for=unknown"), "10.0.0.1");
    }

    #[test]
    fn networks_are_parsed_and_matched() {
        for bad in ["", "10.0.0.0/33", "::/129", "10.0.0/8", "x/8", "10.0.0.0/", "10.0.0.0/-1"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
        let all: Network = "0.0.0.0/0".parse().unwrap();
        assert!(all.contains("8.8.8.8".parse().unwrap()) && !all.contains("::1".parse().unwrap()));
        let all: Network = "::/0".parse().unwrap();
        assert!(all.contains("2001:db8::1".parse().unwrap()));
        let one: Network = "10.0.0.1".parse().unwrap();
        assert!(one.contains("10.0.0.1".parse().unwrap()) && !one.contains("10.0.0.2".parse().unwrap()));
    }
}
