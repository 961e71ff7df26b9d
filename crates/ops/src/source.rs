//! Where a request came from.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// The sender of a request, as far as limits are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// A network address in canonical form.
    Address(IpAddr),
    /// An operator at the command line, whom no limit stops.
    Local,
}

impl Source {
    /// One source per IPv4 address and per IPv6 /64, whatever the spelling: a host on IPv6 usually
    /// has a whole /64 to itself (R021).
    pub fn from_address(address: IpAddr) -> Source {
        Source::Address(match address.to_canonical() {
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
            v4 => v4,
        })
    }

    /// The bytes that counters are kept under; `None` for whom nothing is counted.
    pub fn subject(self) -> Option<Vec<u8>> {
        match self {
            Source::Address(IpAddr::V4(v4)) => Some(v4.octets().to_vec()),
            Source::Address(IpAddr::V6(v6)) => Some(v6.octets().to_vec()),
            Source::Local => None,
        }
    }
}

/// For the log.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Address(address) => address.fmt(f),
            Source::Local => f.write_str("operator"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_host_is_one_source() {
        let source = |text: &str| Source::from_address(text.parse().unwrap());
        assert_eq!(source("::ffff:1.2.3.4"), source("1.2.3.4"));
        assert_eq!(source("2001:DB8::1"), source("2001:db8:0:0:ffff::2"));
        assert_ne!(source("2001:db8:0:1::1"), source("2001:db8::1"));
    }
}
