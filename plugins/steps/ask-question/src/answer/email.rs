//! One e-mail address (RFC 5321 without quoted local parts), trimmed, its domain in lower case.

pub(super) fn read(text: &str) -> Result<String, String> {
    let text = text.strip_prefix("mailto:").unwrap_or(text);
    let text = text
        .strip_prefix('<')
        .and_then(|text| text.strip_suffix('>'))
        .unwrap_or(text)
        .trim();
    let valid = text
        .split_once('@')
        .filter(|(local, domain)| local_part(local) && is_domain(domain));
    let (local, domain) =
        valid.ok_or("Please answer with one e-mail address, such as ann@example.com.")?;
    Ok(format!("{local}@{}", domain.to_lowercase()))
}

fn local_part(local: &str) -> bool {
    (1..=64).contains(&local.len())
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && local.chars().all(|character| {
            character.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(character)
        })
}

/// A domain name with at least two labels; letters of any script.
pub(super) fn is_domain(domain: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .chars()
                .all(|character| character.is_alphanumeric() || character == '-')
    };
    let last = domain.rsplit('.').next().unwrap_or_default();
    domain.len() <= 253
        && domain.contains('.')
        && domain.split('.').all(label)
        && last.chars().count() >= 2
        && !last.chars().all(|character| character.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn an_address_is_trimmed_and_its_domain_lowered() {
        for (text, expected) in [
            ("Ann.Lee+x@Example.COM", "Ann.Lee+x@example.com"),
            ("<ann@example.com>", "ann@example.com"),
            ("mailto:ann@example.com", "ann@example.com"),
            ("josé@exämple.fr", "josé@exämple.fr"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn what_is_not_one_address_is_refused() {
        for text in [
            "",
            "ann",
            "ann@",
            "@example.com",
            "ann@example",
            "a@b@example.com",
            "ann@example.com bob@example.com",
            ".ann@example.com",
            "an..n@example.com",
            "ann@-example.com",
            "ann@example..com",
            "ann@1.2.3.4",
            "a,b@example.com",
            "ann@example.c",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
