//! Whom a request goes to: scheme, host and port, in one canonical spelling.
//!
//! Grants are compared with this and nothing else, so a confusion between two parsers cannot
//! arise: the `url` crate reads the text once (it lower-cases, applies IDNA, and turns octal, hex
//! and one-number IPv4 spellings into the address), and what it made is both judged and sent.
//! What it lets through and we do not want is refused here: user names in URLs, other schemes,
//! port 0, empty labels. One trailing dot (`example.com.`) is taken off.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

use crate::Error;

/// How a host is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// HTTP without TLS, port 80 by default.
    Http,
    /// HTTP over TLS, port 443 by default.
    Https,
    /// Mail submission, port 587 by default; TLS is the channel's setting, not the scheme's.
    Smtp,
}

impl Scheme {
    /// As it stands in a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
            Scheme::Smtp => "smtp",
        }
    }

    /// The port where none is written.
    pub fn default_port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
            Scheme::Smtp => 587,
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Scheme> {
        [Scheme::Http, Scheme::Https, Scheme::Smtp]
            .into_iter()
            .find(|scheme| scheme.as_str().eq_ignore_ascii_case(text))
    }
}

/// Scheme, host and port of one request, canonical. Displays as `https://example.com`, with the
/// port where it is not the default one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    scheme: Scheme,
    host: Host<String>,
    port: u16,
}

impl Target {
    /// Where a URL of `http` or `https` leads.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] for other schemes, user names in the URL, port 0, names that are
    /// no host names.
    pub fn of(url: &Url) -> Result<Target, Error> {
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => {
                return Err(Error::invalid(
                    "the URL must begin with http:// or https://",
                ));
            }
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::invalid(
                "the URL holds a user name or password; put them into basic-auth instead",
            ));
        }
        let host = match url.host() {
            Some(Host::Domain(name)) => Host::Domain(host_name(name)?),
            Some(Host::Ipv4(address)) => Host::Ipv4(address),
            Some(Host::Ipv6(address)) => Host::Ipv6(address),
            None => return Err(Error::invalid("the URL names no host")),
        };
        Target::new(scheme, host, url.port().unwrap_or(scheme.default_port()))
    }

    /// A mail server.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] where the host is no host name or address, or the port is 0.
    pub fn smtp(host: &str, port: u16) -> Result<Target, Error> {
        Target::new(Scheme::Smtp, parse_host(host)?, port)
    }

    fn new(scheme: Scheme, host: Host<String>, port: u16) -> Result<Target, Error> {
        if port == 0 {
            return Err(Error::invalid("port 0 cannot be connected to"));
        }
        Ok(Target { scheme, host, port })
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host: a lower-case ASCII name without trailing dot, or an address.
    pub fn host(&self) -> &Host<String> {
        &self.host
    }

    /// The port, the scheme's own where none was written.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether both lead to the same host and port, whatever is spoken there.
    pub(crate) fn same_place(&self, other: &Target) -> bool {
        let same_address = || {
            let (own, other) = (self.address()?, other.address()?);
            Some(own.to_canonical() == other.to_canonical())
        };
        self.port == other.port && (self.host == other.host || same_address() == Some(true))
    }

    /// The address, where the host is one.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        match self.host {
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
            Host::Domain(_) => None,
        }
    }

    /// The name or address without brackets, as TLS and resolvers want it.
    pub(crate) fn bare_host(&self) -> String {
        match &self.host {
            Host::Domain(name) => name.clone(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.host)?;
        if self.port != self.scheme.default_port() {
            write!(f, ":{}", self.port)?;
        }
        Ok(())
    }
}

/// Reads a host by the rules of the URL standard.
pub(crate) fn parse_host(text: &str) -> Result<Host<String>, Error> {
    match Host::parse(text) {
        Ok(Host::Domain(name)) => Ok(Host::Domain(host_name(&name)?)),
        Ok(host) => Ok(host),
        Err(why) => Err(Error::invalid(format!(
            "`{text}` is no host name or address: {why}"
        ))),
    }
}

/// Checks a name that the `url` crate has made canonical, and takes off one trailing dot.
fn host_name(name: &str) -> Result<String, Error> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let label_ok = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
    };
    if name.len() <= 253 && name.split('.').all(label_ok) {
        Ok(name.to_owned())
    } else {
        Err(Error::invalid(format!("`{name}` is no host name")))
    }
}

