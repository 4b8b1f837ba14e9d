//! Addresses that we may call because a stranger says so: never one inside the house (server-side request forgery).
//!
//! What is checked here, when a webhook is registered, is a courtesy. What protects is the check of the address that
//! a connection is made to, when it is made: names may mean another machine by then.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// The longest address.
const LONGEST: usize = 500;

/// An address that cannot be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// Not a URL, or too long.
    #[error("an absolute URL of at most {LONGEST} characters")]
    NotAUrl,
    /// Anybody could read it.
    #[error("the URL begins with `https://`")]
    NotHttps,
    /// A URL is logged and shown; secrets do not belong into it.
    #[error("the URL has no user, password or fragment")]
    TooMuch,
    /// A machine that is not on the public internet.
    #[error("the URL names a machine on the public internet")]
    NotPublic,
}

/// Checks a webhook's address as far as it can be checked without asking for its name.
///
/// # Errors
/// What is wrong with it.
pub fn check(text: &str, allow_private: bool) -> Result<Url, BadAddress> {
    let url = Url::parse(text).ok().filter(|_| text.len() <= LONGEST).ok_or(BadAddress::NotAUrl)?;
    let is_http = allow_private && url.scheme() == "http";
    if url.scheme() != "https" && !is_http {
        return Err(BadAddress::NotHttps);
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(BadAddress::TooMuch);
    }
    if allow_private || may_be_called(&url) { Ok(url) } else { Err(BadAddress::NotPublic) }
}

/// Whether the host, if it is written as an address, is a public one, and if it is a name, not one of the house.
pub fn may_be_called(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => is_public(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => is_public(IpAddr::V6(address)),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            let inside = ["localhost", "local", "internal", "lan", "home.arpa", "svc", "test"];
            let is_inside = |end: &&str| name == **end || name.ends_with(&format!(".{end}"));
            name.contains('.') && !inside.iter().any(is_inside)
        }
        None => false,
    }
}

/// Whether an address belongs to a machine on the public internet.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b)) // shared by a provider's customers
        || (a == 192 && b == 0 && c == 0)       // protocol assignments
        || (a == 192 && b == 88 && c == 99)     // 6to4 relays
        || (a == 198 && (18..20).contains(&b)); // benchmarks
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = address.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    let parts = address.segments();
    let is_global = (0x2000..0x4000).contains(&parts[0]);
    // Below 2001:200 lie Teredo, ORCHID, benchmarks and more; 2001:db8 and 3fff are for documentation.
    let special = (parts[0] == 0x2001 && (parts[1] < 0x0200 || parts[1] == 0x0db8))
        || (parts[0] == 0x3fff && parts[1] < 0x1000)
        || parts[0] == 0x2002; // 6to4: another address inside
    is_global && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_inside_the_house_are_not_public() {
        let inside = [
            "127.0.0.1",
            "127.1.2.3",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "0.1.2.3",
            "100.64.0.1",
            "192.0.0.8",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "203.0.113.5",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd12:3456::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "2001::1",
            "fec0::1",
        ];
        for address in inside {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in ["93.184.216.34", "1.1.1.1", "172.32.0.1", "2606:2800:220:1::1", "2a00::1"] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn addresses_in_disguise_are_seen_through() {
        let inside = [
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:169.254.169.254]/",
            "https://localhost/",
            "https://LOCALHOST./",
            "https://db.internal/",
            "https://mes-write-api/",
            "https://x.svc/",
        ];
        for url in inside {
            assert_eq!(check(url, false), Err(BadAddress::NotPublic), "{url}");
        }
        assert!(check("https://partner.example.com:8443/mes?x=1", false).is_ok());
    }

    #[test]
    fn what_is_not_a_webhooks_address_is_said() {
        assert_eq!(check("partner.example.com", false), Err(BadAddress::NotAUrl));
        assert_eq!(check("http://partner.example.com/", false), Err(BadAddress::NotHttps));
        assert_eq!(check("file:///etc/passwd", true), Err(BadAddress::NotHttps));
        assert_eq!(check("https://a:b@example.com/", false), Err(BadAddress::TooMuch));
        assert!(check("http://127.0.0.1:8080/", true).is_ok());
        let long = format!("https://example.com/{}", "x".repeat(500));
        assert_eq!(check(&long, false), Err(BadAddress::NotAUrl));
    }
}
