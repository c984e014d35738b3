//! A web address: `http` or `https` with a host; a bare domain gets `https://`.

use super::email::is_domain;

pub(super) fn read(text: &str) -> Result<String, String> {
    valid(text)
        .ok_or_else(|| "Please answer with a web address, such as https://example.com.".into())
}

fn valid(text: &str) -> Option<String> {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
        None => ("https".to_owned(), text),
    };
    let unsafe_character = |character: char| {
        character.is_whitespace() || character.is_control() || "<>\"\\^`{|}".contains(character)
    };
    if !matches!(scheme.as_str(), "http" | "https")
        || text.contains(unsafe_character)
        || text.len() > 2_048
    {
        return None;
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    // A name before the host is how links deceive; nobody's home page has one.
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host, Some(port.parse::<u16>().ok()?)),
        None => (authority, None),
    };
    if !is_domain(host) && !is_ipv4(host) {
        return None;
    }
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{scheme}://{}{port}{path}", host.to_lowercase()))
}

fn is_ipv4(host: &str) -> bool {
    host.parse::<std::net::Ipv4Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn web_addresses_are_read_and_bare_domains_get_https() {
        for (text, expected) in [
            (
                "https://Example.com/Path?q=1#x",
                "https://example.com/Path?q=1#x",
            ),
            ("HTTP://example.com", "http://example.com"),
            ("example.com/a", "https://example.com/a"),
            ("www.exämple.fr", "https://www.exämple.fr"),
            ("example.com:8080", "https://example.com:8080"),
            ("http://192.0.2.1/x", "http://192.0.2.1/x"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn what_is_no_web_address_is_refused() {
        for text in [
            "",
            "hello",
            "ftp://example.com",
            "javascript:alert(1)",
            "https://",
            "https://a b.com",
            "mailto:a@b.com",
            "https://user@example.com",
            "https://example.com:99999",
            "https://localhost",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