/// Reads a URL to fetch, takes off the fragment and a trailing dot of the host, and says where it
/// leads. The URL that comes back is the one to send.
pub(crate) fn read_url(text: &str) -> Result<(Url, Target), Error> {
    if text.bytes().any(|b| b.is_ascii_control()) {
        return Err(Error::invalid(
            "the URL holds a line break or another control character",
        ));
    }
    let url =
        Url::parse(text).map_err(|why| Error::invalid(format!("the URL cannot be read: {why}")))?;
    canonical(url)
}

/// The same for a URL that is parsed already (a redirect's).
pub(crate) fn canonical(mut url: Url) -> Result<(Url, Target), Error> {
    let target = Target::of(&url)?;
    url.set_fragment(None);
    if url.host_str().is_some_and(|host| host.ends_with('.')) {
        url.set_host(Some(&target.bare_host()))
            .map_err(|why| Error::invalid(format!("the URL cannot be read: {why}")))?;
    }
    Ok((url, target))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn target(url: &str) -> String {
        read_url(url).unwrap().1.to_string()
    }

    #[test]
    fn every_spelling_of_an_address_is_the_address() {
        for host in [
            "127.0.0.1",
            "127.1",
            "127.0.1",
            "2130706433",
            "0x7f000001",
            "0x7f.0.0.1",
            "0177.0.0.1",
            "017700000001",
            "127.0.0.1.",
            "0X7F.1",
            "%31%32%37.0.0.1",
            "127。0。0。1",
            "１２７.0.0.1",
        ] {
            assert_eq!(
                target(&format!("http://{host}/")),
                "http://127.0.0.1",
                "{host}"
            );
        }
        assert_eq!(
            target("http://[::ffff:127.0.0.1]/"),
            "http://[::ffff:7f00:1]"
        );
        assert_eq!(target("http://[0:0:0:0:0:0:0:1]/"), "http://[::1]");
    }

    #[test]
    fn names_are_lower_case_ascii_without_trailing_dot() {
        assert_eq!(
            target("HTTPS://API.Example.COM./x#y"),
            "https://api.example.com"
        );
        assert_eq!(
            target("https://bücher.example:443/"),
            "https://xn--bcher-kva.example"
        );
        assert_eq!(target("https://ｅｘａｍｐｌｅ.com/"), "https://example.com");
        assert_eq!(target("http://a.example:0080/"), "http://a.example");
        let (url, _) = read_url("https://api.example.com.:8443/a?b#c").unwrap();
        assert_eq!(url.as_str(), "https://api.example.com:8443/a?b");
    }

    #[test]
    fn the_host_is_what_will_be_connected_to_whatever_stands_around_it() {
        assert_eq!(
            target("https://good.example\\@evil.example/"),
            "https://good.example"
        );
        assert_eq!(target("https:/good.example/"), "https://good.example");
        assert_eq!(
            target("https://evil.example#@good.example/"),
            "https://evil.example"
        );
        assert_eq!(
            target("https://evil.example?@good.example/"),
            "https://evil.example"
        );
        assert_eq!(
            target("https://evil.example/good.example"),
            "https://evil.example"
        );
    }

    #[test]
    fn urls_that_could_mislead_are_refused() {
        for url in [
            "https://good.example@evil.example/",
            "https://u:p@evil.example/",
            "https://:p@e.example/",
            "ftp://a.example/",
            "file:///etc/passwd",
            "https://",
            "https:///",
            "http://a.example:0/",
            "http://a.example:65536/",
            "http://a..example/",
            "http://a.example../",
            "http://./",
            "http://a\nb.example/",
            "http://a.example/\r\nx",
            "http://a b.example/",
            "//a.example/",
            "http://[::1/",
            "http://256.256.256.256/",
            "http://1.2.3.4.5/",
            "javascript:1",
            "http://a%00b.example/",
            "http://[::1%25lo]/",
            "http://*.example/",
        ] {
            assert!(read_url(url).is_err(), "{url:?} must be refused");
        }
    }

    #[test]
    fn mail_servers_are_read_by_the_same_rules() {
        assert_eq!(
            Target::smtp("Mail.Example.com.", 587).unwrap().to_string(),
            "smtp://mail.example.com"
        );
        assert_eq!(
            Target::smtp("0x7f.1", 25).unwrap().to_string(),
            "smtp://127.0.0.1:25"
        );
        assert_eq!(
            Target::smtp("[::1]", 465).unwrap().to_string(),
            "smtp://[::1]:465"
        );
        for host in [
            "",
            "a b",
            "user@mail.example",
            "mail.example/x",
            "mail.example:25",
            "a..b",
        ] {
            assert!(Target::smtp(host, 25).is_err(), "{host:?} must be refused");
        }
        assert!(Target::smtp("mail.example", 0).is_err());
    }
}
