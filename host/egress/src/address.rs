//! Which addresses may be connected to.
//!
//! A grant names hosts; an address is what a packet goes to, and the two are tied together only by
//! DNS, which anybody can write into. So every address is judged by itself: only global unicast
//! addresses pass, everything else is refused unless the operator has listed it. For IPv6 the rule
//! is turned round (only `2000::/3` passes, less the special blocks inside it), so that forms that
//! embed an IPv4 address (v4-mapped, v4-compatible, NAT64, 6to4, Teredo) need no decoding: they
//! are all refused.
//!
//! What must hold: [`AllowList::check`] is the only judge, for literal addresses, for resolved names
//! and for mail alike.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An address, or a block of them, that the operator allows although it is not global: an address
/// or a CIDR block, with a port or for every port.
///
/// Written `127.0.0.1:8025`, `10.0.0.0/8`, `10.0.0.0/8:443`, `::1`, `[::1]:8025`, `fd00::/8`,
/// `[fd00::/8]:443`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddressRule {
    net: IpNet,
    port: Option<u16>,
}

impl AddressRule {
    /// A rule for a block and one port, or for all ports.
    pub fn new(net: IpNet, port: Option<u16>) -> AddressRule {
        AddressRule {
            net: net.trunc(),
            port,
        }
    }

    /// Whether it allows this address at this port.
    pub fn allows(&self, address: IpAddr, port: u16) -> bool {
        self.net.contains(&address) && self.port.is_none_or(|own| own == port)
    }

    /// The port that it is confined to.
    pub fn port(&self) -> Option<u16> {
        self.port
    }
}

impl fmt::Display for AddressRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let single = self.net.prefix_len() == self.net.max_prefix_len();
        let net = if single {
            self.net.addr().to_string()
        } else {
            self.net.to_string()
        };
        match (self.port, self.net) {
            (None, _) => f.write_str(&net),
            (Some(port), IpNet::V4(_)) => write!(f, "{net}:{port}"),
            (Some(port), IpNet::V6(_)) => write!(f, "[{net}]:{port}"),
        }
    }
}

/// Text that is no [`AddressRule`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no address rule: {why}; write an address or a CIDR block, with or without a port, \
     such as `127.0.0.1:8025`, `10.0.0.0/8` or `[::1]:8025`"
)]
pub struct AddressRuleError {
    text: String,
    why: String,
}

impl FromStr for AddressRule {
    type Err = AddressRuleError;

    fn from_str(text: &str) -> Result<AddressRule, AddressRuleError> {
        let error = |why: &str| AddressRuleError {
            text: text.to_owned(),
            why: why.to_owned(),
        };
        let trimmed = text.trim();
        let (net, port) = match trimmed.strip_prefix('[') {
            Some(rest) => {
                let (net, after) = rest
                    .split_once(']')
                    .ok_or_else(|| error("the bracket is not closed"))?;
                let port = match after {
                    "" => None,
                    after => Some(
                        after
                            .strip_prefix(':')
                            .ok_or_else(|| error("`:port` must follow `]`"))?,
                    ),
                };
                (net, port)
            }
            None => match trimmed.split_once(':') {
                Some((net, port)) if !port.contains(':') => (net, Some(port)),
                _ => (trimmed, None),
            },
        };
        let port = match port {
            None => None,
            Some(port) => match port.parse::<u16>() {
                Ok(port) if port > 0 => Some(port),
                _ => return Err(error("the port must be a number from 1 to 65535")),
            },
        };
        let net = if net.contains('/') {
            let net: IpNet = net.parse().map_err(|_| error("the block cannot be read"))?;
            if net != net.trunc() {
                return Err(error(&format!(
                    "bits are set behind the prefix, did you mean `{}`?",
                    net.trunc()
                )));
            }
            net
        } else {
            IpNet::from(
                net.parse::<IpAddr>()
                    .map_err(|_| error("the address cannot be read"))?,
            )
        };
        Ok(AddressRule { net, port })
    }
}

impl Serialize for AddressRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AddressRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<AddressRule, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), bits)
}

const fn v6(a: u16, b: u16, c: u16, bits: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), bits)
}

