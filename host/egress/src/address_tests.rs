//! What the address judge holds: every special block is refused, rules open exactly what they say.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn every_special_address_is_refused() {
    for text in [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.9",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "168.63.129.16",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::127.0.0.1",
        "::ffff:0:8.8.8.8",
        "64:ff9b::7f00:1",
        "64:ff9b:1::a00:1",
        "100::1",
        "2001::1",
        "2001:2::1",
        "2001:10::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "4000::1",
        "5f00::1",
    ] {
        assert!(not_global(ip(text)).is_some(), "{text} must be refused");
    }
}

#[test]
fn ordinary_public_addresses_pass() {
    for text in [
        "1.1.1.1",
        "8.8.8.8",
        "100.63.255.255",
        "100.128.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "168.63.129.17",
        "192.0.1.1",
        "198.20.0.0",
        "223.255.255.255",
        "2606:4700::1111",
        "2a00:1450::1",
        "2001:4860:4860::8888",
        "2003::1",
    ] {
        assert_eq!(not_global(ip(text)), None, "{text} must pass");
    }
}

#[test]
fn a_rule_opens_its_port_and_block_only() {
    let list = AllowList::new(vec![
        "127.0.0.1:8025".parse().unwrap(),
        "10.0.0.0/8".parse().unwrap(),
    ]);
    let check = |text: &str| list.check(text.parse().unwrap());
    assert!(check("127.0.0.1:8025").is_ok());
    assert!(check("127.0.0.1:8026").is_err());
    assert!(check("127.0.0.2:8025").is_err());
    assert!(check("10.9.8.7:1").is_ok());
    assert!(check("[::ffff:10.9.8.7]:1").is_err());
    assert_eq!(list.ports(), vec![8025]);
}

#[test]
fn rules_are_written_as_they_are_read() {
    for text in [
        "127.0.0.1:8025",
        "127.0.0.1",
        "10.0.0.0/8",
        "10.0.0.0/8:443",
        "::1",
        "[::1]:8025",
        "fd00::/8",
        "[fd00::/8]:443",
        "0.0.0.0/0",
    ] {
        assert_eq!(text.parse::<AddressRule>().unwrap().to_string(), text);
    }
}

#[test]
fn what_is_no_rule_is_refused_with_an_example() {
    for text in [
        "",
        "localhost",
        "127.0.0.1:0",
        "127.0.0.1:99999",
        "10.0.0.1/8",
        "[::1",
        "[::1]80",
        "0x7f.1",
        "10.0.0.0/33",
        "127.1",
    ] {
        let error = text.parse::<AddressRule>().unwrap_err().to_string();
        assert!(error.contains("127.0.0.1:8025"), "{error}");
    }
    let hint = "10.0.0.1/8".parse::<AddressRule>().unwrap_err().to_string();
    assert!(hint.contains("10.0.0.0/8"), "{hint}");
}

proptest! {
    #[test]
    fn any_rule_survives_its_own_text(bits in any::<u32>(), prefix in 0u8..=32, port in proptest::option::of(1u16..)) {
        let net = IpNet::from(Ipv4Net::new(Ipv4Addr::from(bits), prefix).unwrap());
        let rule = AddressRule::new(net, port);
        prop_assert_eq!(rule.to_string().parse::<AddressRule>().unwrap(), rule);
    }

    #[test]
    fn any_v6_rule_survives_its_own_text(bits in any::<u128>(), prefix in 0u8..=128, port in proptest::option::of(1u16..)) {
        let net = IpNet::from(Ipv6Net::new(Ipv6Addr::from(bits), prefix).unwrap());
        let rule = AddressRule::new(net, port);
        prop_assert_eq!(rule.to_string().parse::<AddressRule>().unwrap(), rule);
    }

    #[test]
    fn reading_a_rule_never_panics(text in "\\PC{0,40}") {
        let _ = text.parse::<AddressRule>();
    }

    #[test]
    fn no_ipv6_form_of_an_ipv4_address_passes(bits in any::<u32>()) {
        let v4 = u128::from(bits);
        for form in [v4, 0xffff_0000_0000 | v4, (0x64_ff9bu128 << 96) | v4,
            (0x2002u128 << 112) | (v4 << 80), (0x2001_0000u128 << 96) | v4]
        {
            prop_assert!(not_global(IpAddr::V6(Ipv6Addr::from(form))).is_some());
        }
    }
}
