//! Whom the limits take for one client.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use http::HeaderMap;
use ipnet::IpNet;

/// Whom limits take for one client: an IPv4 address, or the network (/64) of an IPv6 address, of which one subscriber has all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Client(IpAddr);

impl Client {
    /// Whoever asks without a connection, as tests do.
    pub(crate) const LOCAL: Self = Self(IpAddr::V4(Ipv4Addr::LOCALHOST));

    pub(crate) fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        })
    }

    /// Of an IPv6 client the first of its network.
    pub fn address(self) -> IpAddr {
        self.0
    }

    /// The last client that a trusted proxy names in X-Forwarded-For, or the peer itself. Each proxy appends the one it
    /// heard from, also as a line of its own. What stands in front of an entry that is no address is not believed.
    pub(crate) fn behind(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> Self {
        let mut client = peer;
        let lines = headers.get_all("x-forwarded-for").iter().rev();
        for entry in lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(',')) {
            if !is_trusted(trusted, client) {
                break;
            }
            let Some(address) = client_address(entry) else { break };
            client = address;
        }
        Self::of(client)
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

pub(crate) fn is_trusted(trusted: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    trusted.iter().any(|network| network.contains(&address))
}

/// An entry of X-Forwarded-For: an address, as some proxies write it with the port.
pub fn client_address(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(entry);
    bare.parse().ok().or_else(|| entry.parse().ok().map(|address: SocketAddr| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_as_trusted_proxies_name_them() {
        let trusted = ["10.0.0.0/8".parse().unwrap(), "2001:db8:ffff::1/128".parse().unwrap()];
        for (peer, lines, expect) in [
            ("192.0.2.1", &["198.51.100.1"][..], "192.0.2.1"),
            ("10.0.0.9", &[], "10.0.0.9"),
            ("::ffff:10.0.0.9", &["192.0.2.7"], "192.0.2.7"),
            ("10.0.0.9", &["1.2.3.4, 192.0.2.7"], "192.0.2.7"),
            ("10.0.0.9", &["1.2.3.4", "192.0.2.7"], "192.0.2.7"),
            ("10.0.0.9", &["1.2.3.4, 192.0.2.7, 10.0.0.8", "10.0.0.7"], "192.0.2.7"),
            ("10.0.0.9", &["1.2.3.4, 192.0.2.7:5555"], "192.0.2.7"),
            ("10.0.0.9", &["1.2.3.4, unknown"], "10.0.0.9"),
            ("10.0.0.9", &["1.2.3.4, "], "10.0.0.9"),
            ("10.0.0.9", &["1.2.3.4, unknown, 10.0.0.8"], "10.0.0.8"),
            ("10.0.0.9", &["10.0.0.7, 10.0.0.8"], "10.0.0.7"),
            ("10.0.0.9", &["2001:db8:1:2:3:4:5:6"], "2001:db8:1:2::"),
            ("10.0.0.9", &["[2001:db8:1:2:aaaa::1]:443"], "2001:db8:1:2::"),
            ("10.0.0.9", &["[2001:db8:1:2:aaaa::1]"], "2001:db8:1:2::"),
            ("2001:db8:ffff::1", &["::ffff:192.0.2.7"], "192.0.2.7"),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("x-forwarded-for", line.parse().unwrap());
            }
            assert_eq!(Client::behind(peer.parse().unwrap(), &headers, &trusted).to_string(), expect, "{peer} {lines:?}");
        }
    }
}