/// IANA's special-purpose registry for IPv4, and what cloud providers have put on public addresses.
const REFUSED_V4: &[(Ipv4Net, &str)] = &[
    (v4(0, 0, 0, 0, 8), "this network (unspecified)"),
    (v4(10, 0, 0, 0, 8), "private"),
    (v4(100, 64, 0, 0, 10), "shared by carriers (CGNAT)"),
    (v4(127, 0, 0, 0, 8), "loopback"),
    (v4(169, 254, 0, 0, 16), "link-local (cloud metadata)"),
    (v4(172, 16, 0, 0, 12), "private"),
    (v4(192, 0, 0, 0, 24), "protocol assignments"),
    (v4(192, 0, 2, 0, 24), "documentation"),
    (v4(192, 88, 99, 0, 24), "6to4 relay"),
    (v4(192, 168, 0, 0, 16), "private"),
    (v4(198, 18, 0, 0, 15), "benchmarking"),
    (v4(198, 51, 100, 0, 24), "documentation"),
    (v4(203, 0, 113, 0, 24), "documentation"),
    (v4(224, 0, 0, 0, 4), "multicast"),
    (v4(255, 255, 255, 255, 32), "broadcast"),
    (v4(240, 0, 0, 0, 4), "reserved"),
    (v4(168, 63, 129, 16, 32), "Azure's platform address"),
];

/// Names for what lies outside `2000::/3`, and the special blocks inside it.
const REFUSED_V6: &[(Ipv6Net, &str)] = &[
    (v6(0x64, 0xff9b, 0, 96), "NAT64, embeds an IPv4 address"),
    (v6(0x64, 0xff9b, 1, 48), "NAT64, embeds an IPv4 address"),
    (v6(0x100, 0, 0, 64), "discard"),
    (v6(0x2001, 0, 0, 32), "Teredo, embeds an IPv4 address"),
    (v6(0x2001, 2, 0, 48), "benchmarking"),
    (v6(0x2001, 0, 0, 23), "protocol assignments"),
    (v6(0x2001, 0xdb8, 0, 32), "documentation"),
    (v6(0x2002, 0, 0, 16), "6to4, embeds an IPv4 address"),
    (v6(0x3fff, 0, 0, 20), "documentation"),
    (v6(0xfc00, 0, 0, 7), "unique local (private)"),
    (v6(0xfe80, 0, 0, 10), "link-local"),
    (v6(0xfec0, 0, 0, 10), "site-local"),
    (v6(0xff00, 0, 0, 8), "multicast"),
];

const GLOBAL_V6: Ipv6Net = v6(0x2000, 0, 0, 3);

/// Why an address is not global, or `None` where it is.
pub fn not_global(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => REFUSED_V4
            .iter()
            .find(|(net, _)| net.contains(&address))
            .map(|(_, why)| *why),
        IpAddr::V6(address) if address.is_unspecified() => Some("unspecified"),
        IpAddr::V6(address) if address.is_loopback() => Some("loopback"),
        IpAddr::V6(address) if address.to_ipv4_mapped().is_some() => Some("an IPv4-mapped form"),
        IpAddr::V6(address) => REFUSED_V6
            .iter()
            .find(|(net, _)| net.contains(&address))
            .map(|(_, why)| *why)
            .or_else(|| (!GLOBAL_V6.contains(&address)).then_some("not global unicast")),
    }
}

/// An address that was refused, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{address} is {reason}")]
pub(crate) struct Refusal {
    pub(crate) address: IpAddr,
    pub(crate) reason: &'static str,
}

/// The operator's rules. They do not change while the host runs, which is why a pooled connection
/// never outlives the rule that allowed it.
#[derive(Clone, Debug, Default)]
pub(crate) struct AllowList(Vec<AddressRule>);

impl AllowList {
    pub(crate) fn new(rules: Vec<AddressRule>) -> AllowList {
        AllowList(rules)
    }

    /// The ports that some rule is confined to, in ascending order.
    pub(crate) fn ports(&self) -> Vec<u16> {
        let mut ports: Vec<u16> = self.0.iter().filter_map(AddressRule::port).collect();
        ports.sort_unstable();
        ports.dedup();
        ports
    }

    /// Whether some rule names this address and port.
    pub(crate) fn lists(&self, address: IpAddr, port: u16) -> bool {
        self.0.iter().any(|rule| rule.allows(address, port))
    }

    /// Whether a connection to this address and port may be opened.
    pub(crate) fn check(&self, address: SocketAddr) -> Result<(), Refusal> {
        let (ip, port) = (address.ip(), address.port());
        match not_global(ip) {
            Some(reason) if !self.lists(ip, port) => Err(Refusal {
                address: ip,
                reason,
            }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
